/** `npm run bench`: plans, runs, prints. The parts are in the files beside it; README.md says what it means. */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { type CaseName, type Group, groupsFor } from "./cases.ts";
import { type Conditions, type GroupResult, runGroup } from "./experiment.ts";
import { judge } from "./figures.ts";
import { accountForLanes, lanesNote } from "./lanes.ts";
import { choosePinning, describeMachine, loadAverage, type Machine, type Pinning } from "./machine.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { startOrigin } from "./origin.ts";
import { express } from "./peers/express.ts";
import { fastify } from "./peers/fastify.ts";
import { haproxy } from "./peers/haproxy.ts";
import { nginx } from "./peers/nginx.ts";
import { nginxLua, nginxLuaLean } from "./peers/nginx-lua.ts";
import type { Peer, PeerName } from "./peers/peer.ts";
import { turnpike } from "./peers/turnpike.ts";
import { endEverything, find, run, temporaryFolder } from "./processes.ts";
import { profile } from "./profile.ts";
import {
  figureTable,
  figureWarnings,
  groupTable,
  peerNotes,
  type Result,
  warnings,
  writeResult,
} from "./report.ts";

const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

process.on("exit", endEverything);
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  process.on(signal, () => process.exit(code));
}

// Not by running out of things to do: after a failure the proxies would be waited for for ever.
process.exit(await main());

