import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { HandClock } from "../../test/harness/hand-clock.ts";
import type { OverloadPlan } from "../core/plan.ts";
import { allocateSharedMemory, openSharedMemory } from "../core/shared-memory.ts";
import { MetricRegistry } from "../observe/metrics.ts";
import { Overload } from "./overload.ts";
import { availableMemory } from "./overload-memory.ts";

const MB = 1024 * 1024;
const PLAN: OverloadPlan = {
  memory: 1000 * MB,
  shedAt: 0.85,
  refuseAt: 0.95,
  eventLoop: 500,
  retryAfter: 3,
};

/** One lane whose memory is what the test says. Numbers in megabytes. */
function stand(plan: Partial<OverloadPlan> = {}, shared = openSharedMemory(allocateSharedMemory(MB))) {
  const clock = new HandClock();
  const metrics = new MetricRegistry();
  const logged: string[] = [];
  const state = { resident: 100, taken: 20, used: 10, limit: 1000, garbage: 0, collections: 0 };
  const log = {
    info: () => {},
    warn: (_: unknown, message: string) => logged.push(message),
    error: () => {},
  };
  const source = {
    resident: () => state.resident * MB,
    heap: () => ({ limit: state.limit * MB, used: state.used * MB, taken: state.taken * MB }),
    collect: () => {
      state.collections++;
      state.taken -= state.garbage;
      state.used -= Math.min(state.used, state.garbage);
      state.garbage = 0;
    },
  };
  const overload = new Overload({ clock, ticker: clock, log, metrics, shared, source });
  overload.configure({ ...PLAN, ...plan });
  overload.start();
  const metric = (name: string) =>
    metrics
      .snapshot()
      .find((one) => one.name === name)
      ?.series.map(({ numbers }) => numbers[0]);
  /** What of a hundred calls is refused. */
  const refused = () =>
    Array.from({ length: 100 }, () => overload.shedding && overload.refusal() !== null).filter(Boolean)
      .length;
  return { clock, overload, state, logged, metric, refused };
}

/** It collects garbage at one tick, and judges at the next. */
const settle = (clock: HandClock) => clock.advance(200);

describe("a lane that is short of memory", () => {
  test("refuses every new call from shedAt on, and new connections from refuseAt on", () => {
    const { overload, state, clock, refused } = stand();
    const use = (megabytes: number) => {
      state.resident = megabytes;
      state.taken = megabytes - 80;
      settle(clock);
      return [refused(), overload.refusing];
    };
    assert.deepEqual(use(840), [0, false]);
    assert.deepEqual(use(850), [100, false]);
    assert.deepEqual(use(949), [100, false]);
    assert.deepEqual(use(950), [100, true]);
  });

  test("says when to come again", () => {
    const { overload, state, clock } = stand();
    state.resident = state.taken = 990;
    settle(clock);
    const error = overload.refusal();
    assert.deepEqual([error?.code, error?.headers["Retry-After"]], ["OVERLOADED", "3"]);
  });

  test("goes on as before only when it needs clearly less, and tells of both once", () => {
    const { state, clock, refused, logged } = stand();
    const use = (megabytes: number) => {
      state.resident = megabytes;
      state.taken = megabytes - 80;
      settle(clock);
      return refused();
    };
    assert.deepEqual([860, 840, 860, 810].map(use), [100, 100, 100, 100]);
    assert.equal(use(799), 0);
    assert.deepEqual(logged, ["memory is short: new calls are refused", "memory is no longer short"]);
  });

  test("counts what it refuses, and shows how short it is", () => {
    const { state, clock, refused, metric } = stand();
    state.resident = state.taken = 900;
    settle(clock);
    refused();
    assert.deepEqual(metric("turnpike_overload_shed_total"), [100, 0]);
    assert.deepEqual(metric("turnpike_memory_pressure"), [0.9]);
  });

  test("collects garbage before it judges, but not all the time", () => {
    const { state, clock, refused } = stand();
    Object.assign(state, { resident: 880, taken: 870, garbage: 600 });
    clock.advance(100);
    // Half of what the allocator has not given back counts as in use.
    assert.equal(refused(), 0);
    Object.assign(state, { resident: 950, taken: 940 });
    clock.advance(900);
    assert.equal(state.collections, 1);
    clock.advance(100);
    assert.equal(state.collections, 2);
  });

  test("does not mistake memory that the allocator keeps for memory in use", () => {
    const { state, clock, refused } = stand();
    Object.assign(state, { resident: 930, taken: 30 });
    clock.advance(100);
    assert.equal(refused(), 0);
  });

  test("refuses when its own heap is almost full, however much the process may have", () => {
    const { state, clock, refused } = stand({ memory: 100_000 * MB });
    state.used = 860;
    settle(clock);
    assert.equal(refused(), 100);
  });

  test("adds up what all lanes use", () => {
    const buffer = allocateSharedMemory(MB);
    const one = stand({}, openSharedMemory(buffer, 0, 2));
    const two = stand({}, openSharedMemory(buffer, 1, 2));
    one.state.taken += 400;
    two.state.taken += 400;
    one.state.resident = two.state.resident = 900;
    for (const { clock } of [one, two, one, two, one, two]) clock.advance(100);
    assert.deepEqual([one.refused(), two.refused()], [100, 100]);
  });

  test("refuses nothing at rest, however little more than that there is", () => {
    const { state, clock, refused } = stand({ memory: 110 * MB });
    clock.advance(100);
    assert.equal(refused(), 0);
    Object.assign(state, { resident: 107, taken: 27 });
    settle(clock);
    assert.equal(refused(), 100);
    Object.assign(state, { resident: 100, taken: 20 });
    clock.advance(100);
    assert.equal(refused(), 0);
  });

  test("looks at nothing with memory: off", () => {
    const { state, clock, refused } = stand({ memory: Number.POSITIVE_INFINITY });
    Object.assign(state, { resident: 999, taken: 999, used: 999 });
    clock.advance(100);
    assert.equal(refused(), 0);
  });
});

