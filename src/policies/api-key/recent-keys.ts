import { randomFillSync } from "node:crypto";
import { KeyedHash } from "../../core/keyed-hash.ts";
import type { Key, KeyDirectory } from "../../core/keys.ts";

/** A power of two. */
const PLACES = 4096;

/**
 * Secrets that have opened a key lately, so that a call does not pay for SHA-256 and a look-up. Only what a keyed
 * hash of 64 bits makes of a secret is kept, and compared as two numbers: no secret lies in memory, and how long it
 * takes says nothing of one. Without the hash's key nobody can find another text of the same hash; to guess one
 * takes 2⁶³ requests. Whether a key is still good is asked at every use, of the key itself.
 */
export class RecentKeys {
  readonly #directory: KeyDirectory;
  readonly #hash: KeyedHash;
  readonly #low = new Int32Array(PLACES);
  readonly #high = new Int32Array(PLACES);
  readonly #keys = new Array<Key | null>(PLACES).fill(null);
  #generation: number;

  constructor(directory: KeyDirectory) {
    this.#directory = directory;
    this.#generation = directory.generation;
    const [one, other] = randomFillSync(new Int32Array(2));
    this.#hash = new KeyedHash(one as number, other as number);
  }

  /** The key that `secret` has opened before; null where that is not known. */
  get(secret: string): Key | null {
    if (this.#generation !== this.#directory.generation) {
      this.#keys.fill(null);
      this.#generation = this.#directory.generation;
    }
    const { low, high } = this.#digest(secret);
    const place = low & (PLACES - 1);
    return this.#low[place] === low && this.#high[place] === high ? (this.#keys[place] ?? null) : null;
  }

  keep(secret: string, key: Key): void {
    const { low, high } = this.#digest(secret);
    const place = low & (PLACES - 1);
    this.#low[place] = low;
    this.#high[place] = high;
    this.#keys[place] = key;
  }

  #digest(secret: string): KeyedHash {
    this.#hash.digest(secret);
    return this.#hash;
  }
}
