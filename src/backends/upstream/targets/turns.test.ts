import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Entry } from "./entry.ts";
import type { Member } from "./member.ts";
import { makeTurns } from "./turns.ts";

const entriesOf = (weights: readonly number[]): Entry[] =>
  weights.map((weight, index) => ({ member: {} as Member, index, weight, sound: true }));

function turnsOf(weights: readonly number[]): number[] {
  return makeTurns(entriesOf(weights)).map(({ index }) => index);
}

describe("turns", () => {
  test("are given in proportion to the weights, and spread", () => {
    assert.deepEqual(turnsOf([1, 1, 1]), [0, 1, 2]);
    assert.deepEqual(turnsOf([3, 1]), [0, 0, 1, 0]);
    assert.deepEqual(turnsOf([5, 1, 1]), [0, 0, 0, 1, 2, 0, 0]);
  });

  test("are as few as the proportions allow", () => {
    assert.deepEqual(turnsOf([1000, 1000]), [0, 1]);
    assert.equal(turnsOf([10, 20, 30]).length, 6);
  });

  test("hold the proportions exactly, whatever the weights", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(weights, (given) => {
        const turns = turnsOf(given);
        const sum = given.reduce((all, weight) => all + weight, 0);
        for (const [index, weight] of given.entries()) {
          const own = turns.filter((turn) => turn === index).length;
          assert.equal(own * sum, weight * turns.length);
        }
      }),
    );
  });

  test("give nobody in any stretch much more or less than its share of it", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(weights, (given) => {
        const turns = turnsOf(given);
        const sum = given.reduce((all, weight) => all + weight, 0);
        const counts = given.map(() => 0);
        for (const [at, turn] of turns.entries()) {
          counts[turn] = (counts[turn] ?? 0) + 1;
          for (const [index, weight] of given.entries()) {
            assert.ok(Math.abs((counts[index] ?? 0) - (weight / sum) * (at + 1)) <= given.length);
          }
        }
      }),
    );
  });

  test("leave nobody out where the weights are too large to be exact", () => {
    const weights = Array.from({ length: 200 }, (_, index) => 10_000 - index);
    const turns = turnsOf([...weights, 1]);
    assert.ok(turns.length < 70_000);
    assert.equal(new Set(turns).size, 201);
  });
});
