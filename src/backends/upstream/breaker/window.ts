/**
 * What the calls of the last while came to, counted in ten buckets that all lanes share. Bucket n holds what happened
 * from n to n + 1 tenths of the window on the monotonic clock; the window is the bucket of now and the nine before it,
 * so that a result counts for nine to ten tenths of the window.
 *
 * In 32-bit words: 0-1 number of the newest bucket (a double), 2 epoch of the circuit that the counts belong to,
 * 3-5 totals, then ten buckets; a total and a bucket are calls, failures, slow calls.
 */
import type { SharedMemory } from "../../../core/shared-memory.ts";

const BUCKETS = 10;
const NEWEST = 0;
const EPOCH = 2;
const TOTALS = 3;
const COUNTS = 3;
const FIRST = TOTALS + COUNTS;
const WORDS = FIRST + BUCKETS * COUNTS;

/** Everything here happens under the circuit's lock. */
export class SlidingWindow {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #doubles: Float64Array<SharedArrayBuffer>;
  readonly #length: number;

  /**
   * Another length is counted elsewhere, from nothing: plans that overlap in a reload never read each other's buckets.
   *
   * @param length in milliseconds
   */
  constructor(shared: SharedMemory, name: string, length: number) {
    this.#words = shared.words(`circuit/${name}/window/${length}`, WORDS);
    this.#doubles = new Float64Array(this.#words.buffer, this.#words.byteOffset, WORDS / 2);
    this.#length = length;
  }

  /** As of the last `moveTo`. */
  get calls(): number {
    return this.#words[TOTALS] as number;
  }

  get failures(): number {
    return this.#words[TOTALS + 1] as number;
  }

  get slow(): number {
    return this.#words[TOTALS + 2] as number;
  }

  /** Lets go what is older than the window, and all that was counted in another epoch. */
  moveTo(epoch: number, now: number): void {
    const words = this.#words;
    // Divided last: the quotient of whole numbers is exact, a tenth of a length is not.
    const number = Math.floor((now * BUCKETS) / this.#length);
    const newest = this.#doubles[NEWEST] as number;
    if (words[EPOCH] !== epoch || number - newest >= BUCKETS) {
      words.fill(0, TOTALS);
      words[EPOCH] = epoch;
      this.#doubles[NEWEST] = number;
      return;
    }
    // A lane whose clock was read a moment earlier counts in the newest bucket.
    for (let next = newest + 1; next <= number; next++) {
      this.#empty(next);
      this.#doubles[NEWEST] = next;
    }
  }

  /** In the bucket that `moveTo` has moved to. */
  add(failed: boolean, slow: boolean): void {
    const at = bucketAt(this.#doubles[NEWEST] as number);
    this.#increment(TOTALS, failed, slow);
    this.#increment(at, failed, slow);
  }

  #increment(at: number, failed: boolean, slow: boolean): void {
    const words = this.#words;
    words[at] = (words[at] as number) + 1;
    if (failed) words[at + 1] = (words[at + 1] as number) + 1;
    if (slow) words[at + 2] = (words[at + 2] as number) + 1;
  }

  #empty(number: number): void {
    const words = this.#words;
    const at = bucketAt(number);
    for (let i = 0; i < COUNTS; i++) {
      words[TOTALS + i] = (words[TOTALS + i] as number) - (words[at + i] as number);
      words[at + i] = 0;
    }
  }
}

const bucketAt = (number: number): number => FIRST + (number % BUCKETS) * COUNTS;
