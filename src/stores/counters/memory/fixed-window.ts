import type { Rule } from "../../../core/counters.ts";
import { epochOf, type SharedMemory } from "./memory.ts";
import type { Meter } from "./meter.ts";

/**
 * `limit` units in each window; windows are aligned to the epoch (RL-10), so that a day is a day of UTC.
 * The cell holds the number of the window since the epoch, and what is used of it.
 */
export class FixedWindow implements Meter {
  readonly cellBytes = 16;
  readonly #doubles: Float64Array;
  readonly #limit: number;
  readonly #window: number;
  /** From the monotonic clock to the epoch. */
  readonly #epoch: number;
  #cell = 0;
  #index = 0;
  #used = 0;
  #now = 0;

  constructor(memory: SharedMemory, { limit, window }: Rule) {
    this.#doubles = memory.doubles;
    this.#limit = limit;
    this.#window = window;
    this.#epoch = epochOf(memory);
  }

  open(cell: number, fresh: boolean, now: number): void {
    this.#cell = cell;
    this.#now = now;
    const index = this.#indexAt(now);
    const known = fresh ? -1 : (this.#doubles[cell] as number);
    this.#index = Math.max(known, index);
    this.#store(known < index ? 0 : (this.#doubles[cell + 1] as number));
  }

  remaining(): number {
    return this.#limit - this.#used;
  }

  spend(cost: number): void {
    this.#store(this.#used + cost);
  }

  giveBack(cost: number, at: number): void {
    if (this.#indexAt(at) === this.#index) this.#store(Math.max(0, this.#used - cost));
  }

  expiry(): number {
    return this.#used === 0 ? this.#now : (this.#index + 1) * this.#window - this.#epoch;
  }

  reset(): number {
    return this.#used === 0 ? 0 : this.wait();
  }

  wait(): number {
    return (this.#index + 1) * this.#window - this.#epoch - this.#now;
  }

  #indexAt(now: number): number {
    return Math.floor((now + this.#epoch) / this.#window);
  }

  #store(used: number): void {
    this.#used = used;
    this.#doubles[this.#cell] = this.#index;
    this.#doubles[this.#cell + 1] = used;
  }
}
