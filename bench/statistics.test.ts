import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rotate, spread } from "./statistics.ts";

describe("spread", () => {
  test("takes the middle of an odd number of values", () => {
    assert.deepEqual(spread([9, 1, 5]), { median: 5, min: 1, max: 9, count: 3 });
  });

  test("takes the mean of the two middle values of an even number", () => {
    assert.deepEqual(spread([4, 1, 2, 100]), { median: 3, min: 1, max: 100, count: 4 });
  });

  test("sorts as numbers, not as text", () => {
    assert.equal(spread([10, 9, 100])?.median, 10);
  });

  test("is nothing where nothing was measured", () => {
    assert.equal(spread([]), null);
    assert.equal(spread([Number.NaN, Number.POSITIVE_INFINITY]), null);
  });

  test("leaves the given list in its order", () => {
    const values = [3, 1, 2];
    spread(values);
    assert.deepEqual(values, [3, 1, 2]);
  });
});

describe("rotate", () => {
  test("lets everybody be first once", () => {
    const firsts = [0, 1, 2, 3].map((round) => rotate(["a", "b", "c"], round)[0]);
    assert.deepEqual(firsts, ["a", "b", "c", "a"]);
  });

  test("keeps everybody", () => {
    assert.deepEqual(rotate(["a", "b", "c"], 2), ["c", "a", "b"]);
    assert.deepEqual(rotate([], 3), []);
  });
});
