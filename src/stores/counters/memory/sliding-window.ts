import type { Rule } from "../../../core/counters.ts";
import type { SharedMemory } from "./memory.ts";
import type { Meter } from "./meter.ts";

/**
 * At most `limit` units in any window, wherever it begins (RL-11): a log of what was let pass, oldest first.
 *
 * Up to `MOST_ENTRIES` units the log has an entry for each of them. Beyond, what falls into one slot of 1/127 of the
 * window shares an entry, and leaves the window with the last of them: late by a slot at most, never early. So
 * no window ever holds more than `limit`, and of what an exact log lets pass less than 1 % is lost.
 *
 * The cell, in bytes: units in the log (64-bit float); index of the oldest entry, number of entries (32 bits each);
 * then the ring of entries: time, units (32 bits each).
 *
 * Times are whole ticks, modulo 2^32: rounded up when written and down when compared, which again is late.
 */
const MOST_ENTRIES = 128;
/** Sizes of the ring. Few, because cells of one size share a table. */
const FEW_ENTRIES = 16;
const RING_BYTE = 16;
/** More in a window, and their numbers would come round. */
const MOST_TICKS = 2 ** 29;
/** Milliseconds. Powers of two, so that whole milliseconds are whole ticks in windows of up to six days. */
const SHORTEST_TICK = 2 ** -10;

export class SlidingWindow implements Meter {
  readonly cellBytes: number;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #limit: number;
  readonly #entries: number;
  /** Milliseconds. */
  readonly #tick: number;
  /** Ticks. */
  readonly #window: number;
  /** Ticks; 1 where every unit has an entry of its own. */
  readonly #slot: number;
  #cell = 0;
  #ring = 0;
  #now = 0;
  #used = 0;
  #head = 0;
  #length = 0;

  constructor({ words, doubles }: SharedMemory, { limit, window }: Rule) {
    this.#words = words;
    this.#doubles = doubles;
    this.#limit = limit;
    this.#entries = limit <= FEW_ENTRIES ? FEW_ENTRIES : MOST_ENTRIES;
    this.cellBytes = RING_BYTE + 8 * this.#entries;
    this.#tick = Math.max(SHORTEST_TICK, 2 ** Math.ceil(Math.log2(window / MOST_TICKS)));
    this.#window = Math.ceil(window / this.#tick);
    this.#slot = limit <= this.#entries ? 1 : Math.ceil(this.#window / (this.#entries - 1));
  }

  open(cell: number, fresh: boolean, now: number): void {
    this.#cell = cell;
    this.#ring = cell * 2 + RING_BYTE / 4;
    this.#now = now;
    this.#used = fresh ? 0 : (this.#doubles[cell] as number);
    this.#head = fresh ? 0 : (this.#words[cell * 2 + 2] as number);
    this.#length = fresh ? 0 : (this.#words[cell * 2 + 3] as number);
    this.#dropOld();
    this.#store();
  }

  remaining(): number {
    return this.#limit - this.#used;
  }

  spend(cost: number): void {
    if (cost === 0) return;
    const now = Math.ceil(this.#now / this.#tick) | 0;
    this.#used += cost;
    if (this.#length > 0 && this.#joins(now)) {
      const newest = this.#entry(this.#length - 1);
      if (since(this.#words[newest] as number, now) > 0) this.#words[newest] = now;
      this.#words[newest + 1] = (this.#words[newest + 1] as number) + cost;
    } else {
      const entry = this.#entry(this.#length);
      this.#length += 1;
      this.#words[entry] = now;
      this.#words[entry + 1] = cost;
    }
    this.#store();
  }

  giveBack(cost: number, at: number): void {
    const then = Math.ceil(at / this.#tick) | 0;
    // The oldest entry that ends no sooner is the one that was written to.
    for (let i = 0; i < this.#length; i++) {
      const entry = this.#entry(i);
      if (since(then, this.#words[entry] as number) < 0) continue;
      const returned = Math.min(cost, this.#words[entry + 1] as number);
      this.#words[entry + 1] = (this.#words[entry + 1] as number) - returned;
      this.#used -= returned;
      break;
    }
    this.#dropEmpty();
    this.#store();
  }

  expiry(): number {
    return this.#length === 0 ? this.#now : this.#now + this.#leaves(this.#length - 1);
  }

  reset(): number {
    // What has been written in this moment was rounded up.
    return this.#length === 0 ? 0 : Math.min(this.#leaves(0), this.#window * this.#tick);
  }

  wait(cost: number): number {
    let used = this.#used;
    for (let i = 0; i < this.#length; i++) {
      used -= this.#words[this.#entry(i) + 1] as number;
      if (used + cost <= this.#limit) return this.#leaves(i);
    }
    return 0;
  }

  /** Whether what passes now shares the newest entry. */
  #joins(now: number): boolean {
    if (this.#length === this.#entries) return true;
    const newest = this.#words[this.#entry(this.#length - 1)] as number;
    return since(newest, now) <= 0 || this.#slotOf(newest) === this.#slotOf(now);
  }

  #slotOf(tick: number): number {
    return Math.floor((tick >>> 0) / this.#slot);
  }

  #entry(i: number): number {
    return this.#ring + 2 * ((this.#head + i) & (this.#entries - 1));
  }

  /** Milliseconds until an entry is out of the window. */
  #leaves(i: number): number {
    const now = Math.floor(this.#now / this.#tick);
    const age = since(this.#words[this.#entry(i)] as number, now | 0);
    return (now + this.#window - age) * this.#tick - this.#now;
  }

  #dropOld(): void {
    const now = Math.floor(this.#now / this.#tick) | 0;
    while (this.#length > 0 && since(this.#words[this.#entry(0)] as number, now) >= this.#window)
      this.#drop();
  }

  #drop(): void {
    this.#used -= this.#words[this.#entry(0) + 1] as number;
    this.#head = (this.#head + 1) & (this.#entries - 1);
    this.#length -= 1;
  }

  /** Entries at either end that gave back all they had. */
  #dropEmpty(): void {
    while (this.#length > 0 && this.#words[this.#entry(this.#length - 1) + 1] === 0) this.#length -= 1;
    while (this.#length > 0 && this.#words[this.#entry(0) + 1] === 0) this.#drop();
  }

  #store(): void {
    this.#doubles[this.#cell] = this.#used;
    this.#words[this.#cell * 2 + 2] = this.#head;
    this.#words[this.#cell * 2 + 3] = this.#length;
  }
}

/** Ticks from one time to a later one; negative if it is earlier. */
const since = (from: number, to: number): number => (to - from) | 0;
