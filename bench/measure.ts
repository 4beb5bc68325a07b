/**
 * What wrk and the origin saw of one slice of load, and when a slice must not be used.
 * The origin's own count is the witness that the answers came through and not out of somewhere.
 */
import { tickUs, type Usage } from "./accounts.ts";

/** What wrk saw. */
export interface Load {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Bytes that reached wrk, as far as its three digits tell. */
  readonly bytesRead: number;
  /** Answers with a status of 400 and above: wrk counts 3xx as good. */
  readonly badStatuses: number;
  readonly socketErrors: number;
}

/** Reads what `wrk --latency` prints; null where it is not that. */
export function parseWrk(text: string): Load | null {
  const [, requests, read] = /(\d+) requests in \S+, (\S+) read/.exec(text) ?? [];
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(text)?.[1];
  const p50 = /^\s+50%\s+(\S+)$/m.exec(text)?.[1];
  const p99 = /^\s+99%\s+(\S+)$/m.exec(text)?.[1];
  if (
    requests === undefined ||
    rate === undefined ||
    p50 === undefined ||
    p99 === undefined ||
    read === undefined
  ) {
    return null;
  }
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  return {
    requests: Number(requests),
    requestsPerSecond: Number(rate),
    p50Us: parseWrkTime(p50),
    p99Us: parseWrkTime(p99),
    bytesRead: parseWrkSize(read),
    badStatuses: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
    socketErrors: errors === null ? 0 : errors.slice(1).reduce((sum, count) => sum + Number(count), 0),
  };
}

const wrkUnitsUs: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6, m: 60e6, h: 3600e6 };

/** `640.00us`, `1.28ms`, `2.00s` in microseconds; NaN for anything else. */
export function parseWrkTime(text: string): number {
  const found = /^([\d.]+)(us|ms|s|m|h)$/.exec(text);
  return Number(found?.[1] ?? Number.NaN) * (wrkUnitsUs[found?.[2] ?? ""] ?? Number.NaN);
}

const wrkSizes: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
};

/** `34.53MB` in bytes; NaN for anything else. */
export function parseWrkSize(text: string): number {
  const found = /^([\d.]+)([KMGT]?B)$/.exec(text);
  return Number(found?.[1] ?? Number.NaN) * (wrkSizes[found?.[2] ?? ""] ?? Number.NaN);
}

/** The origin's own count, from NGINX `stub_status`. */
export interface OriginCount {
  readonly connections: number;
  readonly requests: number;
}

export function parseStubStatus(text: string): OriginCount | null {
  const found = /^\s*(\d+) (\d+) (\d+)\s*$/m.exec(text);
  return found === null ? null : { connections: Number(found[2]), requests: Number(found[3]) };
}

/** Everything one slice gave, before it is judged. */
export interface Observation {
  readonly load: Load;
  readonly connections: number;
  /** Length of the body every answer has to bring. */
  readonly bodyBytes: number;
  readonly originRequests: number;
  /** Null where none are written. */
  readonly logLines: number | null;
  readonly before: Usage;
  readonly after: Usage;
}

/** Why a slice must not be used. Empty: it may. */
export function reasonsInvalid({
  load,
  connections,
  bodyBytes,
  originRequests,
  logLines,
  before,
  after,
}: Observation): string[] {
  const reasons: string[] = [];
  if (load.requests === 0) reasons.push("no request was answered");
  if (load.badStatuses > 0) reasons.push(`${load.badStatuses} answers of status 400 or above`);
  if (load.socketErrors > 0) reasons.push(`${load.socketErrors} socket errors or timeouts`);
  if (load.bytesRead < load.requests * bodyBytes * 0.99) {
    reasons.push(`${load.bytesRead} bytes read are too few for ${load.requests} bodies of ${bodyBytes}`);
  }
  if (originRequests < load.requests) {
    reasons.push(`${load.requests} answers but the origin saw only ${originRequests} requests`);
  }
  // When wrk stops, up to one request a connection is on its way and is not counted by it.
  if (originRequests > load.requests + connections) {
    reasons.push(`the origin saw ${originRequests - load.requests} more requests than were answered`);
  }
  if (logLines !== null && logLines < load.requests) {
    reasons.push(`${load.requests} answers but only ${logLines} lines in the access log`);
  }
  if (before.pids.join() !== after.pids.join()) reasons.push("a process ended or was started meanwhile");
  return reasons;
}

/** CPU of a slice by both accounts, and whether they agree within the ticks' own coarseness. */
export function cpuBetween(
  before: Usage,
  after: Usage,
): { cpuUs: number; cpuUsByTicks: number; agree: boolean } {
  const scheduledUs = (after.scheduledNs - before.scheduledNs) / 1000;
  const cpuUsByTicks = (after.ticks - before.ticks) * tickUs;
  // A kernel without CONFIG_SCHED_INFO shows nothing but noughts.
  const cpuUs = scheduledUs > 0 ? scheduledUs : cpuUsByTicks;
  const slack = Math.max(cpuUs, cpuUsByTicks) * 0.03 + 4 * tickUs;
  return { cpuUs, cpuUsByTicks, agree: Math.abs(cpuUs - cpuUsByTicks) <= slack };
}
