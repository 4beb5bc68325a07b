/**
 * Where Turnpike's time goes: V8's sampler for our JavaScript by name, and `perf` (where it is there) for the share
 * of kernel, node and compiled JavaScript. Only samples taken under load are counted.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { processTree } from "./accounts.ts";
import type { Entrant } from "./cases.ts";
import { type Conditions, scriptPath, startProxy, wrkCommand } from "./experiment.ts";
import { parseWrk } from "./measure.ts";
import type { RunningPeer } from "./peers/peer.ts";
import { find, run } from "./processes.ts";
import { table } from "./report.ts";

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  readonly name: string;
  readonly group: string;
  readonly us: number;
}

const shown = 25;
/** The gateway drains before it ends, and writes its profile only then. */
const drainMs = 60_000;

export async function profile(entrant: Entrant, conditions: Conditions, repository: string): Promise<string> {
  const parts = [await sampleJavaScript(entrant, conditions, repository)];
  parts.push(
    find("perf") === null
      ? "perf is not installed: no account of kernel against node"
      : await samplePerf(entrant, conditions),
  );
  return parts.join("\n\n");
}

async function sampleJavaScript(
  entrant: Entrant,
  conditions: Conditions,
  repository: string,
): Promise<string> {
  const folder = join(conditions.folder, "profile");
  const flags = `--cpu-prof --cpu-prof-dir=${folder} --cpu-prof-interval=500`;
  const proxy = await startProxy(entrant, conditions, { NODE_OPTIONS: flags });
  let from = 0;
  let to = 0;
  try {
    await underLoad(entrant, proxy, conditions, conditions.warmUpSeconds);
    from = monotonicUs();
    await underLoad(entrant, proxy, conditions, conditions.seconds);
    to = monotonicUs();
  } finally {
    conditions.progress("waiting for the profile");
    await proxy.program.stop(drainMs);
  }
  const files = listProfiles(folder);
  if (files.length === 0)
    throw new Error(`no profile was written: did it end on SIGTERM?\n${proxy.program.tail()}`);
  const times = files.flatMap((file) =>
    selfTimes(JSON.parse(readFileSync(file, "utf8")) as CpuProfile, repository, { from, to }),
  );
  return printSelfTimes(
    merge(times),
    `JavaScript sampler, ${entrant.id}, ${conditions.seconds} s under load`,
  );
}

async function underLoad(
  { case: name, load, ...rest }: Entrant,
  proxy: RunningPeer,
  conditions: Conditions,
  seconds: number,
): Promise<void> {
  const entrant = { case: name, load, ...rest };
  conditions.progress(`profiling ${entrant.id}`);
  const script = scriptPath(entrant, conditions.folder);
  const { text } = await run(
    wrkCommand(conditions, seconds, proxy.port, load, script),
    conditions.pinning.load,
  );
  const seen = parseWrk(text);
  if (seen === null || seen.badStatuses + seen.socketErrors > 0) throw new Error(`the load failed:\n${text}`);
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function listProfiles(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** Time by function, of the samples between two moments; idle time is left out. */
export function selfTimes(
  { nodes, startTime, samples, timeDeltas }: CpuProfile,
  repository: string,
  { from, to }: { from: number; to: number },
): SelfTime[] {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const times: SelfTime[] = [];
  let at = startTime;
  for (const [index, id] of samples.entries()) {
    at += timeDeltas[index] ?? 0;
    const frame = byId.get(id);
    // A sample stands for the time until the next one.
    const us = timeDeltas[index + 1] ?? 0;
    if (at < from || at > to || frame === undefined || us <= 0) continue;
    if (frame.functionName === "(idle)" || frame.functionName === "(root)") continue;
    times.push({ ...place(frame, repository), us });
  }
  return merge(times);
}

function place(
  { functionName, url, lineNumber }: { functionName: string; url: string; lineNumber: number },
  repository: string,
): { name: string; group: string } {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (name === "(garbage collector)") return { name, group: "garbage collection" };
  if (url === "") return { name, group: "native code and kernel" };
  if (url.startsWith("node:"))
    return { name: `${name} ${url}:${lineNumber + 1}`, group: "node's own JavaScript" };
  const path = relative(repository, url.startsWith("file:") ? fileURLToPath(url) : url);
  const dependency = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  const group =
    dependency === undefined ? path.split("/").slice(0, -1).join("/") : `dependency ${dependency}`;
  return { name: `${name} ${path}:${lineNumber + 1}`, group };
}

function merge(times: readonly SelfTime[]): SelfTime[] {
  const byName = new Map<string, SelfTime>();
  for (const time of times) {
    const known = byName.get(time.name);
    byName.set(time.name, known === undefined ? time : { ...known, us: known.us + time.us });
  }
  return [...byName.values()].sort((a, b) => b.us - a.us);
}

function printSelfTimes(times: readonly SelfTime[], title: string): string {
  const total = times.reduce((sum, { us }) => sum + us, 0);
  const share = (us: number): string => `${((us / total) * 100).toFixed(1)} %`;
  const groups = merge(times.map(({ group, us }) => ({ name: group, group, us })));
  return [
    `${title}: self time by place`,
    table(groups.map(({ name, us }) => [name, share(us)])),
    "",
    `The ${shown} functions with the most self time`,
    table(times.slice(0, shown).map(({ name, us }) => [name, share(us)])),
  ].join("\n");
}

async function samplePerf(entrant: Entrant, conditions: Conditions): Promise<string> {
  const data = join(conditions.folder, "perf.data");
  const proxy = await startProxy(entrant, conditions, { NODE_OPTIONS: "--perf-basic-prof" });
  const pids = processTree(proxy.program.pid);
  try {
    await underLoad(entrant, proxy, conditions, conditions.warmUpSeconds);
    const record = [
      "perf",
      "record",
      "-q",
      "-e",
      "cpu-clock",
      "-F",
      "997",
      "-p",
      pids.join(),
      "-o",
      data,
      "--",
    ];
    const recording = run([...record, "sleep", String(conditions.seconds)], conditions.pinning.origin);
    await underLoad(entrant, proxy, conditions, conditions.seconds);
    const { code, text } = await recording;
    if (code !== 0) return `perf could not record: ${text.trim().split("\n")[0]}`;
    const report = ["perf", "report", "-i", data, "--stdio", "-q", "--no-children"];
    const byPlace = await run([...report, "--sort", "dso"]);
    const bySymbol = await run([...report, "--sort", "dso,symbol"]);
    return [
      `perf (cpu-clock), ${entrant.id}: self time by place (jitted code is our and node's JavaScript)`,
      perfLines(byPlace.text, 8),
      "",
      `The ${shown} symbols with the most self time`,
      perfLines(bySymbol.text, shown),
    ].join("\n");
  } finally {
    await proxy.program.stop();
    for (const pid of pids) rmSync(`/tmp/perf-${pid}.map`, { force: true });
  }
}

/** The rows of a perf report, without its comments, warnings, padding and empty columns. */
export function perfLines(text: string, count: number): string {
  const rows = text.split("\n").filter((line) => /^\s*\d+\.\d+%/.test(line));
  return rows
    .slice(0, count)
    .map((line) => line.replace(/[\s-]+$/, "").replace(/ {2,}/g, "  "))
    .join("\n");
}