describe("a lane whose event loop is late", () => {
  /** One tick that is late by so much. */
  const late = (clock: HandClock, by: number) => {
    clock.jump(by);
    clock.advance(100);
  };

  test("takes one late tick for what it is: a pause", () => {
    const { clock, refused } = stand();
    late(clock, 5_000);
    assert.equal(refused(), 0);
    clock.advance(100);
    late(clock, 5_000);
    assert.equal(refused(), 0);
  });

  test("refuses a share that grows while it lasts, never everything, and shrinks to nothing after", () => {
    const { clock, refused, logged, metric } = stand();
    late(clock, 600);
    const shares = Array.from({ length: 8 }, () => {
      late(clock, 600);
      return refused();
    });
    assert.deepEqual(shares, [20, 40, 60, 80, 95, 95, 95, 95]);
    assert.deepEqual(metric("turnpike_event_loop_delay_seconds"), [0.6]);
    clock.advance(1_000);
    assert.equal(refused(), 45);
    clock.advance(1_000);
    assert.equal(refused(), 0);
    assert.equal(logged.length, 2);
  });

  test("stays where it is while the delay is neither too long nor clearly shorter", () => {
    const { clock, refused } = stand();
    for (let i = 0; i < 4; i++) late(clock, 600);
    const before = refused();
    for (let i = 0; i < 10; i++) late(clock, 300);
    assert.equal(refused(), before);
  });

  test("refuses nothing with eventLoop: off", () => {
    const { clock, refused } = stand({ eventLoop: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 10; i++) late(clock, 60_000);
    assert.equal(refused(), 0);
  });
});

describe("the memory that a process may use", () => {
  const folder = mkdtempSync(join(tmpdir(), "turnpike-cgroup-"));
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  for (const [what, files, machine, expected] of [
    ["is its container's limit", [file("v2", "536870912\n")], 8 * 1024 * MB, 512 * MB],
    ["is the machine's where the container may have more", [file("v1", "9223372036854771712\n")], 100, 100],
    ["is the machine's where the container has no limit", [file("max", "max\n")], 100, 100],
    ["is the machine's where there is no container", [join(folder, "none")], 100, 100],
  ] as const)
    test(what, () => assert.equal(availableMemory(files, machine), expected));
});
