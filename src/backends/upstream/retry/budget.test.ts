import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { RetryOptions } from "../../../core/kinds.ts";
import { openSharedMemory, ownMemory } from "../../../core/shared-memory.ts";
import { RetryBudget } from "./budget.ts";

const options = (budget: number, minimum: number): RetryOptions => ({
  ...{ attempts: 3, perTry: 1, backoff: 1, maxBackoff: 1, maxRetryAfter: 1, on: [] },
  ...{ budget, minimum },
});

const START = 86_400_000;

describe("a budget of retries", () => {
  test("gives a fifth of the calls of the last second, and no more", () => {
    const budget = new RetryBudget("a", options(0.2, 0), ownMemory());
    assert.equal(budget.take(START), false);
    for (let i = 0; i < 14; i++) budget.count(START);
    assert.deepEqual(
      [1, 2, 3].map(() => budget.take(START)),
      [true, true, false],
    );
    budget.count(START + 500);
    assert.equal(budget.take(START + 500), true);
    assert.equal(budget.take(START + 500), false);
  });

  test("gives the minimum in every second, however few calls there are", () => {
    const budget = new RetryBudget("a", options(0.2, 3), ownMemory());
    for (let second = 0; second < 5; second++) {
      const given = Array.from({ length: 10 }, () => budget.take(START + second * 1_100)).filter(Boolean);
      assert.equal(given.length, 3);
    }
  });

  test("forgets calls that are more than a second old", () => {
    const budget = new RetryBudget("a", options(1, 0), ownMemory());
    for (let i = 0; i < 100; i++) budget.count(START);
    assert.equal(budget.take(START + 1_000), false);
    assert.equal(budget.take(START + 3_600_000), false);
  });

  test("is one for all lanes, and for every plan that has the upstream", () => {
    const memory = openSharedMemory(new SharedArrayBuffer(1024 * 1024));
    const one = new RetryBudget("a", options(0.5, 0), memory);
    const two = new RetryBudget("a", options(0.5, 0), memory);
    const other = new RetryBudget("b", options(0.5, 0), memory);
    for (let i = 0; i < 4; i++) one.count(START);
    assert.equal(two.take(START), true);
    assert.equal(one.take(START), true);
    assert.equal(two.take(START), false);
    assert.equal(other.take(START), false);
  });

  test("is never overdrawn in the second that ends with any retry, whenever calls come", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ after: fc.nat(400), call: fc.boolean() }), { maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(5),
        (steps, share, minimum) => {
          const budget = new RetryBudget("a", options(share, minimum), ownMemory());
          const calls: number[] = [];
          const retries: number[] = [];
          let now = START;
          for (const { after, call } of steps) {
            now += after;
            if (call) {
              budget.count(now);
              calls.push(now);
            } else if (budget.take(now)) {
              retries.push(now);
              const within = (times: number[]) => times.filter((time) => time > now - 1000).length;
              const allowed = Math.max(Math.floor(share * within(calls)), minimum);
              assert.ok(within(retries) <= allowed, `${within(retries)} of ${allowed}`);
            }
          }
        },
      ),
    );
  });
});
