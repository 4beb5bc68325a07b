/** Threads that count in one memory count as one. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { ALGORITHMS, type Algorithm, type Rule } from "../../src/core/counters.ts";
import { systemClock } from "../../src/observe/ticker.ts";
import { allocateCounters } from "../../src/stores/counters/memory/memory.ts";
import type { Hammering, Passes } from "./hammer.ts";
import { fullestWindow } from "./oracle.ts";

const THREADS = 4;
const HOUR = 3_600_000;

const rule = (algorithm: Algorithm, limit: number, window: number): Rule => ({
  id: `${algorithm} ${limit}`,
  algorithm,
  limit,
  window,
  capacity: limit,
});

async function hammer(work: Omit<Hammering, "buffer" | "go">): Promise<Passes> {
  const go = new SharedArrayBuffer(4);
  const shared: Hammering = { ...work, buffer: allocateCounters(systemClock), go };
  const workers = Array.from(
    { length: THREADS },
    () => new Worker(new URL("hammer.ts", import.meta.url), { workerData: shared }),
  );
  const results = workers.map(async (worker) => ((await once(worker, "message")) as [Passes])[0]);
  await Promise.all(workers.map((worker) => once(worker, "online")));
  Atomics.store(new Int32Array(go), 0, 1);
  Atomics.notify(new Int32Array(go), 0);
  const all = await Promise.all(results);
  return Object.fromEntries(
    work.keys.map((key) => [key, all.flatMap((one) => one[key] ?? []).sort((a, b) => a - b)]),
  );
}

describe(`${THREADS} threads on one memory`, () => {
  for (const algorithm of ALGORITHMS) {
    test(`let pass exactly the limit of a ${algorithm}, however hard they try`, async () => {
      const limit = 10_000;
      const keys = ["a", "b", "c"];
      const passes = await hammer({ rules: [rule(algorithm, limit, 1000 * HOUR)], keys, takes: 300_000 });
      for (const key of keys) assert.equal(passes[key]?.length, limit);
    });
  }

  test("let pass exactly the least of several limits that are taken together", async () => {
    const rules = [
      rule("fixed-window", 20_000, 1000 * HOUR),
      rule("sliding-window", 7_000, HOUR),
      rule("token-bucket", 9_000, 1000 * HOUR),
    ];
    const passes = await hammer({ rules, keys: ["a", "b"], takes: 100_000 });
    assert.deepEqual([passes["a"]?.length, passes["b"]?.length], [7_000, 7_000]);
  });

  test("never have more than the limit in any sliding window, and use it up", async () => {
    for (const limit of [7, 100, 1000]) {
      const sliding = { ...rule("sliding-window", limit, 250) };
      const passes = await hammer({ rules: [sliding], keys: ["a"], takes: 0, lasting: 1500 });
      const passed = (passes["a"] ?? []).map((at) => ({ at, cost: 1 }));
      assert.ok(fullestWindow(passed, 250) <= limit, `${fullestWindow(passed, 250)} in a window of ${limit}`);
      // How often a busy machine lets the threads run is not theirs to say.
      assert.ok(passed.length >= 2 * limit, `only ${passed.length} passed`);
    }
  });
});
