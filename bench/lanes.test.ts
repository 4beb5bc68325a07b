import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { accountForLanes } from "./lanes.ts";
import type { Slice } from "./slice.ts";
import { groupOf, measuredOf, sliceOf } from "./testdata.ts";

/** A lane that costs 30 µs a request beside an origin and load that cost 10 µs, at `busy` of their core. */
const one = (round: number, change: Partial<Slice> = {}): Slice =>
  sliceOf(round, {
    seconds: 1,
    requests: 30_000,
    requestsPerSecond: 30_000,
    cpuUsPerRequest: 30,
    originCoreBusy: 0.3,
    ...change,
  });
const two = (round: number, change: Partial<Slice> = {}): Slice =>
  sliceOf(round, { requestsPerSecond: 42_000, cpuUsPerRequest: 33, originCoreBusy: null, ...change });

const account = (single: readonly Slice[], double: readonly Slice[], cores = 2) =>
  accountForLanes(
    [
      groupOf(
        measuredOf("lanes", "turnpike", "lanes-1", single),
        measuredOf("lanes", "turnpike", "lanes-2", double),
      ),
    ],
    cores,
  );

describe("accountForLanes", () => {
  test("compares throughput and CPU within each round", () => {
    const found = account([one(0), one(1), one(2)], [two(0), two(1, { requestsPerSecond: 45_000 }), two(2)]);
    assert.equal(found?.throughput.median, 1.4);
    assert.equal(found.throughput.max, 1.5);
    assert.equal(found.cpu.median, 1.1);
  });

  test("allows no more than the cores have left beside origin and load", () => {
    // 2 cores, 40 µs a request in all: 50,000 a second, against the 33,333 of one lane.
    assert.equal(account([one(0)], [two(0)])?.ceiling, 1.5);
  });

  test("never promises more than double", () => {
    assert.equal(account([one(0)], [two(0)], 16)?.ceiling, 2);
  });

  test("tells what follows for a machine with cores enough", () => {
    assert.equal(account([one(0)], [two(0, { cpuUsPerRequest: 30 })])?.elsewhere, 2);
  });

  test("leaves out rounds in which either slice is invalid", () => {
    const found = account([one(0), one(1, { invalid: ["errors"] })], [two(0), two(1)]);
    assert.equal(found?.throughput.count, 1);
  });

  test("has nothing to say where the two were not measured together", () => {
    assert.equal(accountForLanes([], 2), null);
    assert.equal(account([one(0)], [two(1)]), null);
  });

  test("has nothing to say where nothing was pinned", () => {
    assert.equal(account([one(0, { originCoreBusy: null })], [two(0)]), null);
  });
});
