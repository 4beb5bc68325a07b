/** One slice of load on one proxy, with everything that was seen of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { readCore, readUsage, type Usage } from "./accounts.ts";
import type { Entrant } from "./cases.ts";
import { takeLines } from "./log-lines.ts";
import type { Pinning } from "./machine.ts";
import { cpuBetween, type Load, type OriginCount, parseWrk, reasonsInvalid } from "./measure.ts";
import type { Origin } from "./origin.ts";
import type { RunningPeer } from "./peers/peer.ts";
import { run } from "./processes.ts";

export interface Slice extends Load {
  readonly round: number;
  /** Place in its round. */
  readonly place: number;
  readonly seconds: number;
  readonly cpuUsPerRequest: number;
  /** The same by the coarser account. */
  readonly cpuUsPerRequestByTicks: number;
  /** Share of its CPU that the proxy spent in the kernel. */
  readonly systemShare: number;
  /** What the origin paid for the same requests: it always does the same, so its changes are the machine's. */
  readonly originCpuUsPerRequest: number;
  /** Share of the slice that the proxy was on a CPU; below 1 it waited for origin or load. */
  readonly proxyBusy: number;
  /** Share of the proxy's core that others took: noise. Null where nothing is pinned. */
  readonly othersOnProxyCore: number | null;
  /** Share of the origin's core in use, which near 1 was the limit. */
  readonly originCoreBusy: number | null;
  readonly stolen: number | null;
  readonly sleepsPerRequest: number;
  readonly originRequests: number;
  readonly originConnections: number;
  /** Lines that the proxy's access log grew by; null where it keeps none. */
  readonly logLines: number | null;
  /** CPU used since the slice before, while nobody asked: work put off is work all the same. */
  readonly cpuUsBetween: number | null;
  readonly accountsAgree: boolean;
  readonly invalid: readonly string[];
}

/** The origin must have been asked nothing for so long before anything is read. */
const quietMs = 100;
const quietLimitMs = 5_000;

/** A proxy that has proved itself and is warm. */
export interface Contender {
  readonly entrant: Entrant;
  readonly proxy: RunningPeer;
  readonly loadCommand: readonly string[];
  /** At the end of its last slice. */
  last: Usage | null;
}

interface Surroundings {
  readonly origin: Origin;
  readonly pinning: Pinning;
  readonly connections: number;
}

export async function slice(
  contender: Contender,
  at: { round: number; place: number },
  { origin, pinning, connections }: Surroundings,
): Promise<Slice> {
  const { entrant, proxy, loadCommand } = contender;
  const originBefore = await origin.count();
  const coresBefore = readCores(pinning);
  const originUsageBefore = readUsage(origin.program.pid);
  const before = readUsage(proxy.program.pid);
  const startedAt = performance.now();
  const { text } = await run(loadCommand, pinning.load);
  const seconds = (performance.now() - startedAt) / 1000;
  const coresAfter = readCores(pinning);
  // What wrk has left behind is still to be answered and closed: part of this slice, and not of the next.
  const originAfter = await quiet(origin);
  const load = parseWrk(text) ?? nothing;
  const logLines = proxy.logPath === null ? null : await takeLines(proxy.logPath, load.requests);
  const after = readUsage(proxy.program.pid);
  const originUsageAfter = readUsage(origin.program.pid);

  const { cpuUs, cpuUsByTicks, agree } = cpuBetween(before, after);
  const originRequests = originAfter.requests - originBefore.requests;
  const bodyBytes = entrant.load.expected.length;
  const seen = { load, connections, bodyBytes, originRequests, logLines, before, after };
  const invalid = reasonsInvalid(seen);
  if (load === nothing) invalid.push(`wrk: ${text.trim().slice(0, 200)}`);
  const between = contender.last === null ? null : cpuBetween(contender.last, before).cpuUs;
  contender.last = after;
  return {
    ...at,
    ...load,
    seconds,
    cpuUsPerRequest: cpuUs / load.requests,
    cpuUsPerRequestByTicks: cpuUsByTicks / load.requests,
    systemShare: (after.systemTicks - before.systemTicks) / (after.ticks - before.ticks),
    originCpuUsPerRequest: cpuBetween(originUsageBefore, originUsageAfter).cpuUs / load.requests,
    proxyBusy: cpuUs / 1e6 / seconds,
    ...coreShares(coresBefore, coresAfter, { seconds, cpuUs, shared: coreOf(entrant, pinning) === null }),
    sleepsPerRequest: (after.voluntarySwitches - before.voluntarySwitches) / load.requests,
    originRequests,
    originConnections: originAfter.connections - originBefore.connections,
    logLines,
    cpuUsBetween: between,
    accountsAgree: agree,
    invalid,
  };
}

/** The core of a proxy; null where it may use several. */
export function coreOf({ setting }: Entrant, { proxy }: Pinning): number | null {
  return setting.lanes > 1 ? null : proxy;
}

/** Waits until no request reaches the origin any more, and gives its count. */
export async function quiet(origin: Origin): Promise<OriginCount> {
  const until = performance.now() + quietLimitMs;
  for (let last = await origin.count(); ; ) {
    await sleep(quietMs);
    const now = await origin.count();
    if (now.requests === last.requests || performance.now() > until) return now;
    last = now;
  }
}

const nothing: Load = {
  requests: 0,
  requestsPerSecond: 0,
  p50Us: Number.NaN,
  p99Us: Number.NaN,
  bytesRead: 0,
  badStatuses: 0,
  socketErrors: 0,
};

interface Cores {
  readonly proxy: { busy: number; stolen: number };
  readonly origin: { busy: number; stolen: number };
}

function readCores({ proxy, origin }: Pinning): Cores {
  const none = { busy: 0, stolen: 0 };
  return {
    proxy: proxy === null ? none : readCore(proxy),
    origin: origin === null ? none : readCore(origin),
  };
}

function coreShares(
  before: Cores,
  after: Cores,
  { seconds, cpuUs, shared }: { seconds: number; cpuUs: number; shared: boolean },
): Pick<Slice, "othersOnProxyCore" | "originCoreBusy" | "stolen"> {
  if (shared) return { othersOnProxyCore: null, originCoreBusy: null, stolen: null };
  const share = (ticks: number): number => ticks / 100 / seconds;
  const busy = share(after.proxy.busy - before.proxy.busy);
  return {
    othersOnProxyCore: Math.max(0, busy - cpuUs / 1e6 / seconds),
    originCoreBusy: share(after.origin.busy - before.origin.busy),
    stolen: share(after.proxy.stolen - before.proxy.stolen),
  };
}
