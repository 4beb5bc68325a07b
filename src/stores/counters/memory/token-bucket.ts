import type { Rule } from "../../../core/counters.ts";
import type { SharedMemory } from "./memory.ts";
import type { Meter } from "./meter.ts";

/**
 * A bucket of `capacity` tokens that gets `limit` more in each window, continuously (RL-13).
 *
 * The cell holds the level in tokens × window, and the time of that level. In this unit a millisecond refills by
 * the whole number `limit` and a token weighs the whole number `window`: no fraction is ever rounded away.
 */
export class TokenBucket implements Meter {
  readonly cellBytes = 16;
  readonly #doubles: Float64Array;
  readonly #limit: number;
  readonly #window: number;
  readonly #full: number;
  #cell = 0;
  #level = 0;
  #at = 0;

  constructor({ doubles }: SharedMemory, { limit, window, capacity }: Rule) {
    this.#doubles = doubles;
    this.#limit = limit;
    this.#window = window;
    this.#full = capacity * window;
  }

  open(cell: number, fresh: boolean, now: number): void {
    this.#cell = cell;
    const level = fresh ? this.#full : (this.#doubles[cell] as number);
    const at = fresh ? now : (this.#doubles[cell + 1] as number);
    this.#at = Math.max(at, now);
    this.#store(Math.min(this.#full, level + (this.#at - at) * this.#limit));
  }

  remaining(): number {
    return Math.floor(this.#level / this.#window);
  }

  spend(cost: number): void {
    this.#store(this.#level - cost * this.#window);
  }

  giveBack(cost: number): void {
    this.#store(Math.min(this.#full, this.#level + cost * this.#window));
  }

  expiry(): number {
    return this.#at + (this.#full - this.#level) / this.#limit;
  }

  reset(): number {
    return this.#level >= this.#full ? 0 : this.wait(this.remaining() + 1);
  }

  wait(cost: number): number {
    return (cost * this.#window - this.#level) / this.#limit;
  }

  #store(level: number): void {
    this.#level = level;
    this.#doubles[this.#cell] = level;
    this.#doubles[this.#cell + 1] = this.#at;
  }
}
