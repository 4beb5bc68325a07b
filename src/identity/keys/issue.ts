/** Keys for callers: made here for the command line and for the admin API alike. */
import { createHash, hkdfSync, randomBytes } from "node:crypto";
import { base62, keySecret, secretHint } from "../../core/key-format.ts";
import type { KeyEnvironment, KeyRestrictions } from "../../core/keys.ts";
import type { NewKey, NewSecret } from "../../core/records.ts";

/** What is asked for. Times are milliseconds since the epoch. */
export interface KeyRequest {
  readonly name: string;
  readonly consumer: string;
  readonly scopes: readonly string[];
  readonly plan: string;
  readonly environment: KeyEnvironment;
  readonly restrictions: KeyRestrictions;
  readonly expiresAt: number | null;
}

export interface IssuedKey {
  readonly key: NewKey;
  /** Shown once, to whoever asked, and kept nowhere. */
  readonly secret: string;
}

const ENTROPY_BYTES = 32;

export function issueKey(
  request: KeyRequest,
  prefix: string,
  now: number,
  entropy: Buffer = randomBytes(ENTROPY_BYTES),
): IssuedKey {
  const { secret, stored } = issueSecret(prefix, request.environment, entropy);
  return { secret, key: { ...request, id: newId("key"), createdAt: now, secret: stored } };
}

export function issueSecret(
  prefix: string,
  environment: KeyEnvironment,
  entropy: Buffer = randomBytes(ENTROPY_BYTES),
): { readonly secret: string; readonly stored: NewSecret } {
  const secret = keySecret(prefix, environment, entropy);
  return { secret, stored: { digest: digestOf(secret), ...secretHint(secret) } };
}

/** SHA-256, in hex. */
export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/**
 * The same entropy again for the same caller and the same salt. A repeated request gets its answer a second time
 * although nobody has kept the secret: without the caller's own token the salt is worth nothing.
 */
export function repeatableEntropy(callerSecret: string, salt: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", callerSecret, salt, "turnpike key secret", ENTROPY_BYTES));
}

const newId = (kind: string): string =>
  `${kind}_${base62(BigInt(`0x${randomBytes(16).toString("hex")}`), 20)}`;
