/**
 * How many retries an upstream is sent, so that a service which fails for everybody is not brought down by them (RTY-4).
 *
 * In the second before each retry there have been no more of them, itself included, than the allowed share of the calls
 * that began in it, or the minimum if that is more. All lanes draw on one account in shared memory, in buckets of 100 ms:
 *
 *     0    lock
 *     1    16 buckets of 3 words: which tenth of a second of the clock, calls, retries
 *
 * What a bucket cannot tell apart counts against the retry: calls of 9 to 10 tenths, retries of 10 to 11.
 */
import type { RetryOptions } from "../../../core/kinds.ts";
import type { SharedMemory } from "../../../core/shared-memory.ts";
import { lock, unlock } from "../../../core/spin-lock.ts";

const LOCK = 0;
const FIRST = 1;
const BUCKETS = 16;
const TICK = 0;
const CALLS = 1;
const RETRIES = 2;
const BUCKET_WORDS = 3;
const BUCKET_MS = 100;
const CALL_BUCKETS = 10;
const RETRY_BUCKETS = 11;

export class RetryBudget {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #share: number;
  readonly #minimum: number;

  constructor(upstream: string, { budget, minimum }: RetryOptions, shared: SharedMemory) {
    this.#words = shared.words(`retries/${upstream}`, FIRST + BUCKETS * BUCKET_WORDS);
    this.#share = budget;
    this.#minimum = minimum;
  }

  /** A call begins. `now` in milliseconds of the monotonic clock. */
  count(now: number): void {
    const tick = Math.floor(now / BUCKET_MS);
    const bucket = bucketOf(tick);
    if (Atomics.load(this.#words, bucket + TICK) !== tick) this.#turn(bucket, tick);
    Atomics.add(this.#words, bucket + CALLS, 1);
  }

  /** Takes one retry; false where there is none left. */
  take(now: number): boolean {
    const tick = Math.floor(now / BUCKET_MS);
    const ticket = lock(this.#words, LOCK);
    try {
      let calls = 0;
      let retries = 0;
      for (let age = 0; age < RETRY_BUCKETS; age++) {
        const bucket = bucketOf(tick - age);
        if (this.#words[bucket + TICK] !== tick - age) continue;
        if (age < CALL_BUCKETS) calls += this.#words[bucket + CALLS] as number;
        retries += this.#words[bucket + RETRIES] as number;
      }
      if (retries >= Math.max(Math.floor(this.#share * calls), this.#minimum)) return false;
      const bucket = bucketOf(tick);
      this.#clear(bucket, tick);
      Atomics.add(this.#words, bucket + RETRIES, 1);
      return true;
    } finally {
      unlock(this.#words, LOCK, ticket);
    }
  }

  #turn(bucket: number, tick: number): void {
    const ticket = lock(this.#words, LOCK);
    this.#clear(bucket, tick);
    unlock(this.#words, LOCK, ticket);
  }

  /** The tick comes last: who sees it without the lock adds to a bucket that is empty. */
  #clear(bucket: number, tick: number): void {
    const words = this.#words;
    // A lane that was taken off its core for long does not turn it back.
    if ((words[bucket + TICK] as number) >= tick) return;
    Atomics.store(words, bucket + CALLS, 0);
    Atomics.store(words, bucket + RETRIES, 0);
    Atomics.store(words, bucket + TICK, tick);
  }
}

const bucketOf = (tick: number): number => FIRST + (tick % BUCKETS) * BUCKET_WORDS;
