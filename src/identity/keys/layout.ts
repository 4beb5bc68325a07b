/**
 * How issued keys lie in memory that all threads share. One thread writes (`KeyWriter`), all look up (`KeyTable`).
 *
 *   index     Int32[2^n]           open addressing by the first word of the digest, linear probing, at most half
 *                                  full; 0 is empty, n + 1 stands for row n. Replaced by one twice as large.
 *   rows      Int32[65536 × 16]    segments; a row is one secret and one cache line:
 *               0–7   digest       SHA-256 of the secret, little-endian words
 *               8     revoked      0 or 1
 *               9     expires      whole seconds since the epoch, 0 for never (unsigned)
 *               10    used         minutes since the epoch, 0 for never
 *               11    saved        what of that is on disk; the writer's
 *               12–14 attributes   segment, offset, length
 *   bytes     Uint8[…]             segments; `writeAttributes` of the keys, one after the other
 *
 * A row is complete before the index shows it, is never moved and never used for another secret: who has found one
 * may keep it. Only words 8 to 11 change afterwards, in place, so that every thread sees a revocation at its next
 * look-up without being told. Untouched memory of a segment is not resident.
 */
export const ROW_WORDS = 16;
export const ROWS_PER_SEGMENT = 65_536;
export const BYTES_PER_SEGMENT = 4 * 1024 * 1024;

export const REVOKED = 8;
export const EXPIRES = 9;
export const USED = 10;
export const SAVED = 11;
export const SEGMENT = 12;
export const OFFSET = 13;
export const LENGTH = 14;

export const DIGEST_WORDS = 8;
export const MINUTE_MS = 60_000;

/** All of the memory, as it is sent from the writer to the other threads: references, not copies. */
export interface KeyMemory {
  /** Differs between writers: what was found in the memory of another one is out of date. */
  readonly writer: string;
  readonly index: SharedArrayBuffer;
  readonly rows: readonly SharedArrayBuffer[];
  readonly bytes: readonly SharedArrayBuffer[];
}

/** Word `i` of a digest that is one character a byte. */
export function digestWord(digest: string, i: number): number {
  const at = i * 4;
  return (
    digest.charCodeAt(at) |
    (digest.charCodeAt(at + 1) << 8) |
    (digest.charCodeAt(at + 2) << 16) |
    (digest.charCodeAt(at + 3) << 24)
  );
}
