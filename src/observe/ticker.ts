import type { Clock, Ticker } from "../core/tools.ts";

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
};

const TICK_MS = 100;

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
