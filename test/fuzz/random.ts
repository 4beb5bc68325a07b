/** Reproducible randomness: the same seed gives the same inputs on every machine. */
export class Random {
  #state: number;

  /** One sequence per execution, so that any of them can be made again without those before it. */
  constructor(seed: number, execution = 0) {
    this.#state = (Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul(execution + 1, 0x85ebca6b)) | 0;
    this.#next();
    this.#next();
  }

  /** mulberry32. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** 0 up to and without `limit`. */
  below(limit: number): number {
    return this.#next() % Math.max(1, limit);
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}
