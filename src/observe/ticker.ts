import type { Clock, Ticker } from "../core/tools.ts";

/**
 * Each thread's `performance.now()` starts at its own zero, and what lanes share must agree on the time. The
 * system's monotonic clock is one for all, but asking for it costs five times as much: so only once.
 */
const threadZero = findThreadZero();

/** A thread may be taken off its core between the two questions, for milliseconds: the closest of many answers counts. */
function findThreadZero(): number {
  let zero = 0;
  let closest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 100; i++) {
    const before = performance.now();
    const system = Number(process.hrtime.bigint()) / 1e6;
    const after = performance.now();
    if (after - before >= closest) continue;
    closest = after - before;
    zero = system - (before + after) / 2;
  }
  return zero;
}

export const systemClock: Clock = {
  now: () => threadZero + performance.now(),
  wall: () => Date.now(),
};

/** How often it ticks, where nothing keeps it from doing so. */
export const TICK_MS = 100;

/** One timer for every deadline of the process. It does not keep the process alive. */
export function startTicker(clock: Clock): Ticker & { stop(): void } {
  const ticks = new Set<(now: number) => void>();
  const timer = setInterval(() => {
    const now = clock.now();
    for (const tick of ticks) tick(now);
  }, TICK_MS).unref();
  return {
    subscribe(tick) {
      ticks.add(tick);
      return () => ticks.delete(tick);
    },
    stop: () => clearInterval(timer),
  };
}
