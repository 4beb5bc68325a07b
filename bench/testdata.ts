/** Slices as they are measured, for tests of what is computed from them. */
import type { CaseName } from "./cases.ts";
import type { GroupResult, Measured } from "./experiment.ts";
import type { PeerName } from "./peers/peer.ts";
import type { Slice } from "./slice.ts";

export function sliceOf(round: number, change: Partial<Slice>): Slice {
  const cpuUsPerRequest = change.cpuUsPerRequest ?? 30;
  return {
    round,
    place: 0,
    seconds: 3,
    requests: 1000,
    requestsPerSecond: 333,
    p50Us: 1,
    p99Us: 2,
    bytesRead: 1,
    badStatuses: 0,
    socketErrors: 0,
    cpuUsPerRequest,
    cpuUsPerRequestByTicks: cpuUsPerRequest,
    systemShare: 0.5,
    originCpuUsPerRequest: 9,
    proxyBusy: 1,
    othersOnProxyCore: 0,
    originCoreBusy: 0.5,
    stolen: 0,
    sleepsPerRequest: 0,
    originRequests: 1000,
    originConnections: 0,
    logLines: null,
    cpuUsBetween: null,
    accountsAgree: true,
    invalid: [],
    ...change,
  };
}

export function measuredOf(
  name: CaseName,
  peer: PeerName,
  label: string,
  slices: readonly Slice[],
): Measured {
  return {
    id: `${name}/${label}`,
    case: name,
    peer,
    label,
    command: [],
    loadCommand: [],
    script: null,
    config: "",
    startedInMs: 1,
    rssBytes: 1,
    does: "proxies",
    observed: { addsToRequest: [], addsToAnswer: [], leavesOutOfAnswer: [] },
    slices,
  };
}

export function groupOf(...measured: readonly Measured[]): GroupResult {
  return { title: "", reference: "", measured, absent: [] };
}
