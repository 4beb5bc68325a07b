/**
 * Runs one group: starts its proxies, proves each, warms each up, then loads them in turn, round after round,
 * in short slices and rotated order, so that whatever the machine does besides, it does to all of them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { readCore, readRssBytes, readUsage, type Usage } from "./accounts.ts";
import type { CaseName, Entrant, Group, LoadPlan } from "./cases.ts";
import type { Pinning } from "./machine.ts";
import { cpuBetween, type Load, type OriginCount, parseWrk, reasonsInvalid } from "./measure.ts";
import type { Origin } from "./origin.ts";
import type { Peer, PeerName, RunningPeer } from "./peers/peer.ts";
import { run, writeConfig } from "./processes.ts";
import { rotate } from "./statistics.ts";
import { type Observed, verify } from "./verify.ts";

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
  /** CPU used since the slice before, while nobody asked: work put off is work all the same. */
  readonly cpuUsBetween: number | null;
  readonly accountsAgree: boolean;
  readonly invalid: readonly string[];
}

export interface Measured {
  readonly id: string;
  readonly case: CaseName;
  readonly peer: PeerName;
  readonly label: string;
  readonly command: readonly string[];
  readonly loadCommand: readonly string[];
  readonly script: string | null;
  readonly config: string;
  readonly startedInMs: number;
  readonly rssBytes: number;
  readonly observed: Observed;
  readonly slices: readonly Slice[];
}

/** An entrant that could not be measured, and why. `missing`: not installed, which is no failure of ours. */
export interface Absent {
  readonly id: string;
  readonly case: CaseName;
  readonly peer: PeerName;
  readonly label: string;
  readonly reason: string;
  readonly missing: boolean;
}

export interface GroupResult {
  readonly title: string;
  readonly reference: string;
  readonly measured: readonly Measured[];
  readonly absent: readonly Absent[];
}

export interface Conditions {
  readonly folder: string;
  readonly origin: Origin;
  readonly peers: Readonly<Record<PeerName, Peer>>;
  readonly missing: Readonly<Partial<Record<PeerName, string>>>;
  readonly pinning: Pinning;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  readonly progress: (text: string) => void;
}

interface Contender {
  readonly entrant: Entrant;
  readonly proxy: RunningPeer;
  readonly observed: Observed;
  readonly loadCommand: readonly string[];
  readonly slices: Slice[];
  last: Usage | null;
}

/** The origin must have been asked nothing for so long before anything is read. */
const quietMs = 100;
const quietLimitMs = 5_000;

export async function runGroup(group: Group, conditions: Conditions): Promise<GroupResult> {
  const contenders: Contender[] = [];
  const absent: Absent[] = [];
  try {
    for (const entrant of group.entrants) {
      conditions.progress(`${entrant.id}: starting`);
      const joined = await join(entrant, conditions);
      if ("reason" in joined) absent.push(joined);
      else contenders.push(joined);
    }
    await runRounds(contenders, conditions);
    const measured = contenders.map((contender) => result(contender));
    return { title: group.title, reference: group.reference, measured, absent };
  } finally {
    await Promise.all(contenders.map(({ proxy }) => proxy.program.stop()));
  }
}

/** Starts, proves and warms up one entrant. */
async function join(entrant: Entrant, conditions: Conditions): Promise<Contender | Absent> {
  const { id, case: name, peer, label, load } = entrant;
  const notThere = conditions.missing[peer];
  if (notThere !== undefined) return { id, case: name, peer, label, reason: notThere, missing: true };
  let proxy: RunningPeer | null = null;
  try {
    proxy = await startProxy(entrant, conditions);
    const observed = await verify({ proxyPort: proxy.port, originPort: conditions.origin.port, ...load });
    const script = scriptPath(entrant, conditions.folder);
    const loadCommand = wrkCommand(conditions, conditions.seconds, proxy.port, load, script);
    conditions.progress(`${id}: warming up`);
    await run(
      wrkCommand(conditions, conditions.warmUpSeconds, proxy.port, load, script),
      conditions.pinning.load,
    );
    await quiet(conditions.origin);
    if (!proxy.program.alive()) throw new Error(`it ended while warming up:\n${proxy.program.tail()}`);
    return { entrant, proxy, observed, loadCommand, slices: [], last: null };
  } catch (error) {
    await proxy?.program.stop();
    const reason = error instanceof Error ? error.message : String(error);
    return { id, case: name, peer, label, reason, missing: false };
  }
}

export async function startProxy(
  entrant: Entrant,
  { peers, folder, origin, pinning }: Pick<Conditions, "peers" | "folder" | "origin" | "pinning">,
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningPeer> {
  return await peers[entrant.peer].start({
    name: entrant.id.replaceAll(/[^\w-]+/g, "-"),
    folder,
    originPort: origin.port,
    core: pinning.proxy,
    setting: entrant.setting,
    environment,
  });
}

export function scriptPath({ case: name, load }: Entrant, folder: string): string | null {
  return load.script === null ? null : writeConfig(folder, `${name}.lua`, load.script);
}

export function wrkCommand(
  { connections }: { readonly connections: number },
  seconds: number,
  port: number,
  load: LoadPlan,
  script: string | null,
): string[] {
  const scripted = script === null ? [] : ["-s", script];
  const url = `http://127.0.0.1:${port}${load.path}`;
  return ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", ...scripted, url];
}

async function runRounds(contenders: readonly Contender[], conditions: Conditions): Promise<void> {
  for (let round = 0; round < conditions.rounds; round += 1) {
    for (const [place, contender] of rotate(contenders, round).entries()) {
      const { id } = contender.entrant;
      conditions.progress(`round ${round + 1} of ${conditions.rounds}: ${id}`);
      contender.slices.push(await slice(contender, { round, place }, conditions));
    }
  }
}

async function slice(
  contender: Contender,
  at: { round: number; place: number },
  { origin, pinning, connections }: Conditions,
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
  const after = readUsage(proxy.program.pid);
  const originUsageAfter = readUsage(origin.program.pid);

  const load = parseWrk(text) ?? nothing;
  const { cpuUs, cpuUsByTicks, agree } = cpuBetween(before, after);
  const originRequests = originAfter.requests - originBefore.requests;
  const bodyBytes = entrant.load.expected.length;
  const invalid = reasonsInvalid({ load, connections, bodyBytes, originRequests, before, after });
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
    ...coreShares(coresBefore, coresAfter, { seconds, cpuUs, shared: pinning.proxy === null }),
    sleepsPerRequest: (after.voluntarySwitches - before.voluntarySwitches) / load.requests,
    originRequests,
    originConnections: originAfter.connections - originBefore.connections,
    cpuUsBetween: between,
    accountsAgree: agree,
    invalid,
  };
}

/** Waits until no request reaches the origin any more, and gives its count. */
async function quiet(origin: Origin): Promise<OriginCount> {
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

function result({ entrant, proxy, observed, loadCommand, slices }: Contender): Measured {
  const { id, case: name, peer, label, load } = entrant;
  return {
    id,
    case: name,
    peer,
    label,
    command: proxy.program.command,
    loadCommand,
    script: load.script,
    config: proxy.config,
    startedInMs: proxy.program.startedInMs,
    rssBytes: readRssBytes(proxy.program.pid),
    observed,
    slices,
  };
}
