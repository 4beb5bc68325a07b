import type { Clock } from "../../core/tools.ts";

/** Somebody who wants to be woken at a time. */
export interface Sleeper {
  /** Milliseconds of the monotonic clock. Not changed between `set` and `clear`. */
  due: number;
  /** It is time; the alarm is not set any more. */
  wake(now: number): void;
}

/** What a timer may fire before its time, by its own clock. */
const EARLY_MS = 1;

/**
 * Wakes the calls of one upstream at the time they asked for: one timer for all of them, because the ticks of the
 * gateway are too far apart for a pause of 25 ms. It goes by the gateway's clock, so that a clock which is moved by
 * hand wakes them at its ticks.
 */
export class Alarms {
  readonly #clock: Clock;
  readonly #sleepers = new Set<Sleeper>();
  #timer: NodeJS.Timeout | null = null;
  /** When the timer fires, or should have. */
  #next = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(sleeper: Sleeper): void {
    this.#sleepers.add(sleeper);
    if (sleeper.due < this.#next) this.#arm(sleeper.due);
  }

  clear(sleeper: Sleeper): void {
    this.#sleepers.delete(sleeper);
  }

  /** Called with every tick. */
  sweep(now: number): void {
    if (now >= this.#next) this.#look(now);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#sleepers.clear();
  }

  #arm(due: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#next = due;
    this.#timer = setTimeout(() => this.#look(this.#clock.now()), due - this.#clock.now()).unref();
  }

  #look(now: number): void {
    const isDue = ({ due }: Sleeper) => due <= now + EARLY_MS;
    const awake = [...this.#sleepers].filter(isDue);
    // Whoever is woken may clear the next one's, or set another.
    for (const sleeper of awake) {
      if (!isDue(sleeper) || !this.#sleepers.delete(sleeper)) continue;
      sleeper.wake(now);
    }
    this.#next = Number.POSITIVE_INFINITY;
    for (const { due } of this.#sleepers) this.#next = Math.min(this.#next, due);
    if (this.#next < Number.POSITIVE_INFINITY) this.#arm(this.#next);
  }
}