async function main(): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    print(usage);
    return 0;
  }
  try {
    return options.profile ? await printProfile(options) : await compare(options);
  } catch (error) {
    print(`bench failed: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

async function compare(options: Options): Promise<number> {
  const selected = new Set<CaseName>(options.cases);
  const groups = groupsFor(selected);
  const { conditions, machine, versions, wrk } = await prepare(options);
  const startedAt = new Date().toISOString();
  const before = loadAverage();
  print(header(options, machine, conditions.pinning, versions, estimateSeconds(groups, options)));

  const results: GroupResult[] = [];
  const notes: string[] = [];
  for (const group of groups) {
    const result = await runGroup(group, conditions);
    results.push(result);
    const found = warnings(result);
    notes.push(...found);
    print([groupTable(result), ...found.map((note) => `  ! ${note}`), ""].join("\n"));
  }
  await conditions.origin.program.stop();

  const lanes = accountForLanes(results, availableParallelism());
  if (lanes !== null) print(`Lanes:\n  ${lanesNote(lanes, availableParallelism())}\n`);
  const figures = options.quick ? [] : judge(results, selected);
  print(`What each does for its CPU:\n${peerNotes(results)}\n`);
  print(
    options.quick ? "Figures to hold: not judged (--quick)" : `Figures to hold:\n${figureTable(figures)}`,
  );
  for (const note of figureWarnings(figures)) print(`  ! ${note}`);
  const result: Result = {
    startedAt,
    command: ["node", "bench/run.ts", ...process.argv.slice(2)],
    cases: options.cases,
    rounds: options.rounds,
    seconds: options.seconds,
    warmUpSeconds: options.warmUpSeconds,
    connections: options.connections,
    judged: !options.quick,
    machine,
    pinning: conditions.pinning,
    loadAverage: { before, after: loadAverage() },
    versions: { ...versions, wrk, origin: conditions.origin.version },
    origin: { command: conditions.origin.program.command, config: conditions.origin.config },
    groups: results,
    warnings: notes,
    figures,
    lanes,
  };
  const kept = writeResult(options.quick ? conditions.folder : `${repository}/bench/results`, result);
  print(`\nLoad average ${before.toFixed(2)} before, ${result.loadAverage.after.toFixed(2)} after.`);
  print(options.quick ? "Raw results are not kept (--quick)." : `Raw results: ${kept}`);
  return exitCode(results);
}

/** Figures are reported, not asserted; only what could not run, or had errors in every slice, is a failure. */
function exitCode(results: readonly GroupResult[]): number {
  const absent = results.flatMap((group) => group.absent);
  const failed = absent.filter(({ missing, peer }) => !missing || peer === "turnpike");
  const useless = results
    .flatMap(({ measured }) => measured)
    .filter(({ slices }) => slices.every(({ invalid }) => invalid.length > 0));
  for (const { id, reason } of failed) print(`FAILED to run: ${id}: ${reason}`);
  for (const { id } of useless) print(`FAILED to run: ${id}: not one valid slice`);
  return failed.length + useless.length > 0 ? 1 : 0;
}

async function printProfile(options: Options): Promise<number> {
  const { conditions, machine, versions } = await prepare(options);
  if (conditions.missing.turnpike !== undefined) throw new Error(`Turnpike: ${conditions.missing.turnpike}`);
  print(header(options, machine, conditions.pinning, versions, null));
  const entrants = groupsFor(new Set(options.cases))
    .flatMap((group) => group.entrants)
    .filter((entrant) => entrant.peer === "turnpike" && options.cases.includes(entrant.case));
  for (const entrant of entrants) print(`${await profile(entrant, conditions, repository)}\n`);
  await conditions.origin.program.stop();
  return 0;
}

interface Prepared {
  readonly conditions: Conditions;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly wrk: string;
}

async function prepare(options: Options): Promise<Prepared> {
  if (process.platform !== "linux") throw new Error("CPU is read from /proc: this runs on Linux only");
  if (find("wrk") === null) throw new Error("wrk is not installed");
  const wrk = (await run(["wrk", "-v"])).text.split("\n")[0]?.split(" Copyright")[0] ?? "";
  const peers = {
    turnpike: turnpike(repository, options.turnpike),
    nginx,
    "nginx-lua": nginxLua,
    "nginx-lua-lean": nginxLuaLean,
    haproxy,
    fastify,
    express,
  };
  const { versions, missing } = await probe(Object.values(peers));
  const folder = temporaryFolder();
  const pinning = choosePinning();
  const origin = await startOrigin(folder, pinning.origin);
  const { rounds, seconds, warmUpSeconds, connections } = options;
  const conditions = {
    folder,
    origin,
    peers,
    missing,
    pinning,
    rounds,
    seconds,
    warmUpSeconds,
    connections,
    progress,
  };
  return { conditions, machine: describeMachine(repository), versions, wrk };
}

async function probe(peers: readonly Peer[]): Promise<{
  versions: Record<string, string>;
  missing: Partial<Record<PeerName, string>>;
}> {
  const versions: Record<string, string> = {};
  const missing: Partial<Record<PeerName, string>> = {};
  for (const peer of peers) {
    const found = await peer.probe();
    if ("version" in found) versions[peer.name] = found.version;
    else missing[peer.name] = found.missing;
    if ("missing" in found) versions[peer.name] = `MISSING: ${found.missing}`;
  }
  return { versions, missing };
}

function estimateSeconds(groups: readonly Group[], { rounds, seconds, warmUpSeconds }: Options): number {
  const entrants = groups.reduce((sum, group) => sum + group.entrants.length, 0);
  return Math.round(entrants * (warmUpSeconds + 1 + rounds * (seconds + 0.2)));
}

function header(
  { rounds, seconds, connections, turnpike: given }: Options,
  machine: Machine,
  pinning: Pinning,
  versions: Readonly<Record<string, string>>,
  estimate: number | null,
): string {
  const { commit, dirty, node, kernel, cpu, cores } = machine;
  return [
    `commit ${commit}${dirty ? " with uncommitted changes" : ""}, node ${node}, Linux ${kernel}, ${cores} × ${cpu}`,
    ...Object.entries(versions).map(([name, version]) => `  ${name}: ${version}`),
    ...(given === null ? [] : [`  Turnpike was given by hand, not from package.json: ${given.join(" ")}`]),
    `pinned: ${pinning.note}`,
    `load: wrk -t1 -c${connections}, closed loop, so latencies are those of a full queue; TLS off`,
    "CPU: user and kernel time of the proxy's processes by /proc/<pid>/task/*/schedstat, per answer that wrk counted",
    ...(estimate === null
      ? []
      : [`${rounds} rounds of ${seconds} s a slice, about ${estimate} s in all; medians over rounds`]),
    "",
  ].join("\n");
}

function print(text: string): void {
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  process.stdout.write(`${text}\n`);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}
