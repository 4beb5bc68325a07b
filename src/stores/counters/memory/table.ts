import { FORGOTTEN, type SharedMemory } from "./memory.ts";

/**
 * Cells of one size, found by the 64-bit hash of their key. A set-associative table, like a processor's cache: the
 * hash names a set, and any of its eight ways may hold the key. Each set is guarded by a lock of its own. In bytes:
 *
 *     0   lock (32 bits), unused (32 bits)
 *     8   eight hashes (2 × 32 bits each)
 *    72   eight times of expiry (64-bit floats, monotonic ms): what has expired is free
 *   136   eight cells
 *
 * A full set gives up the cell that would have expired first. That bounds the memory whatever keys clients make
 * up, and it keeps those who have used most: a flood of new keys overwrites its own.
 */
const WAYS = 8;
const HASHES_WORD = 2;
const EXPIRIES_DOUBLE = 9;
const CELLS_DOUBLE = 17;

export class Table {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly #start: number;
  readonly #sets: number;
  readonly #setDoubles: number;
  readonly #cellDoubles: number;

  /** `start`, `bytes` and `cellBytes` are multiples of 8. */
  constructor({ words, doubles }: SharedMemory, start: number, bytes: number, cellBytes: number) {
    this.words = words;
    this.doubles = doubles;
    this.#start = start / 8;
    this.#cellDoubles = cellBytes / 8;
    this.#setDoubles = CELLS_DOUBLE + WAYS * this.#cellDoubles;
    this.#sets = Math.floor(bytes / 8 / this.#setDoubles);
  }

  /** The set of a hash, as an index into the doubles. */
  setOf(low: number): number {
    return this.#start + Math.floor(((low >>> 0) * this.#sets) / 0x1_0000_0000) * this.#setDoubles;
  }

  /** The way of a key in its set, made for it if it has none. Under the set's lock, as all that follows. */
  wayOf(set: number, low: number, high: number, now: number): number {
    const { words, doubles } = this;
    const hashes = set * 2 + HASHES_WORD;
    for (let way = 0; way < WAYS; way++) {
      if (words[hashes + 2 * way] === low && words[hashes + 2 * way + 1] === high) return way;
    }
    const expiries = set + EXPIRIES_DOUBLE;
    let first = 0;
    for (let way = 1; way < WAYS; way++) {
      if ((doubles[expiries + way] as number) < (doubles[expiries + first] as number)) first = way;
    }
    if ((doubles[expiries + first] as number) > now) Atomics.add(words, FORGOTTEN, 1);
    words[hashes + 2 * first] = low;
    words[hashes + 2 * first + 1] = high;
    doubles[expiries + first] = 0;
    return first;
  }

  expired(set: number, way: number, now: number): boolean {
    return (this.doubles[set + EXPIRIES_DOUBLE + way] as number) <= now;
  }

  expire(set: number, way: number, at: number): void {
    this.doubles[set + EXPIRIES_DOUBLE + way] = at;
  }

  /** Where the cell begins, as an index into the doubles. */
  cellOf(set: number, way: number): number {
    return set + CELLS_DOUBLE + way * this.#cellDoubles;
  }
}

/** Where the lock of a set is, as an index into the words. */
export const lockOf = (set: number): number => set * 2;
