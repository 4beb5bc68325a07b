/** Every algorithm counts the same in every store, and as the oracle says. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import {
  ALGORITHMS,
  type Algorithm,
  type Limiter,
  type Rule,
  type Verdict,
} from "../../src/core/counters.ts";
import { withoutRedis } from "../harness/redis.ts";
import { fullestWindow, Oracle, type Passed, sum } from "./oracle.ts";
import { memoryUnderTest, redisUnderTest, type StoreUnderTest } from "./stores.ts";

const STORES = [
  { name: "memory", start: memoryUnderTest, skip: false, runs: 300 },
  { name: "redis", start: redisUnderTest, skip: withoutRedis(), runs: 60 },
] as const;

let made = 0;
/** A rule that nobody has counted by before. */
function rule(algorithm: Algorithm, limit: number, window: number, capacity = limit): Rule {
  return { id: `rule ${++made}`, algorithm, limit, window, capacity };
}

/** An answer, where the store is there to give one. */
async function take(limiter: Limiter, key: string, cost: number): Promise<Verdict> {
  const verdict = await limiter.take(key, cost);
  assert.ok(verdict !== null, "the store did not answer");
  return verdict;
}

function assertSame(actual: Verdict, expected: Omit<Verdict, "at" | "epoch">): void {
  assert.equal(actual.allowed, expected.allowed);
  expected.standings.forEach(({ remaining, reset, wait }, i) => {
    const standing = actual.standings[i];
    assert.ok(standing !== undefined);
    assert.equal(standing.remaining, remaining, "remaining");
    // Redis counts in whole microseconds.
    assert.ok(Math.abs(standing.reset - reset) <= 0.001, `reset ${standing.reset}, not ${reset}`);
    assert.ok(Math.abs(standing.wait - wait) <= 0.001, `wait ${standing.wait}, not ${wait}`);
  });
}

const WINDOW = 60_000;
/** Often none, often a whole number of windows but for a millisecond. */
const gap = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 2000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 * WINDOW }) },
  { weight: 2, arbitrary: fc.constantFrom(WINDOW - 1, WINDOW, WINDOW + 1, WINDOW / 2, 10_000) },
);
const step = fc.record({
  gap,
  cost: fc.constantFrom(1, 1, 1, 1, 0, 2, 3, 5),
  key: fc.constantFrom("a", "b"),
});
const trace = fc.array(step, { minLength: 1, maxLength: 60 });
/** Small enough that the log of a sliding window is exact. */
const limits = fc.record({
  algorithm: fc.constantFrom(...ALGORITHMS),
  limit: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 9, max: 40 })),
  window: fc.constantFrom(WINDOW, WINDOW / 2, 7 * WINDOW),
  burst: fc.integer({ min: 1, max: 10 }),
});

