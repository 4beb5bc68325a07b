/** Runs a target: the corpus first, then generated inputs until the time or the number is used up. */
import { minimise } from "./minimise.ts";
import { Random } from "./random.ts";
import type { Input, Target } from "./target.ts";

export interface Finding {
  readonly bytes: string;
  readonly seed: number;
  readonly wrong: string;
}

export interface Effort {
  readonly seed: number;
  /** Whichever comes first ends the run; the corpus is always run whole. */
  readonly milliseconds: number;
  readonly executions: number;
  readonly progress?: (executions: number) => void;
}

export interface Outcome {
  readonly executions: number;
  readonly milliseconds: number;
  /** Already made as short as could be. */
  readonly finding: Finding | null;
}

export async function fuzz(target: Target, effort: Effort): Promise<Outcome> {
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  let executions = 0;
  for (;;) {
    const inputs = nextInputs(target, effort, executions);
    if (inputs.length === 0 || (elapsed() >= effort.milliseconds && executions >= target.corpus.length)) {
      return { executions, milliseconds: elapsed(), finding: null };
    }
    const finding = await runBatch(target, inputs);
    executions += inputs.length;
    effort.progress?.(executions);
    if (finding !== null) {
      return { executions, milliseconds: elapsed(), finding: await shortest(target, finding) };
    }
  }
}

/** Execution number n is always the same input, whatever ran before it. */
function nextInputs(target: Target, effort: Effort, from: number): Input[] {
  const inputs: Input[] = [];
  const end = Math.min(from + target.batch, Math.max(effort.executions, target.corpus.length));
  for (let execution = from; execution < end; execution++) {
    const random = new Random(effort.seed, execution);
    const bytes = target.corpus[execution] ?? target.generate(random);
    if (bytes !== "") inputs.push({ bytes, seed: random.below(2 ** 31) });
  }
  return inputs;
}

async function runBatch(target: Target, inputs: readonly Input[]): Promise<Finding | null> {
  const found = await runSafely(target, inputs);
  for (const [i, wrong] of found.entries()) {
    const input = inputs[i];
    if (wrong !== null && input !== undefined) return { ...input, wrong };
  }
  return null;
}

/** An exception that escapes is a finding like any other; which input it was shows when each runs alone. */
async function runSafely(target: Target, inputs: readonly Input[]): Promise<(string | null)[]> {
  const escaped: unknown[] = [];
  const note = (error: unknown) => escaped.push(error);
  process.on("uncaughtException", note);
  process.on("unhandledRejection", note);
  let found: (string | null)[] = [];
  try {
    found = await target.run(inputs);
  } catch (error) {
    note(error);
  } finally {
    process.off("uncaughtException", note);
    process.off("unhandledRejection", note);
  }
  if (escaped.length === 0) return found;
  if (inputs.length === 1) return [`an exception escaped: ${describe(escaped[0])}`];
  const single: (string | null)[] = [];
  for (const input of inputs) single.push(...(await runSafely(target, [input])));
  if (single.every((wrong) => wrong === null)) throw escaped[0];
  return single;
}

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message).split("\n").slice(0, 4).join(" | ") : String(error);

const MINIMISE_MS = 60_000;

async function shortest(target: Target, finding: Finding): Promise<Finding> {
  const { seed } = finding;
  let { wrong } = finding;
  const bytes = await minimise(
    finding.bytes,
    async (candidate) => {
      const [found] = await runSafely(target, [{ bytes: candidate, seed }]);
      if (found === null || found === undefined) return false;
      wrong = found;
      return true;
    },
    MINIMISE_MS,
  );
  return { bytes, seed, wrong };
}
