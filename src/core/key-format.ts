/**
 * The form of the secrets that we issue (KEY-1, after GitHub's tokens):
 *
 *   <prefix>_<live|test>_<30 random characters><6 characters of checksum>
 *
 * in base62. The checksum is the CRC-32 of everything before it: a slip of the pen is seen without a look-up, and
 * scanners for leaked secrets find few false ones. It is no security: anybody can compute it.
 *
 * For scanners: [A-Za-z0-9]+_(live|test)_[0-9A-Za-z]{36}
 */
import { crc32 } from "node:zlib";
import type { KeyEnvironment } from "./keys.ts";

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH = 30;
const CHECKSUM_LENGTH = 6;

/** What may stand before `_live_` and `_test_`. */
export const KEY_PREFIX = /^[A-Za-z0-9]{1,16}$/;

/** Of keys, unless the config says otherwise. */
export const DEFAULT_KEY_PREFIX = "tp";

/** `entropy` is 32 bytes or more; 30 characters hold 178 bits of it. */
export function keySecret(prefix: string, environment: KeyEnvironment, entropy: Buffer): string {
  return secretOf(`${prefix}_${environment}_`, entropy);
}

/** A secret of our form behind any start. */
export function secretOf(start: string, entropy: Buffer): string {
  const head = start + base62(BigInt(`0x${entropy.toString("hex")}`), RANDOM_LENGTH);
  return head + base62(BigInt(crc32(head)), CHECKSUM_LENGTH);
}

/**
 * Whether a secret has the form of ours and its checksum does not fit: one that was never issued (KEY-2). The sum is
 * made of every secret, so that the time tells no forms apart.
 */
export function isBroken(secret: string, prefix: string): boolean {
  const fits = hasChecksum(secret);
  return hasForm(secret, prefix) && !fits;
}

/** Whether the last six characters are the checksum of those before. */
export function hasChecksum(secret: string): boolean {
  const head = secret.slice(0, -CHECKSUM_LENGTH);
  let rest = crc32(head);
  let wrong = 0;
  for (let i = secret.length - 1; i >= head.length; i--) {
    // A 62nd of 32 bits fits into a small integer; the remainder operator would go by way of a slow one.
    const quotient = (rest / 62) | 0;
    wrong |= secret.charCodeAt(i) ^ BASE62.charCodeAt(rest - quotient * 62);
    rest = quotient;
  }
  return wrong === 0;
}

function hasForm(secret: string, prefix: string): boolean {
  const start = prefix.length + "_live_".length;
  if (secret.length !== start + RANDOM_LENGTH + CHECKSUM_LENGTH || !secret.startsWith(prefix)) return false;
  if (!secret.startsWith("_live_", prefix.length) && !secret.startsWith("_test_", prefix.length))
    return false;
  for (let i = start; i < secret.length; i++) if (IS_BASE62[secret.charCodeAt(i)] !== 1) return false;
  return true;
}

/** By character code: looked at for every call with a key. */
const IS_BASE62 = Uint8Array.from({ length: 128 }, (_, code) =>
  Number(BASE62.includes(String.fromCharCode(code))),
);

/** The last digits of a number, padded with zeros. */
export function base62(number: bigint, digits: number): string {
  let text = "";
  for (let rest = number; text.length < digits; rest /= 62n) text = `${BASE62[Number(rest % 62n)]}${text}`;
  return text;
}

/** What people may see of a secret (KEY-3): enough to tell keys apart, too little to guess one. */
export function secretHint(secret: string): { readonly start: string; readonly last4: string } {
  const start = /^[A-Za-z0-9]+_(?:live|test)_/.exec(secret)?.[0] ?? "";
  return { start, last4: secret.slice(-4) };
}
