/**
 * HalfSipHash-1-3 with a 64-bit result (Aumasson, Bernstein 2012; what Linux keeps its hash tables with): without
 * the key nobody can find two texts of the same hash, or of the same set of a table. 32-bit arithmetic only,
 * because BigInt would cost more than everything else of a take.
 */
export class KeyedHash {
  readonly #key0: number;
  readonly #key1: number;
  /** The result of the last `digest`. */
  low = 0;
  high = 0;

  constructor(key0: number, key1: number) {
    this.#key0 = key0 | 0;
    this.#key1 = key1 | 0;
  }

  /** Over the UTF-16 units of the text, two a word. */
  digest(text: string): void {
    let v0 = this.#key0;
    let v1 = this.#key1 ^ 0xee;
    let v2 = this.#key0 ^ 0x6c796765;
    let v3 = this.#key1 ^ 0x74656462;
    const { length } = text;
    const words = (length >> 1) + 1;
    // The last word holds what is left, and the length.
    const last = (length << 24) | ((length & 1) === 1 ? text.charCodeAt(length - 1) : 0);
    for (let i = 0; i < words + 6; i++) {
      let word = 0;
      if (i < words) {
        word = i === words - 1 ? last : text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 16);
      } else if (i === words) {
        v2 ^= 0xee;
      } else if (i === words + 3) {
        this.low = v1 ^ v3;
        v1 ^= 0xdd;
      }
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    this.high = v1 ^ v3;
  }
}
