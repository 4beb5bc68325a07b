import { TICK_MS } from "../observe/ticker.ts";

/** By how many per cent the share of refused calls changes with a tick: up quickly, down slowly, so that it settles. */
const MORE = 20;
const LESS = 5;
/** Some always get through: their success is what ends it. */
const MOST = 95;

/**
 * How late the ticks of a lane are, and what share of the new calls is to be refused for it.
 *
 * One late tick is a collection of garbage or a reload; from the second on the share grows with every tick that is
 * later than the limit, shrinks with every one that is not half as late, and stays in between.
 */
export class LoopGauge {
  /** Per cent of the new calls, from 0 to 95. */
  share = 0;
  /** Milliseconds by which the last tick was late. */
  delay = 0;
  #last: number;
  #late = false;
  /** Hundredths of calls that were to be refused and have not been. */
  #due = 0;

  constructor(now: number) {
    this.#last = now;
  }

  tick(now: number, limit: number): void {
    this.delay = Math.max(0, now - this.#last - TICK_MS);
    this.#last = now;
    const late = this.delay > limit;
    if (late && this.#late) this.share = Math.min(MOST, this.share + MORE);
    if (this.delay <= limit / 2) this.share = Math.max(0, this.share - LESS);
    this.#late = late;
  }

  /** Whether the next call is one of those to be refused: exactly the share of them is. */
  refuses(): boolean {
    this.#due += this.share;
    if (this.#due < 100) return false;
    this.#due -= 100;
    return true;
  }
}
