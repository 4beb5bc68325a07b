import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HandClock } from "../../../../test/harness/hand-clock.ts";
import { ALGORITHMS, type Algorithm, type Rule } from "../../../core/counters.ts";
import { allocateCounters } from "./memory.ts";
import { memoryCounters } from "./memory-counters.ts";

const WINDOW = 60_000;
const KIB = 1024;

const rule = (algorithm: Algorithm, limit: number, id: string = algorithm): Rule => ({
  id,
  algorithm,
  limit,
  window: WINDOW,
  capacity: limit,
});

describe("counters in memory", () => {
  test("are the same for all who open the memory", () => {
    const clock = new HandClock();
    const buffer = allocateCounters(clock, 64 * KIB);
    for (const algorithm of ALGORITHMS) {
      const rules = [rule(algorithm, 2)];
      const [one, other] = [
        memoryCounters(buffer, clock).limiter(rules),
        memoryCounters(buffer, clock).limiter(rules),
      ];
      assert.deepEqual(
        [one.take("a", 1), other.take("a", 1), one.take("a", 1)].map(({ allowed }) => allowed),
        [true, true, false],
      );
    }
  });

  test("keep apart keys, and rules of different ids", () => {
    const clock = new HandClock();
    const counters = memoryCounters(allocateCounters(clock, 64 * KIB), clock);
    const [one, other] = [
      counters.limiter([rule("fixed-window", 1, "x")]),
      counters.limiter([rule("fixed-window", 1, "y")]),
    ];
    assert.ok(one.take("a", 1).allowed);
    assert.ok(one.take("b", 1).allowed);
    assert.ok(other.take("a", 1).allowed);
    assert.ok(!other.take("a", 1).allowed);
  });

  test("count by each of several rules where one set has to hold them all", () => {
    const clock = new HandClock();
    // Room for a single set of each size.
    const counters = memoryCounters(allocateCounters(clock, 17 * KIB), clock);
    const rules = ["w", "x", "y", "z"].map((id, i) => rule("token-bucket", 10 + i, id));
    const limiter = counters.limiter(rules);
    limiter.take("a", 1);
    const { standings } = limiter.take("a", 1);
    assert.deepEqual(
      standings.map(({ remaining }) => remaining),
      [8, 9, 10, 11],
    );
  });

  test("take no more memory for a million keys, and say that they forget", () => {
    const clock = new HandClock();
    const counters = memoryCounters(allocateCounters(clock, 1024 * KIB), clock);
    const limiter = counters.limiter([rule("sliding-window", 100)]);
    for (let i = 0; i < 1_000_000; i++) limiter.take(`ip:${i}`, 1);
    assert.ok(counters.forgotten() > 900_000);
  });

  test("forget nobody whose window is not over while there is room", () => {
    const clock = new HandClock();
    const counters = memoryCounters(allocateCounters(clock), clock);
    const limiter = counters.limiter([rule("token-bucket", 100)]);
    for (let i = 0; i < 50_000; i++) limiter.take(`ip:${i}`, 1);
    assert.equal(counters.forgotten(), 0);
    assert.equal(limiter.take("ip:7", 0).standings[0]?.remaining, 99);
  });

  test("keep who has used up his bucket through a flood of new keys", () => {
    const clock = new HandClock();
    const counters = memoryCounters(allocateCounters(clock, 256 * KIB), clock);
    const limiter = counters.limiter([rule("token-bucket", 100)]);
    limiter.take("greedy", 100);
    for (let i = 0; i < 1_000_000; i++) limiter.take(`ip:${i}`, 1);
    assert.ok(!limiter.take("greedy", 100).allowed);
  });

  test("use the room of what has expired, and forget nobody for it", () => {
    const clock = new HandClock();
    const counters = memoryCounters(allocateCounters(clock, 64 * KIB), clock);
    const limiter = counters.limiter([rule("fixed-window", 100)]);
    for (let i = 0; i < 20_000; i++) {
      limiter.take(`ip:${i}`, 1);
      if (i % 20 === 0) clock.jump(WINDOW);
    }
    assert.equal(counters.forgotten(), 0);
  });

  test("do not go back in time with a clock that does", () => {
    for (const algorithm of ALGORITHMS) {
      let now = 1_000_000;
      const clock = { now: () => now, wall: () => now };
      const limiter = memoryCounters(allocateCounters(clock, 64 * KIB), clock).limiter([rule(algorithm, 4)]);
      limiter.take("a", 2);
      now -= WINDOW;
      limiter.take("a", 2);
      now += WINDOW;
      assert.ok(!limiter.take("a", 1).allowed, algorithm);
    }
  });

  test("align fixed windows with the epoch", () => {
    const clock = new HandClock(Date.UTC(2026, 10, 22, 12, 0, 59));
    const limiter = memoryCounters(allocateCounters(clock, 64 * KIB), clock).limiter([
      rule("fixed-window", 1),
    ]);
    assert.deepEqual(limiter.take("a", 1).standings, [{ remaining: 0, reset: 1000, wait: 0 }]);
    assert.equal(limiter.take("a", 1).standings[0]?.wait, 1000);
    clock.jump(1000);
    assert.deepEqual(limiter.take("a", 1).standings, [{ remaining: 0, reset: WINDOW, wait: 0 }]);
  });

  test("keep the fractions of tokens", () => {
    const clock = new HandClock();
    const limiter = memoryCounters(allocateCounters(clock, 64 * KIB), clock).limiter([
      rule("token-bucket", 7),
    ]);
    let passed = 0;
    // Seven a minute, asked for every millisecond: not one may be lost or won in twenty minutes.
    for (let ms = 0; ms < 20 * WINDOW; ms += 1) {
      if (limiter.take("a", 1).allowed) passed += 1;
      clock.jump(1);
    }
    assert.equal(passed, 7 + 20 * 7 - 1);
  });
});
