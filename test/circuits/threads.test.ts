/** Threads that go by one circuit in one memory. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { makeBreaker } from "../../src/backends/upstream/breaker/breaker.ts";
import type { BreakerOptions } from "../../src/core/kinds.ts";
import { allocateSharedMemory, openSharedMemory } from "../../src/core/shared-memory.ts";
import type { Counting } from "./count.ts";
import type { Hammering } from "./hammer.ts";

const THREADS = 4;
const ROUNDS = process.env["TURNPIKE_FULL"] === "1" ? 20_000 : 1_000;
const T = 1_000_000;

const OPTIONS: BreakerOptions = {
  failureRate: 1,
  minimumCalls: 1_000_000,
  window: 10_000,
  consecutiveFailures: 1,
  slowCall: 1_000,
  slowRate: 1,
  openFor: 1_000,
  probes: 1,
  failures: [],
};

function view(options: BreakerOptions, memory: SharedArrayBuffer) {
  const silent = (): void => {};
  const tools = { shared: openSharedMemory(memory), log: { info: silent, warn: silent, error: silent } };
  return makeBreaker({ name: "carrier", options, lease: 1e9 }, tools);
}

/** What each thread says at its end. */
async function run(file: string, workerData: Hammering | Counting): Promise<unknown[]> {
  const workers = Array.from(
    { length: THREADS },
    () => new Worker(new URL(file, import.meta.url), { workerData }),
  );
  try {
    return await Promise.all(
      workers.map(async (worker) => ((await once(worker, "message")) as [unknown])[0]),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

describe(`a circuit that ${THREADS} threads share`, () => {
  for (const probes of [1, 3]) {
    test(`lets exactly ${probes} of their calls pass each time it has been open for long enough`, async () => {
      const memory = allocateSharedMemory();
      const options = { ...OPTIONS, probes };
      const circuit = view(options, memory);
      circuit.settle(circuit.admit(T), "failure", 1, T);
      const passed = new SharedArrayBuffer(ROUNDS * 4);
      const logged = await run("hammer.ts", {
        memory,
        options,
        threads: THREADS,
        barrier: new SharedArrayBuffer(8),
        passed,
        rounds: ROUNDS,
        callsInRound: 50,
        start: T + options.openFor,
      });
      const wrong = [...new Int32Array(passed)].filter((count) => count !== probes);
      assert.deepEqual(wrong, []);
      const { entered, refused, state } = circuit.report(T);
      assert.deepEqual([state, entered], ["open", [0, ROUNDS + 1, ROUNDS, 0, 0]]);
      assert.equal(refused, ROUNDS * (THREADS * 50 - probes));
      // Every change by whoever made it, and by nobody else: half-open and open in each round.
      assert.equal(
        (logged as number[]).reduce((sum, lines) => sum + lines),
        2 * ROUNDS,
      );
    });
  }

  test("counts every call of all of them, and nothing of what has gone out of the window", async () => {
    const memory = allocateSharedMemory();
    const options = { ...OPTIONS, consecutiveFailures: Number.POSITIVE_INFINITY };
    const calls = 60_000;
    await run("count.ts", { memory, options, calls, now: T });
    const circuit = view(options, memory);
    const { calls: counted, failures, slow } = circuit.report(T + options.window - 1).counts;
    assert.deepEqual(
      [counted, failures, slow],
      [calls, calls / 3, calls / 10].map((count) => count * THREADS),
    );
    const later = circuit.report(T + 2 * options.window).counts;
    assert.deepEqual([later.calls, later.failures, later.slow], [0, 0, 0]);
  });
});
