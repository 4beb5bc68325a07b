import type { Resource } from "../../core/resource.ts";

/** Fills the bytes with random ones that nobody can guess. */
export type FillRandom = (bytes: Uint8Array) => void;

/** Crockford's base 32: sorts as the bytes do, and has no I, L, O, U. */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const RANDOM = 10;
const MASK_62 = (1n << 62n) - 1n;
/** Random bytes are fetched for so many ids at once. */
const BATCH = 128;

/**
 * Ids that sort by the time of their making: 48 bits of milliseconds, then 80 bits. The first of a millisecond has random
 * ones, each further one those of the last and 64 random bits more, so that ids of one process grow strictly and yet none
 * tells the next. A clock that is set back is waited for by counting on.
 */
export class Ids {
  readonly #wall: () => number;
  readonly #fill: FillRandom;
  readonly #pool = new Uint8Array(RANDOM * BATCH);
  #used = RANDOM * BATCH;
  #time = 0;
  /** Big-endian. */
  readonly #tail = new Uint8Array(RANDOM);

  constructor(wall: () => number, fill: FillRandom) {
    this.#wall = wall;
    this.#fill = fill;
  }

  /** Null where the database counts, or the client says. */
  for(resource: Resource): string | null {
    const { idRule } = resource;
    if (idRule.kind === "prefix") return this.prefixed(idRule.prefix);
    return idRule.kind === "uuid" ? this.uuid() : null;
  }

  /** `ord_` and 26 characters. */
  prefixed(prefix: string): string {
    this.#next();
    return `${prefix}_${timeDigits(this.#time)}${tailDigits(this.#tail)}`;
  }

  /** RFC 9562 §5.7, version 7. */
  uuid(): string {
    this.#next();
    const tail = BigInt(`0x${Buffer.from(this.#tail).toString("hex")}`) >> 6n;
    const high = (tail >> 62n).toString(16).padStart(3, "0");
    // Two bits for the variant, and the 62 others.
    const low = ((tail & MASK_62) | (2n << 62n)).toString(16);
    const time = this.#time.toString(16).padStart(12, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${low.slice(0, 4)}-${low.slice(4)}`;
  }

  #next(): void {
    const now = this.#wall();
    if (now > this.#time) {
      this.#time = now;
      this.#tail.set(this.#random());
      // Room to count on within the millisecond.
      this.#tail[0] = (this.#tail[0] as number) & 0x7f;
    } else if (!this.#advance()) {
      this.#time++;
    }
  }

  /** Adds 64 random bits, and one; false where the sum begins anew from nothing. */
  #advance(): boolean {
    const step = this.#random();
    let carry = 1;
    for (let i = RANDOM - 1; i >= 0; i--) {
      const sum = (this.#tail[i] as number) + (i >= 2 ? (step[i] as number) : 0) + carry;
      this.#tail[i] = sum & 0xff;
      carry = sum >> 8;
    }
    return carry === 0;
  }

  #random(): Uint8Array {
    if (this.#used === this.#pool.length) {
      this.#fill(this.#pool);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += RANDOM;
    return this.#pool.subarray(from, this.#used);
  }
}

/** 48 bits in 10 digits. */
function timeDigits(time: number): string {
  let text = "";
  let rest = time;
  for (let i = 0; i < 10; i++) {
    text = (DIGITS[rest % 32] as string) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** 80 bits in 16 digits. */
function tailDigits(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < RANDOM; at += 5) {
    const [a, b, c, d, e] = bytes.subarray(at, at + 5) as unknown as [number, number, number, number, number];
    text +=
      (DIGITS[a >> 3] as string) +
      (DIGITS[((a & 7) << 2) | (b >> 6)] as string) +
      (DIGITS[(b >> 1) & 31] as string) +
      (DIGITS[((b & 1) << 4) | (c >> 4)] as string) +
      (DIGITS[((c & 15) << 1) | (d >> 7)] as string) +
      (DIGITS[(d >> 2) & 31] as string) +
      (DIGITS[((d & 3) << 3) | (e >> 5)] as string) +
      (DIGITS[e & 31] as string);
  }
  return text;
}