for (const { name, start, skip, runs } of STORES) {
  describe(`the ${name} store`, { skip }, () => {
    let store: StoreUnderTest;
    before(async () => {
      store = await start();
    });
    after(() => store.stop());

    test("lets pass what the oracle lets pass, and says the same of it", async () => {
      const property = fc.asyncProperty(
        fc.array(limits, { minLength: 1, maxLength: 3 }),
        trace,
        async (several, steps) => {
          const rules = several.map(({ algorithm, limit, window, burst }) =>
            rule(algorithm, limit, window, algorithm === "token-bucket" ? burst : limit),
          );
          const limiter = store.counters.limiter(rules);
          const oracle = new Oracle(rules);
          const most = Math.min(...rules.map(({ capacity }) => capacity));
          for (const { gap, cost: wanted, key } of steps) {
            const cost = Math.min(wanted, most);
            await store.advance(gap);
            assertSame(await take(limiter, key, cost), oracle.take(key, cost, store.now()));
          }
        },
      );
      await fc.assert(property, { numRuns: runs });
    });

    test("forgets what is given back", async () => {
      const property = fc.asyncProperty(
        fc.array(limits, { minLength: 1, maxLength: 2 }),
        trace,
        async (several, steps) => {
          // A bucket that was full again meanwhile does not grow: what comes back to it is lost on both sides.
          const rules = several.map(({ algorithm, limit, window }) =>
            rule(algorithm === "token-bucket" ? "fixed-window" : algorithm, limit, window),
          );
          const limiter = store.counters.limiter(rules);
          const oracle = new Oracle(rules);
          const most = Math.min(...rules.map(({ capacity }) => capacity));
          for (const { gap, cost: wanted, key } of steps) {
            const cost = Math.min(wanted, most);
            await store.advance(gap);
            const verdict = await take(limiter, key, cost);
            assertSame(verdict, oracle.take(key, cost, store.now()));
            if (!verdict.allowed || cost !== 2) continue;
            limiter.giveBack(key, cost, verdict);
            oracle.giveBack(key, cost, store.now());
          }
        },
      );
      await fc.assert(property, { numRuns: runs });
    });

    test("gives tokens back to a bucket", async () => {
      const limiter = store.counters.limiter([rule("token-bucket", 5, WINDOW)]);
      const verdict = await take(limiter, "a", 3);
      limiter.giveBack("a", 3, verdict);
      assert.equal((await take(limiter, "a", 0)).standings[0]?.remaining, 5);
    });

    test("takes from no rule where one of them refuses", async () => {
      const [wide, narrow] = [rule("token-bucket", 10, WINDOW), rule("sliding-window", 1, WINDOW)];
      const both = store.counters.limiter([wide, narrow]);
      const verdicts = [await take(both, "a", 1), await take(both, "a", 1), await take(both, "a", 1)];
      assert.deepEqual(
        verdicts.map(({ allowed }) => allowed),
        [true, false, false],
      );
      assert.equal((await take(store.counters.limiter([wide]), "a", 0)).standings[0]?.remaining, 9);
    });

    test("passes after exactly the wait that it named", async () => {
      const property = fc.asyncProperty(limits, trace, async ({ algorithm, limit, window }, steps) => {
        const limiter = store.counters.limiter([rule(algorithm, limit, window)]);
        for (const { gap, cost } of steps) {
          await store.advance(gap);
          const verdict = await take(limiter, "a", Math.min(cost, limit));
          if (verdict.allowed) continue;
          await store.advance(Math.ceil(verdict.standings[0]?.wait ?? 0));
          assert.ok((await take(limiter, "a", Math.min(cost, limit))).allowed, "it was refused again");
        }
      });
      await fc.assert(property, { numRuns: runs });
    });

    test("lets a client that hammers in again, because refusals are not counted", async () => {
      for (const algorithm of ALGORITHMS) {
        const limiter = store.counters.limiter([rule(algorithm, 10, WINDOW)]);
        let passed = 0;
        for (let ms = 0; ms < 3 * WINDOW; ms += 500) {
          if ((await take(limiter, "a", 1)).allowed) passed += 1;
          await store.advance(500);
        }
        assert.ok(passed >= 30, `${algorithm} let ${passed} pass in three windows of 10`);
      }
    });

    for (const limit of [129, 1000]) {
      test(`never has more than ${limit} in any sliding window, and loses less than 1 %`, async () => {
        const limited = rule("sliding-window", limit, WINDOW);
        const limiter = store.counters.limiter([limited]);
        const [ours, exact]: [Passed[], Passed[]] = [[], []];
        let seed = limit;
        for (let n = 0; n < 5 * limit; n++) {
          seed = (seed * 48_271) % 0x7fffffff;
          // Twice as many as may pass, in bursts and pauses.
          await store.advance(n % 50 === 0 ? (seed % 50) * (WINDOW / limit) : seed % 3 === 0 ? 1 : 0);
          const cost = 1 + (seed % 5 === 0 ? 2 : 0);
          const call = { at: store.now(), cost };
          if ((await take(limiter, "a", cost)).allowed) ours.push(call);
          const inWindow = exact.slice(exact.findIndex(({ at }) => at > call.at - WINDOW));
          if (sum(inWindow.filter(({ at }) => at > call.at - WINDOW)) + cost <= limit) exact.push(call);
        }
        assert.ok(fullestWindow(ours, WINDOW) <= limit);
        assert.ok(sum(exact) > 2 * limit, "the trace is too short to say anything");
        assert.ok(sum(ours) >= 0.99 * sum(exact), `${sum(ours)} of ${sum(exact)} passed`);
      });
    }
  });
}
