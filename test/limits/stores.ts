import type { Counters } from "../../src/core/counters.ts";
import { allocateCounters } from "../../src/stores/counters/memory/memory.ts";
import { memoryCounters } from "../../src/stores/counters/memory/memory-counters.ts";
import { redisCounters } from "../../src/stores/counters/redis/redis-counters.ts";
import { takeScript } from "../../src/stores/counters/redis/script.ts";
import { eventually } from "../harness/eventually.ts";
import { HandClock } from "../harness/hand-clock.ts";
import { TestRedis } from "../harness/redis.ts";

/** A store whose time the test moves. */
export interface StoreUnderTest {
  readonly counters: Counters;
  /** Milliseconds since the epoch. */
  now(): number;
  advance(milliseconds: number): Promise<void>;
  stop(): Promise<void>;
}

const START = Date.UTC(2026, 10, 22, 12, 0, 0);

export const silentLog = { info: () => {}, warn: () => {}, error: () => {} };

export async function memoryUnderTest(): Promise<StoreUnderTest> {
  const clock = new HandClock(START);
  return {
    counters: memoryCounters(allocateCounters(clock, 1024 * 1024), clock),
    now: () => clock.wall(),
    // In one step: nothing here listens to the ticks between.
    advance: async (milliseconds) => clock.jump(milliseconds),
    stop: async () => {},
  };
}

/** The script as it is, but for where it gets the time from. */
export async function redisUnderTest(): Promise<StoreUnderTest> {
  const redis = await TestRedis.start();
  const script = takeScript("redis.call('MGET', 'test:seconds', 'test:microseconds')");
  const clock = new HandClock(START);
  const counters = await redisCounters({
    url: redis.url,
    local: memoryCounters(allocateCounters(clock, 1024 * 1024), clock),
    ticker: clock,
    log: silentLog,
    script,
    patience: 10_000,
  });
  const tell = () =>
    redis.command(
      "MSET",
      "test:seconds",
      String(Math.floor(clock.wall() / 1000)),
      "test:microseconds",
      String((clock.wall() % 1000) * 1000),
    );
  await tell();
  const rule = { id: "ready", algorithm: "token-bucket", limit: 1, window: 1000, capacity: 1 } as const;
  await eventually(
    "the store is connected",
    async () => (await counters.limiter([rule]).take("", 0)) !== null,
  );
  return {
    counters,
    now: () => clock.wall(),
    async advance(milliseconds) {
      clock.jump(milliseconds);
      await tell();
    },
    async stop() {
      counters.close();
      await redis.stop();
    },
  };
}
