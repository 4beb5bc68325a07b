/**
 * How many calls an upstream has and how many wait for it, on all lanes together. In shared 32-bit words:
 *
 *     0    lock
 *     1    bell: rung where a lane leaves a free slot to those that wait on others
 *     2…   for each lane: its term, its calls in flight, its calls that wait, since when the first of them does
 *
 * A lane writes only its own row, so what a dead one held is forgotten when another takes its place.
 */
import type { LaneSeat, SharedMemory } from "../../core/shared-memory.ts";
import { lock, unlock } from "../../core/spin-lock.ts";

const LOCK = 0;
const BELL = 1;
const FIRST = 2;
const ROW = 4;
const TERM = 0;
const RUNNING = 1;
const WAITING = 2;
const SINCE = 3;

export interface SlotLimits {
  readonly limit: number;
  readonly queue: number;
}

export class SharedSlots {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #limits: SlotLimits;
  readonly #seat: LaneSeat;
  readonly #row: number;

  constructor(id: string, limits: SlotLimits, memory: SharedMemory) {
    this.#seat = memory.seat;
    this.#limits = limits;
    this.#words = memory.words(id, FIRST + memory.seat.lanes * ROW);
    this.#row = FIRST + memory.seat.lane * ROW;
    this.#locked(() => {
      if (this.#own(TERM) === this.#seat.term) return;
      this.#words.set([this.#seat.term, 0, 0, 0], this.#row);
    });
  }

  /** A new call gets a slot only where nobody waits for one; `queued` from `now` on where there is room to wait. */
  arrive(now: number): "taken" | "queued" | "refused" {
    return this.#locked(() => {
      // Somebody else sits here: our last calls are not worth a mistake in his count.
      if (this.#replaced) return "taken";
      const waiting = this.#sum(WAITING);
      if (waiting === 0 && this.#sum(RUNNING) < this.#limits.limit) {
        this.#add(RUNNING, 1);
        return "taken";
      }
      if (waiting >= this.#limits.queue) return "refused";
      if (this.#own(WAITING) === 0) this.#set(SINCE, now | 0);
      this.#add(WAITING, 1);
      return "queued";
    });
  }

  /**
   * The first that waits here gets a slot, if one is free and, with `inTurn`, no other lane has somebody who has
   * waited longer. `next`: since when the one behind him waits.
   */
  advance(next: number, inTurn: boolean): boolean {
    return this.#locked(() => {
      if (this.#replaced) return true;
      if (this.#sum(RUNNING) >= this.#limits.limit || (inTurn && this.#outwaited)) return false;
      this.#add(WAITING, -1);
      this.#add(RUNNING, 1);
      this.#set(SINCE, next | 0);
      return true;
    });
  }

  /** One that waited has given up; `first`: since when the first of the others waits. */
  giveUp(first: number): void {
    this.#locked(() => {
      if (this.#replaced) return;
      this.#add(WAITING, -1);
      this.#set(SINCE, first | 0);
    });
  }

  /** A call has ended. */
  leave(): void {
    this.#locked(() => {
      if (!this.#replaced) this.#add(RUNNING, -1);
    });
  }

  /** Tells the other lanes to look whether it is their turn. */
  ring(): void {
    if (this.#seat.lanes === 1 || this.#sum(WAITING) === this.#own(WAITING)) return;
    Atomics.add(this.#words, BELL, 1);
    Atomics.notify(this.#words, BELL);
  }

  /** Resolves at the next ring. */
  rung(): Promise<unknown> {
    const { async, value } = Atomics.waitAsync(this.#words, BELL, Atomics.load(this.#words, BELL));
    return async ? value : Promise.resolve();
  }

  get running(): number {
    return this.#sum(RUNNING);
  }

  get waiting(): number {
    return this.#sum(WAITING);
  }

  get #replaced(): boolean {
    return this.#own(TERM) !== this.#seat.term;
  }

  get #outwaited(): boolean {
    const mine = this.#own(SINCE);
    for (let row = FIRST; row < this.#words.length; row += ROW) {
      if (row === this.#row || this.#words[row + WAITING] === 0) continue;
      // A difference of 32 bits is right although the times themselves have lost their upper bits.
      if ((((this.#words[row + SINCE] as number) - mine) | 0) < 0) return true;
    }
    return false;
  }

  #locked<Result>(act: () => Result): Result {
    const ticket = lock(this.#words, LOCK);
    try {
      return act();
    } finally {
      unlock(this.#words, LOCK, ticket);
    }
  }

  #sum(column: number): number {
    let sum = 0;
    for (let at = FIRST + column; at < this.#words.length; at += ROW) sum += Atomics.load(this.#words, at);
    return sum;
  }

  #own(column: number): number {
    return Atomics.load(this.#words, this.#row + column);
  }

  #set(column: number, value: number): void {
    Atomics.store(this.#words, this.#row + column, value);
  }

  #add(column: number, change: number): void {
    Atomics.add(this.#words, this.#row + column, change);
  }
}
