import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { caseNames } from "./cases.ts";
import { parseOptions } from "./options.ts";

describe("parseOptions", () => {
  test("measures everything in five rounds of three seconds unless told otherwise", () => {
    const { cases, rounds, seconds, connections } = parseOptions([]);
    assert.deepEqual(
      { cases, rounds, seconds, connections },
      { cases: caseNames, rounds: 5, seconds: 3, connections: 64 },
    );
  });

  test("takes cases as a list and gives them back in their own order", () => {
    assert.deepEqual(parseOptions(["--case", "post-1k,bare-100"]).cases, ["bare-100", "post-1k"]);
  });

  test("is quick with every case, one round and one second", () => {
    const { cases, rounds, seconds } = parseOptions(["--quick"]);
    assert.deepEqual({ cases, rounds, seconds }, { cases: caseNames, rounds: 1, seconds: 1 });
  });

  test("profiles the smallest case unless another is named", () => {
    assert.deepEqual(parseOptions(["--profile"]).cases, ["bare-100"]);
    assert.deepEqual(parseOptions(["--profile", "--case", "post-1k"]).cases, ["post-1k"]);
  });

  test("names the cases there are when asked for another", () => {
    assert.throws(
      () => parseOptions(["--case", "bear-100"]),
      /no case "bear-100"; there are bare-100, bare-16k/,
    );
  });

  test("refuses a number that is not one", () => {
    assert.throws(() => parseOptions(["--rounds", "0"]), /--rounds must be a whole number above 0/);
    assert.throws(() => parseOptions(["--seconds", "1.5"]), /--seconds/);
  });

  test("refuses options it does not know", () => {
    assert.throws(() => parseOptions(["--conections", "3"]), /conections/);
  });
});
