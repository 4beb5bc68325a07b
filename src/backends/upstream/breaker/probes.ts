/**
 * The calls that may pass a half-open circuit: so many under way or well over. One that never says what came of it makes
 * room for another after the lease (CB-6); if it does say so later, that still counts.
 */
import { type CircuitMemory, MAX_PROBES, PROBE_NUMBER, PROBES, PROBES_UNTIL, SUCCEEDED } from "./layout.ts";

const FREE = 0;
/** What is left beside 32 bits of epoch in a permit that a double holds exactly, and a bit to spare. */
const MAX_NUMBER = 2 ** 20 - 1;

/** Everything here happens under the circuit's lock. */
export class Probes {
  readonly #words: CircuitMemory["words"];
  readonly #doubles: CircuitMemory["doubles"];
  readonly #count: number;
  readonly #lease: number;

  /**
   * @param count how many calls may pass
   * @param lease for how long one is waited for, in milliseconds
   */
  constructor({ words, doubles }: CircuitMemory, count: number, lease: number) {
    this.#words = words;
    this.#doubles = doubles;
    this.#count = Math.min(count, MAX_PROBES);
    this.#lease = lease;
  }

  clear(): void {
    this.#words.fill(FREE, PROBES, PROBES + MAX_PROBES);
    this.#words[SUCCEEDED] = 0;
  }

  /** The number of a new probe, from 1 and unlike that of any other under way; 0 where none may pass. */
  take(now: number): number {
    if (!this.mayPass(now)) return 0;
    this.#giveUp(now);
    const slot = this.#slotOf(FREE);
    const number = ((this.#words[PROBE_NUMBER] as number) % MAX_NUMBER) + 1;
    this.#words[PROBE_NUMBER] = number;
    this.#words[PROBES + slot] = number;
    this.#doubles[PROBES_UNTIL + slot] = now + this.#lease;
    return number;
  }

  mayPass(now: number): boolean {
    return (this.#words[SUCCEEDED] as number) + this.underWay(now) < this.#count;
  }

  underWay(now: number): number {
    let count = 0;
    for (let slot = 0; slot < MAX_PROBES; slot++) {
      const waitedFor = now < (this.#doubles[PROBES_UNTIL + slot] as number);
      if (this.#words[PROBES + slot] !== FREE && waitedFor) count++;
    }
    return count;
  }

  /** Nothing happens where it has been given up. */
  release(number: number): void {
    const slot = this.#slotOf(number);
    if (slot >= 0) this.#words[PROBES + slot] = FREE;
  }

  succeed(number: number): void {
    this.release(number);
    this.#words[SUCCEEDED] = (this.#words[SUCCEEDED] as number) + 1;
  }

  /** As many as this plan wants: it may want fewer than the one under which they passed. */
  haveSucceeded(): boolean {
    return (this.#words[SUCCEEDED] as number) >= this.#count;
  }

  /** Once given up they are not waited for again, by a lane with an earlier time either. */
  #giveUp(now: number): void {
    for (let slot = 0; slot < MAX_PROBES; slot++) {
      if (now >= (this.#doubles[PROBES_UNTIL + slot] as number)) this.#words[PROBES + slot] = FREE;
    }
  }

  #slotOf(holder: number): number {
    for (let slot = 0; slot < MAX_PROBES; slot++) if (this.#words[PROBES + slot] === holder) return slot;
    return -1;
  }
}
