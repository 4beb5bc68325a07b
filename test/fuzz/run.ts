/** `npm run fuzz`: looks for bytes that we and others read in different ways. `--help` says how. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { readSamples } from "./corpus.ts";
import { toLines } from "./escapes.ts";
import { type Finding, fuzz, type Outcome } from "./fuzzer.ts";
import type { Target } from "./target.ts";
import { gatewayTarget } from "./targets/gateway.ts";
import { requestsTarget } from "./targets/requests.ts";
import { responsesTarget } from "./targets/responses.ts";

const HELP = `Usage: npm run fuzz -- [options]

Sends the same generated, mutated and remembered bytes to Turnpike and to node:http (llhttp, strict) and
compares what they take them for. Stops at the first difference that the law of the engine forbids.

  --target NAME   requests | chunked | responses | gateway; all of them by default
  --seconds N     time for each target (default 60)
  --seed S        makes a run again; by default the time of day
  --replay FILE   runs the samples of a file (see test/fuzz/corpus) through --target instead
  --help

Exit code: 0 nothing found, 1 something found (kept in test/fuzz/findings/), 2 wrong usage.
`;

const TARGETS: Readonly<Record<string, () => Target>> = {
  requests: () => requestsTarget("requests"),
  chunked: () => requestsTarget("chunked"),
  responses: responsesTarget,
  gateway: gatewayTarget,
};

interface Options {
  readonly targets: readonly string[];
  readonly seconds: number;
  readonly seed: number;
  readonly replay: string | undefined;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      target: { type: "string" },
      seconds: { type: "string", default: "60" },
      seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
      replay: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const targets = values.target === undefined ? Object.keys(TARGETS) : [values.target];
  for (const name of targets) if (!(name in TARGETS)) throw new Error(`there is no target "${name}"`);
  const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
  if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error("--seconds and --seed are numbers");
  return { targets, seconds, seed, replay: values.replay };
}

function usageError(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
  process.exit(2);
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    usageError(error);
  }
  const say = (text: string) => process.stdout.write(`${text}\n`);
  say(`seed ${options.seed}`);
  let failed = false;
  for (const name of options.targets) {
    const target = (TARGETS[name] as () => Target)();
    const outcome =
      options.replay === undefined ? await run(target, options) : await replay(target, options.replay);
    const { executions, milliseconds, finding } = outcome;
    const rate = Math.round((executions * 1000) / Math.max(1, milliseconds));
    say(`${name}: ${executions} executions, ${rate}/s, ${finding === null ? "nothing found" : "FOUND"}`);
    if (finding !== null) say(report(name, finding));
    failed ||= finding !== null;
    await target.close?.();
  }
  return failed ? 1 : 0;
}

function run(target: Target, { seed, seconds }: Options): Promise<Outcome> {
  const start = performance.now();
  const progress = (executions: number) => {
    const rate = Math.round((executions * 1000) / (performance.now() - start));
    process.stdout.write(`\r${target.name}: ${executions} executions, ${rate}/s `);
    if (performance.now() - start >= seconds * 1000) process.stdout.write("\r\x1b[K");
  };
  return fuzz(target, {
    seed,
    milliseconds: seconds * 1000,
    executions: Number.POSITIVE_INFINITY,
    ...(process.stdout.isTTY ? { progress } : {}),
  });
}

function replay(target: Target, file: string): Promise<Outcome> {
  const corpus = readSamples(readFileSync(file, "latin1"));
  return fuzz({ ...target, corpus }, { seed: 0, milliseconds: 0, executions: 0 });
}

function report(target: string, { bytes, wrong, seed }: Finding): string {
  const folder = join(import.meta.dirname, "findings");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${target === "responses" ? "responses" : "requests"}.${target}-${seed}.txt`);
  const comment = wrong.replace(/[^\x20-\x7e]+/g, " ");
  writeFileSync(file, `# ${comment}\n${toLines(bytes)}\n`);
  const shown = relative(process.cwd(), file);
  return `\n${wrong}\n\n${toLines(bytes)}\n\nagain: npm run fuzz -- --target ${target} --replay ${shown}\n`;
}

process.exitCode = await main();
// A gateway that hangs must not keep a finished run from ending.
setTimeout(() => process.exit(), 1000).unref();
