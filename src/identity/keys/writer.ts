import { randomUUID } from "node:crypto";
import type { IssuedSecret } from "../../core/records.ts";
import {
  BYTES_PER_SEGMENT,
  DIGEST_WORDS,
  digestWord,
  EXPIRES,
  type KeyMemory,
  LENGTH,
  MINUTE_MS,
  OFFSET,
  REVOKED,
  ROW_WORDS,
  ROWS_PER_SEGMENT,
  SAVED,
  SEGMENT,
  USED,
} from "./layout.ts";
import { isDigestAt } from "./table.ts";

/** Fills the memory that `KeyTable` reads. There is one in a process. */
export class KeyWriter {
  readonly #writer = randomUUID();
  #index: Int32Array<SharedArrayBuffer>;
  readonly #rows: Int32Array<SharedArrayBuffer>[] = [];
  readonly #bytes: Buffer<SharedArrayBuffer>[] = [];
  /** Bytes that are taken in the last segment. */
  #filled = 0;
  /** What the store calls the secret of a row. */
  readonly #refs: number[] = [];
  #grown = false;

  /** `expected` secrets fit in without a second index. */
  constructor(expected: number) {
    this.#index = sharedWords(indexSize(expected));
    this.#addRows();
    this.#addBytes();
  }

  get size(): number {
    return this.#refs.length;
  }

  /** Whether there is memory that no thread has been told of since this was asked last. */
  takeGrown(): boolean {
    const grown = this.#grown;
    this.#grown = false;
    return grown;
  }

  memory(): KeyMemory {
    return {
      writer: this.#writer,
      index: this.#index.buffer,
      rows: this.#rows.map((rows) => rows.buffer),
      bytes: this.#bytes.map((bytes) => bytes.buffer),
    };
  }

  /** Adds a secret, or brings what may change of it up to date. */
  put(secret: IssuedSecret): void {
    const digest = Buffer.from(secret.digest, "hex").toString("latin1");
    const slot = this.#slotOf(digest);
    const known = (this.#index[slot] as number) - 1;
    if (known >= 0) {
      this.#update(known, secret);
      return;
    }
    const row = this.#refs.length;
    this.#refs.push(secret.ref);
    // One segment ahead, so that every thread has a segment before there is a row in it.
    if ((row + 1) % ROWS_PER_SEGMENT === ROWS_PER_SEGMENT / 2) this.#addRows();
    this.#fill(row, digest, secret);
    this.#update(row, secret);
    Atomics.store(this.#index, slot, row + 1);
    if (this.#refs.length * 2 > this.#index.length) this.#growIndex();
  }

  /** Uses that are not on disk yet, of `count` rows from `from`. They count as saved from now on. */
  takeUses(from: number, count: number): (readonly [ref: number, at: number])[] {
    const uses: (readonly [number, number])[] = [];
    for (let row = from; row < Math.min(from + count, this.size); row++) {
      const { rows, at } = this.#place(row);
      const used = Atomics.load(rows, at + USED);
      if (used === rows[at + SAVED]) continue;
      rows[at + SAVED] = used;
      uses.push([this.#refs[row] as number, used * MINUTE_MS]);
    }
    return uses;
  }

  /** When a secret was used last, as far as any thread of this process knows; null for never. */
  usedAt(digestHex: string): number | null {
    const row = (this.#index[this.#slotOf(Buffer.from(digestHex, "hex").toString("latin1"))] as number) - 1;
    if (row < 0) return null;
    const { rows, at } = this.#place(row);
    const minute = Atomics.load(rows, at + USED);
    return minute === 0 ? null : minute * MINUTE_MS;
  }

  /** The slot that holds the digest, or the empty one where it belongs. */
  #slotOf(digest: string): number {
    const mask = this.#index.length - 1;
    for (let slot = digestWord(digest, 0) & mask; ; slot = (slot + 1) & mask) {
      const row = (this.#index[slot] as number) - 1;
      if (row < 0) return slot;
      const { rows, at } = this.#place(row);
      if (isDigestAt(rows, at, digest)) return slot;
    }
  }

  #place(row: number): { rows: Int32Array<SharedArrayBuffer>; at: number } {
    const rows = this.#rows[Math.floor(row / ROWS_PER_SEGMENT)] as Int32Array<SharedArrayBuffer>;
    return { rows, at: (row % ROWS_PER_SEGMENT) * ROW_WORDS };
  }

  #fill(row: number, digest: string, { attributes }: IssuedSecret): void {
    const { rows, at } = this.#place(row);
    const length = Buffer.byteLength(attributes, "latin1");
    if (this.#filled + length > BYTES_PER_SEGMENT) this.#addBytes();
    this.#bytes.at(-1)?.write(attributes, this.#filled, "latin1");
    for (let i = 0; i < DIGEST_WORDS; i++) rows[at + i] = digestWord(digest, i);
    rows[at + SEGMENT] = this.#bytes.length - 1;
    rows[at + OFFSET] = this.#filled;
    rows[at + LENGTH] = length;
    this.#filled += length;
  }

  #update(row: number, { revokedAt, expiresAt, lastUsedAt }: IssuedSecret): void {
    const { rows, at } = this.#place(row);
    Atomics.store(rows, at + REVOKED, revokedAt === null ? 0 : 1);
    Atomics.store(rows, at + EXPIRES, expiresAt === null ? 0 : Math.max(1, Math.floor(expiresAt / 1000)));
    const used = Math.floor((lastUsedAt ?? 0) / MINUTE_MS);
    // Another process saw a later use than this one, and has saved it.
    if (used > Atomics.load(rows, at + USED)) {
      Atomics.store(rows, at + USED, used);
      rows[at + SAVED] = used;
    }
  }

  #growIndex(): void {
    this.#index = sharedWords(this.#index.length * 2);
    const mask = this.#index.length - 1;
    for (let row = 0; row < this.size; row++) {
      const { rows, at } = this.#place(row);
      let slot = (rows[at] as number) & mask;
      while (this.#index[slot] !== 0) slot = (slot + 1) & mask;
      this.#index[slot] = row + 1;
    }
    this.#grown = true;
  }

  #addRows(): void {
    this.#rows.push(sharedWords(ROWS_PER_SEGMENT * ROW_WORDS));
    this.#grown = true;
  }

  #addBytes(): void {
    this.#bytes.push(Buffer.from(new SharedArrayBuffer(BYTES_PER_SEGMENT)));
    this.#filled = 0;
    this.#grown = true;
  }
}

const sharedWords = (count: number): Int32Array<SharedArrayBuffer> =>
  new Int32Array(new SharedArrayBuffer(count * 4));

/** A power of two, at least twice what is expected. */
function indexSize(expected: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1024, expected * 2)));
}
