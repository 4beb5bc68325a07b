/**
 * How many calls each target of an upstream has, on all lanes together. In shared 32-bit words of each target, for each
 * lane: its term, its calls. A lane writes only its own two, so what a dead one held is forgotten when another takes its
 * place.
 */
import type { SharedMemory } from "../../../core/shared-memory.ts";

const ROW = 2;
const CALLS = 1;

export class InUse {
  readonly #targets: readonly Int32Array<SharedArrayBuffer>[];
  readonly #row: number;

  constructor(upstream: string, urls: readonly string[], memory: SharedMemory) {
    const { lane, lanes, term } = memory.seat;
    this.#row = lane * ROW;
    this.#targets = urls.map((url) => memory.words(`in use ${upstream} ${url}`, lanes * ROW));
    for (const words of this.#targets) {
      if (Atomics.load(words, this.#row) !== term) words.set([term, 0], this.#row);
    }
  }

  of(target: number): number {
    const words = this.#targets[target] as Int32Array;
    let sum = 0;
    for (let at = CALLS; at < words.length; at += ROW) sum += Atomics.load(words, at);
    return sum;
  }

  began(target: number): void {
    Atomics.add(this.#targets[target] as Int32Array, this.#row + CALLS, 1);
  }

  ended(target: number): void {
    Atomics.sub(this.#targets[target] as Int32Array, this.#row + CALLS, 1);
  }
}
