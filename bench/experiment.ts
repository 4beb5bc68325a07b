/**
 * Runs one group: starts its proxies, proves each, warms each up, then loads them in turn, round after round,
 * in short slices and rotated order, so that whatever the machine does besides, it does to all of them.
 */
import { readRssBytes } from "./accounts.ts";
import type { CaseName, Entrant, Group } from "./cases.ts";
import type { LoadPlan } from "./loads.ts";
import { takeLines } from "./log-lines.ts";
import type { Pinning } from "./machine.ts";
import type { Origin } from "./origin.ts";
import type { Peer, PeerName, RunningPeer } from "./peers/peer.ts";
import { run, writeConfig } from "./processes.ts";
import { type Contender, coreOf, quiet, type Slice, slice } from "./slice.ts";
import { strict } from "./stack.ts";
import { rotate } from "./statistics.ts";
import { type Observed, verify } from "./verify.ts";
import { verifyLimit, verifyStack } from "./verify-stack.ts";

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
  readonly does: string;
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

interface Participant extends Contender {
  readonly does: string;
  readonly observed: Observed;
  readonly slices: Slice[];
}

export async function runGroup(group: Group, conditions: Conditions): Promise<GroupResult> {
  const contenders: Participant[] = [];
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
async function join(entrant: Entrant, conditions: Conditions): Promise<Participant | Absent> {
  const { id, case: name, peer, label, load } = entrant;
  const notThere = conditions.missing[peer];
  if (notThere !== undefined) return { id, case: name, peer, label, reason: notThere, missing: true };
  let proxy: RunningPeer | null = null;
  try {
    await proveLimit(entrant, conditions);
    proxy = await startProxy(entrant, conditions);
    const observed = await verify({ proxyPort: proxy.port, originPort: conditions.origin.port, ...load });
    if (proxy.logPath !== null) {
      const { statesLimits } = conditions.peers[peer];
      await verifyStack({ port: proxy.port, logPath: proxy.logPath, statesLimits, load });
    }
    const script = scriptPath(entrant, conditions.folder);
    const loadCommand = wrkCommand(conditions, conditions.seconds, proxy.port, load, script);
    conditions.progress(`${id}: warming up`);
    await run(
      wrkCommand(conditions, conditions.warmUpSeconds, proxy.port, load, script),
      conditions.pinning.load,
    );
    await quiet(conditions.origin);
    if (proxy.logPath !== null) await takeLines(proxy.logPath, Number.POSITIVE_INFINITY);
    if (!proxy.program.alive()) throw new Error(`it ended while warming up:\n${proxy.program.tail()}`);
    const does = conditions.peers[peer].does(entrant.setting);
    return { entrant, proxy, does, observed, loadCommand, slices: [], last: null };
  } catch (error) {
    await proxy?.program.stop();
    const reason = error instanceof Error ? error.message : String(error);
    return { id, case: name, peer, label, reason, missing: false };
  }
}

/** A limit that no load reaches could as well not be there: the same proxy with one that is soon reached shows it. */
async function proveLimit(entrant: Entrant, conditions: Conditions): Promise<void> {
  const { id, setting, load } = entrant;
  if (setting.stack === null) return;
  const limited = { ...setting, stack: { ...setting.stack, limit: strict } };
  const proxy = await startProxy({ ...entrant, id: `${id}-limited`, setting: limited }, conditions);
  try {
    await verifyLimit({ port: proxy.port, load });
  } finally {
    await proxy.program.stop();
  }
}

export async function startProxy(
  entrant: Entrant,
  { peers, folder, origin, pinning }: Pick<Conditions, "peers" | "folder" | "origin" | "pinning">,
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningPeer> {
  return await peers[entrant.peer].start({
    name: fileName(entrant.id),
    folder,
    originPort: origin.port,
    core: coreOf(entrant, pinning),
    setting: entrant.setting,
    environment,
  });
}

/** Of its own for every entrant: those of one case do not all ask for the same. */
export function scriptPath({ id, load }: Entrant, folder: string): string | null {
  return load.script === null ? null : writeConfig(folder, `${fileName(id)}.lua`, load.script);
}

const fileName = (id: string): string => id.replaceAll(/[^\w-]+/g, "-");

export function wrkCommand(
  { connections }: { readonly connections: number },
  seconds: number,
  port: number,
  load: LoadPlan,
  script: string | null,
): string[] {
  const scripted = script === null ? [] : ["-s", script];
  const headers = Object.entries(load.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const url = `http://127.0.0.1:${port}${load.path}`;
  return ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", ...headers, ...scripted, url];
}

async function runRounds(contenders: readonly Participant[], conditions: Conditions): Promise<void> {
  for (let round = 0; round < conditions.rounds; round += 1) {
    for (const [place, contender] of rotate(contenders, round).entries()) {
      const { id } = contender.entrant;
      conditions.progress(`round ${round + 1} of ${conditions.rounds}: ${id}`);
      contender.slices.push(await slice(contender, { round, place }, conditions));
    }
  }
}

function result({ entrant, proxy, does, observed, loadCommand, slices }: Participant): Measured {
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
    does,
    observed,
    slices,
  };
}
