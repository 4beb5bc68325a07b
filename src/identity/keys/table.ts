import {
  type Key,
  type KeyDirectory,
  type KeyEnvironment,
  type KeyRestrictions,
  type KeyStanding,
  keyPrincipal,
  Restrictions,
} from "../../core/keys.ts";
import type { Principal } from "../../core/principal.ts";
import {
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
  SEGMENT,
  USED,
} from "./layout.ts";

/** Keys that stay decoded at most: a power of two. */
const DECODED = 16_384;

/** The issued keys, as a thread that carries traffic sees them. Empty until it has received their memory. */
export class KeyTable implements KeyDirectory {
  #index: Int32Array = new Int32Array(2);
  #rows: readonly Int32Array[] = [];
  #bytes: readonly Buffer[] = [];
  #writer = "";
  generation = 0;
  /** By the last word of the digest; the later of two in one place stays. Costs less than a map that forgets the oldest. */
  readonly #decoded = new Array<IssuedKey | null>(DECODED).fill(null);

  receive(memory: KeyMemory): void {
    if (memory.writer !== this.#writer) {
      this.#decoded.fill(null);
      this.generation++;
      this.#writer = memory.writer;
    }
    this.#index = new Int32Array(memory.index);
    this.#rows = memory.rows.map((rows) => new Int32Array(rows));
    this.#bytes = memory.bytes.map((bytes) => Buffer.from(bytes));
  }

  find(digest: string): Key | null {
    const place = digestWord(digest, DIGEST_WORDS - 1) & (DECODED - 1);
    const known = this.#decoded[place];
    if (known?.digest === digest) return known;
    const key = this.#lookUp(digest);
    if (key !== null) this.#decoded[place] = key;
    return key;
  }

  #lookUp(digest: string): IssuedKey | null {
    const index = this.#index;
    const mask = index.length - 1;
    for (let slot = digestWord(digest, 0) & mask; ; slot = (slot + 1) & mask) {
      const row = Atomics.load(index, slot) - 1;
      if (row < 0) return null;
      // A row whose segment is still on its way here is not ours to see yet.
      const rows = this.#rows[Math.floor(row / ROWS_PER_SEGMENT)];
      const at = (row % ROWS_PER_SEGMENT) * ROW_WORDS;
      if (rows === undefined || !isDigestAt(rows, at, digest)) continue;
      const bytes = this.#bytes[rows[at + SEGMENT] as number];
      if (bytes === undefined) return null;
      const start = rows[at + OFFSET] as number;
      const attributes = bytes.toString("latin1", start, start + (rows[at + LENGTH] as number));
      return new IssuedKey(digest, attributes, rows, at);
    }
  }
}

export function isDigestAt(rows: Int32Array, at: number, digest: string): boolean {
  for (let i = 0; i < DIGEST_WORDS; i++) if (rows[at + i] !== digestWord(digest, i)) return false;
  return true;
}

class IssuedKey implements Key {
  readonly digest: string;
  readonly principal: Principal;
  readonly environment: KeyEnvironment;
  readonly restrictions: Restrictions | null;
  readonly #rows: Int32Array;
  readonly #at: number;

  constructor(digest: string, attributes: string, rows: Int32Array, at: number) {
    const [id = "", consumer = "", scopes = "", plan = "", environment, restrictions] =
      attributes.split("\n");
    this.digest = digest;
    this.environment = environment === "test" ? "test" : "live";
    this.principal = keyPrincipal(id, consumer, scopes, plan, this.environment);
    this.restrictions = restrictions ? Restrictions.of(JSON.parse(restrictions) as KeyRestrictions) : null;
    this.#rows = rows;
    this.#at = at;
  }

  standing(wall: number): KeyStanding {
    if (Atomics.load(this.#rows, this.#at + REVOKED) !== 0) return "revoked";
    const expires = Atomics.load(this.#rows, this.#at + EXPIRES) >>> 0;
    return expires !== 0 && wall >= expires * 1000 ? "expired" : "active";
  }

  markUsed(wall: number): void {
    const minute = Math.floor(wall / MINUTE_MS);
    if (Atomics.load(this.#rows, this.#at + USED) < minute)
      Atomics.store(this.#rows, this.#at + USED, minute);
  }
}
