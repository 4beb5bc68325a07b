/**
 * What all lanes of the process know of an upstream's targets, across reloads. In shared 32-bit words, of the upstream:
 *
 *     0   lock, for what depends on several targets
 *     1   version: changes with whatever decides who is in the rotation
 *     2   turn: how many have been given out
 *     3   1 once the upstream has begun
 *     4   1 while no target is well
 *
 * and of each target by itself, because a reload may change who the others are:
 *
 *     0   1 once it is known
 *     1   ejected until then; 0 while it is not
 *     2   failures one after the other
 *     3   since when it is back, or new; 0 if it has been there from the start
 *     4   1 while its circuit is not closed
 */
import type { SharedMemory } from "../../../core/shared-memory.ts";
import { lock, unlock } from "../../../core/spin-lock.ts";

const LOCK = 0;
const VERSION = 1;
const TURN = 2;
const BEGUN = 3;
const PANIC = 4;
const UPSTREAM_WORDS = 5;

const KNOWN = 0;
const EJECTED = 1;
const FAILURES = 2;
const BACK = 3;
const CIRCUIT = 4;
const TARGET_WORDS = 5;

type Words = Int32Array<SharedArrayBuffer>;

/** Of the targets together. */
export class SharedRotation {
  readonly #words: Words;

  constructor(upstream: string, memory: SharedMemory) {
    this.#words = memory.words(`rotation ${upstream}`, UPSTREAM_WORDS);
  }

  /** Changes when somebody has come in or gone out. */
  get version(): number {
    return Atomics.load(this.#words, VERSION);
  }

  changed(): void {
    Atomics.add(this.#words, VERSION, 1);
  }

  /** A turn that nobody else has, in any lane; from 0. */
  nextTurn(): number {
    return Atomics.add(this.#words, TURN, 1) >>> 0;
  }

  /** Returns whether it was otherwise until now: one lane is told so. */
  panic(on: boolean): boolean {
    return Atomics.exchange(this.#words, PANIC, on ? 1 : 0) !== (on ? 1 : 0);
  }

  get panics(): boolean {
    return Atomics.load(this.#words, PANIC) === 1;
  }

  /** Targets that come later than the upstream itself are new since `tenths`. */
  introduce(targets: readonly Standing[], tenths: number): void {
    this.locked(() => {
      const begun = Atomics.exchange(this.#words, BEGUN, 1) === 1;
      for (const target of targets) target.introduce(begun ? tenths : 0);
    });
  }

  locked<Result>(act: () => Result): Result {
    const ticket = lock(this.#words, LOCK);
    try {
      return act();
    } finally {
      unlock(this.#words, LOCK, ticket);
    }
  }
}

/** Of one target. Times are tenths of a second, see tenths.ts. */
export class Standing {
  readonly #words: Words;

  constructor(upstream: string, url: string, memory: SharedMemory) {
    this.#words = memory.words(`target ${upstream} ${url}`, TARGET_WORDS);
  }

  introduce(since: number): void {
    if (Atomics.exchange(this.#words, KNOWN, 1) === 0) Atomics.store(this.#words, BACK, since);
  }

  get ejected(): boolean {
    return Atomics.load(this.#words, EJECTED) !== 0;
  }

  eject(until: number): void {
    Atomics.store(this.#words, EJECTED, until);
  }

  /** Returns whether its time was up, and nobody else has let it back in. */
  readmit(now: number): boolean {
    const until = Atomics.load(this.#words, EJECTED);
    if (until === 0 || now < until) return false;
    if (Atomics.compareExchange(this.#words, EJECTED, until, 0) !== until) return false;
    Atomics.store(this.#words, FAILURES, 0);
    this.back(now);
    return true;
  }

  /** Returns how many failures there have been one after the other. */
  failed(): number {
    return Atomics.add(this.#words, FAILURES, 1) + 1;
  }

  succeeded(): void {
    if (Atomics.load(this.#words, FAILURES) !== 0) Atomics.store(this.#words, FAILURES, 0);
  }

  /** Returns whether it was otherwise until now: one lane is told so. */
  circuit(closed: boolean): boolean {
    const open = closed ? 0 : 1;
    if (Atomics.load(this.#words, CIRCUIT) === open) return false;
    return Atomics.exchange(this.#words, CIRCUIT, open) !== open;
  }

  /** Its share grows from now on. */
  back(now: number): void {
    Atomics.store(this.#words, BACK, now);
  }

  /** 0 if it has been there from the start. */
  get backSince(): number {
    return Atomics.load(this.#words, BACK);
  }
}
