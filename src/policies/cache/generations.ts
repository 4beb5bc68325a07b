/**
 * Invalidation that all lanes see at once (RFC 9111 §4.4): a number for each resource, one higher after each request that
 * may have changed it. A stored answer remembers the number from before its request was sent, and is good while that is
 * still the number: so an answer that was on its way during a change is not taken for one from after it.
 *
 * There are fewer numbers than resources, so that a change may cost others a request. Never the other way round.
 */
import { hash } from "node:crypto";
import type { SharedMemory } from "../../core/shared-memory.ts";

const SLOTS = 65_536;

/** A number as somebody has seen it. */
export interface Sighting {
  readonly slot: number;
  readonly number: number;
}

export class Generations {
  readonly #numbers: Int32Array<SharedArrayBuffer>;

  /** One table for all caches of the process: a change may come by another route than the answers. */
  constructor(shared: SharedMemory) {
    this.#numbers = shared.words("cache/generations", SLOTS);
  }

  now(resource: string): Sighting {
    const slot = slotOf(resource);
    return { slot, number: Atomics.load(this.#numbers, slot) };
  }

  holds({ slot, number }: Sighting): boolean {
    return Atomics.load(this.#numbers, slot) === number;
  }

  /** Whoever asks from now on gets nothing from before. */
  change(resource: string): void {
    Atomics.add(this.#numbers, slotOf(resource), 1);
  }
}

const slotOf = (resource: string): number => hash("sha256", resource, "buffer").readUInt16LE(0);
