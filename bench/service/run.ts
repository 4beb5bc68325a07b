/**
 * `npm run bench:service`: lists, reads and creates through Turnpike's resource service, beside the same API written by
 * hand on Fastify and `pg`: the same PostgreSQL, the same size of pool, in one run, in turns. ../README.md says how.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { TestPostgres } from "../../test/harness/postgres.ts";
import { readUsage } from "../accounts.ts";
import { describeMachine, loadAverage } from "../machine.ts";
import { cpuBetween, type Load, parseWrk } from "../measure.ts";
import { endEverything, run, temporaryFolder, writeConfig } from "../processes.ts";
import { rotate, type Spread, spread } from "../statistics.ts";
import { CONNECTIONS, type Contender, ROWS, startFastify, startTurnpike } from "./contenders.ts";
import { type Operation, operations, prove, script } from "./loads.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const usage = `npm run bench:service -- [options]

  --rounds N          rounds over all contenders and operations (default 5)
  --seconds N         length of a slice (default 2)
  --connections N     connections of wrk (default 32)
  --help              this text
`;

interface Slice {
  readonly round: number;
  readonly contender: string;
  readonly operation: Operation;
  readonly load: Load;
  readonly cpuUsPerRequest: number;
  readonly postgresCpuUsPerRequest: number;
  readonly invalid: readonly string[];
}

process.on("exit", endEverything);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
process.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "2" },
      connections: { type: "string", default: "32" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    print(usage);
    return 0;
  }
  const [rounds, seconds, connections] = [values.rounds, values.seconds, values.connections].map(Number) as [
    number,
    number,
    number,
  ];
  const postgres = await TestPostgres.start("-c", "fsync=on", "-c", "shared_buffers=256MB");
  try {
    return await compare(postgres, { rounds, seconds, connections });
  } finally {
    await postgres.stop();
  }
}

interface Settings {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
}

async function compare(postgres: TestPostgres, settings: Settings): Promise<number> {
  const folder = temporaryFolder();
  const at = { postgres, folder, repository };
  const before = loadAverage();
  const startedAt = new Date().toISOString();
  const contenders = [
    await startFastify("fastify + pg", false, at),
    await startFastify("fastify + pg, outbox", true, at),
    await startTurnpike("turnpike, postgres", { database: "postgres", lanes: 1 }, at),
    await startTurnpike(
      "turnpike, postgres, no events",
      { database: "postgres", lanes: 1, events: false },
      at,
    ),
    await startTurnpike("turnpike, postgres, 2 lanes", { database: "postgres", lanes: 2 }, at),
    await startTurnpike("turnpike, sqlite", { database: "sqlite", lanes: 1 }, at),
  ];
  const scripts = new Map<string, string>();
  for (const contender of contenders) {
    const ids = await prove(contender.port);
    for (const operation of operations) {
      const name = `${contender.label} ${operation}`.replaceAll(/\W+/g, "-");
      scripts.set(
        `${contender.label} ${operation}`,
        writeConfig(folder, `${name}.lua`, script(operation, ids)),
      );
    }
  }
  const slices: Slice[] = [];
  // The round before the first warms up and does not count.
  for (let round = -1; round < settings.rounds; round++) {
    for (const operation of operations) {
      for (const contender of rotate(contenders, round + 1)) {
        const file = scripts.get(`${contender.label} ${operation}`) as string;
        const slice = await measure(contender, operation, { round, file, postgres, ...settings });
        if (round >= 0) slices.push(slice);
      }
    }
  }
  print(table(contenders, slices));
  const result = {
    startedAt,
    command: ["node", "bench/service/run.ts", ...process.argv.slice(2)],
    settings: { ...settings, rows: ROWS, pool: CONNECTIONS },
    machine: describeMachine(repository),
    node: process.version,
    loadAverage: { before, after: loadAverage() },
    contenders: contenders.map(({ label, does }) => ({ label, does })),
    slices,
  };
  print(`Raw results: ${keep(result)}`);
  for (const { program } of contenders) await program.stop();
  const useless = slices.filter(({ invalid }) => invalid.length > 0);
  for (const { contender, operation, invalid } of useless)
    print(`! ${contender}, ${operation}: ${invalid.join("; ")}`);
  return useless.length === slices.length ? 1 : 0;
}

async function measure(
  { program, port, label }: Contender,
  operation: Operation,
  at: Settings & { readonly round: number; readonly file: string; readonly postgres: TestPostgres },
): Promise<Slice> {
  const before = [readUsage(program.pid), readUsage(at.postgres.pid)] as const;
  const command = ["wrk", "-t1", `-c${at.connections}`, `-d${at.seconds}s`, "--latency", "-s", at.file];
  const { text } = await run([...command, `http://127.0.0.1:${port}/`]);
  const after = [readUsage(program.pid), readUsage(at.postgres.pid)] as const;
  const load = parseWrk(text);
  if (load === null) throw new Error(`wrk: ${text}`);
  const invalid = [
    ...(load.badStatuses > 0 ? [`${load.badStatuses} answers of status 400 or above`] : []),
    ...(load.socketErrors > 0 ? [`${load.socketErrors} socket errors`] : []),
    ...(load.requests === 0 ? ["no answer"] : []),
  ];
  return {
    round: at.round,
    contender: label,
    operation,
    load,
    cpuUsPerRequest: cpuBetween(before[0], after[0]).cpuUs / load.requests,
    postgresCpuUsPerRequest: cpuBetween(before[1], after[1]).cpuUs / load.requests,
    invalid,
  };
}

/** Ratios are made round by round, against the neighbour of the same minute, and their median is shown. */
function table(contenders: readonly Contender[], slices: readonly Slice[]): string {
  const lines: string[] = [];
  for (const operation of operations) {
    lines.push(`${operation}:`);
    for (const { label } of contenders) {
      const own = of(slices, label, operation);
      const rate = spread(own.map(({ load }) => load.requestsPerSecond));
      const cpu = spread(own.map(({ cpuUsPerRequest }) => cpuUsPerRequest));
      const p99 = spread(own.map(({ load }) => load.p99Us / 1000));
      const ratios = ["fastify + pg", "fastify + pg, outbox"].map((peer) =>
        shown(spread(own.map((slice, at) => ratio(slice, of(slices, peer, operation)[at]))), 2),
      );
      lines.push(
        `  ${label.padEnd(30)} ${shown(rate, 0).padEnd(24)} req/s  p99 ${shown(p99, 1)} ms  CPU ${shown(cpu, 0)} µs  × fastify ${ratios[0]}, × with outbox ${ratios[1]}`,
      );
    }
  }
  return lines.join("\n");
}

function of(slices: readonly Slice[], label: string, operation: Operation): Slice[] {
  return slices.filter(
    (slice) => slice.contender === label && slice.operation === operation && slice.invalid.length === 0,
  );
}

function ratio(slice: Slice, peer: Slice | undefined): number {
  return peer === undefined ? Number.NaN : slice.load.requestsPerSecond / peer.load.requestsPerSecond;
}

function shown(found: Spread | null, digits: number): string {
  if (found === null) return "-";
  const { median, min, max } = found;
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

function keep(result: unknown): string {
  const folder = join(repository, "bench/results");
  mkdirSync(folder, { recursive: true });
  const name = `${new Date().toISOString().slice(0, 19).replaceAll(/[:T]/g, "-")}-service.json`;
  writeFileSync(join(folder, name), `${JSON.stringify(result, null, 1)}\n`);
  return join("bench/results", name);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
