/** What everybody in the policies group has to do for a request besides proxying it. */

import { createHash } from "node:crypto";
import { keySecret } from "../src/core/key-format.ts";
import { EXPOSED } from "../src/policies/cors/cors.ts";

/**
 * The API key is known, the consumer's token bucket has a token, the answer says how many are left and who may read
 * it (CORS), a request id goes both ways, and a JSON line is written to a file.
 */
export interface Stack {
  readonly limit: Limit;
  /** 0: one key, in the config. Else so many keys issued into the records store, each of another consumer. */
  readonly issuedKeys: number;
}

/** A token bucket that holds `count` and refills in `seconds`. */
export interface Limit {
  readonly count: number;
  readonly seconds: number;
}

/** Far above what one core can carry: the bucket is looked at for every request and refuses none. */
export const generous: Limit = { count: 1_000_000, seconds: 1 };
/** For the proof that a peer limits at all. */
export const strict: Limit = { count: 5, seconds: 60 };

export const consumer = "acme";
export const origin = "https://shop.example";

/** What scripts of that origin may read: the fields that Turnpike exposes by itself (CORS-10). */
export const exposed = EXPOSED.join(", ");

/**
 * The secret of a key in the gateway's own format. The same in every run: these open nothing but a benchmark.
 */
export function secretOf(index: number): string {
  return keySecret("tp", "live", createHash("sha256").update(`turnpike bench ${index}`).digest());
}

/** As a config holds a key. */
export function hashOf(secret: string): string {
  return `sha256:${createHash("sha256").update(secret).digest("hex")}`;
}

/** What the client of key `index` sends. */
export function credentials(index: number): Readonly<Record<string, string>> {
  return { "X-API-Key": secretOf(index), Origin: origin };
}
