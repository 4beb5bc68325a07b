/** `Idempotency-Key`: a request that is sent again because its answer was lost does nothing a second time (KEY-12). */
import { randomBytes } from "node:crypto";
import { GatewayError } from "../core/errors.ts";
import { idempotencyKey } from "../core/idempotency-key.ts";
import type { KeyRecords, OnceOnly, Remembered } from "../core/records.ts";
import { digestOf, repeatableEntropy } from "../identity/keys/issue.ts";
import type { AdminRequest } from "./route.ts";

const DAY_MS = 86_400_000;
const SALT_BYTES = 32;

/** What a secret is made of, and what is remembered of having made it; no `once` without an `Idempotency-Key`. */
export interface Attempt {
  readonly entropy: Buffer | undefined;
  readonly once: OnceOnly | undefined;
}

/**
 * Does what `first` does, or finds that it was done by an earlier request with the same key and gives what `again`
 * makes of that.
 *
 * @throws GatewayError IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED.
 */
export async function onceOnly<Result>(
  request: AdminRequest,
  records: KeyRecords,
  now: number,
  first: (attempt: Attempt) => Promise<Result>,
  again: (earlier: Remembered, entropy: Buffer) => Promise<Result>,
): Promise<Result> {
  const key = idempotencyKey(request.idempotencyKeys);
  if (key === null) return first({ entropy: undefined, once: undefined });
  const digest = digestOf(key);
  const fingerprint = digestOf(`${request.method} ${request.path}\n${request.body.toString("latin1")}`);
  const earlier = await records.remembered(digest, now - DAY_MS);
  if (earlier !== null) return repeat(earlier);
  const salt = randomBytes(SALT_BYTES);
  const once = { digest, fingerprint, salt: salt.toString("hex") };
  try {
    return await first({ entropy: repeatableEntropy(request.token, salt), once });
  } catch (error) {
    // The same request twice at the same time: the other one was first.
    const rival = await records.remembered(digest, now - DAY_MS);
    if (rival === null) throw error;
    return repeat(rival);
  }

  function repeat(remembered: Remembered): Promise<Result> {
    if (remembered.fingerprint !== fingerprint) throw new GatewayError("IDEMPOTENCY_KEY_REUSED");
    return again(remembered, repeatableEntropy(request.token, Buffer.from(remembered.salt, "hex")));
  }
}
