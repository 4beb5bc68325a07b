/** Requests with an `Idempotency-Key`: what names them, and what they are answered with once more (behaviour §8). */
import { type KeyObject, randomUUID } from "node:crypto";
import { BytesBody } from "../../core/body.ts";
import type { Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import { idempotencyKey } from "../../core/idempotency-key.ts";
import { Refusals } from "../../core/idempotency-refusals.ts";
import { idempotencyTerms, STANDARD_TERMS } from "../../core/idempotency-terms.ts";
import { recordKeys } from "../../core/record-keys.ts";
import type { Reply } from "../../core/reply.ts";
import { fingerprint } from "../../core/request-fingerprint.ts";
import { type Answer, keptFields, openAnswer, sealAnswer } from "../../core/sealed-answer.ts";
import { requireAll } from "./access.ts";
import type { KeptAnswer, Keyed, Repetition } from "./store.ts";

/**
 * The key of a call; null where it has none.
 *
 * @param sight the scopes that decide what callers see.
 * @throws GatewayError IDEMPOTENCY_KEY_INVALID.
 */
export function keyedCall(call: Call, body: Buffer, sight: ReadonlySet<string>): KeyedCall | null {
  const { keep, compat, docs } = call.facts.get(idempotencyTerms) ?? STANDARD_TERMS;
  const refusals = new Refusals({ compat, docs });
  const key = keyOf(call, refusals);
  if (key === null) return null;
  const { digest, secret } = recordKeys(call, key);
  // 122 random bits: nobody guesses the id.
  const id = `idem_${randomUUID()}`;
  const keyed: Keyed = { digest, fingerprint: fingerprint(call, body), id, requestId: call.id, keep };
  const sees = [...(call.principal?.scopes ?? [])].filter((scope) => sight.has(scope));
  return new KeyedCall(keyed, secret, refusals, sees);
}

function keyOf({ request }: Call, refusals: Refusals): string | null {
  try {
    return idempotencyKey(request.headers.all("idempotency-key"));
  } catch (error) {
    throw refusals.invalid(GatewayError.from(error));
  }
}

/** In the sealed answer only: the scopes by which its first receiver saw what is in it. */
const SEEN_WITH = "x-turnpike-seen-with";

/** A request that is carried out once. */
export class KeyedCall {
  /** For the store. */
  readonly keyed: Keyed;
  /** What opens the answer; not in the record, so that who reads the database alone reads no answer. */
  readonly #secret: KeyObject;
  readonly #refusals: Refusals;
  /** Scopes by which the caller sees what others of the same consumer may not. */
  readonly #sees: readonly string[];

  constructor(keyed: Keyed, secret: KeyObject, refusals: Refusals, sees: readonly string[]) {
    this.keyed = keyed;
    this.#secret = secret;
    this.#refusals = refusals;
    this.#sees = sees;
  }

  /** For the record. */
  keep({ status, headers, body }: Answer): KeptAnswer {
    const kept = keptFields(headers);
    kept.set(SEEN_WITH, this.#sees.join(" "));
    return { status, answer: sealAnswer({ status, headers: kept, body }, this.#secret) };
  }

  /**
   * The same answer again, byte for byte, and whose it was (IDEM-6).
   *
   * @throws GatewayError where there is none: the key stands for another request, or for one whose answer nobody has; and
   * INSUFFICIENT_SCOPE where it was given to somebody who sees more (IDEM-9).
   */
  replay(repetition: Repetition): Reply {
    switch (repetition.kind) {
      case "replay":
        return this.#again(repetition);
      case "reused":
        throw this.#refusals.reused(repetition);
      case "running":
        throw this.#refusals.running({ ...repetition, kind: "running" });
      case "unknown":
        throw this.#refusals.unknown({ ...repetition, kind: "unknown" });
      case "unkept":
        throw this.#refusals.unkept(repetition);
    }
  }

  #again(repetition: Repetition & { readonly kind: "replay" }): Reply {
    const { status, headers, body } = this.#open(repetition);
    const seenWith = headers.get(SEEN_WITH) ?? "";
    requireAll(seenWith === "" ? [] : seenWith.split(" "), new Set(this.#sees));
    headers.delete(SEEN_WITH);
    headers.set("Idempotent-Replayed", "true");
    headers.set("Original-Request", repetition.requestId);
    return { status, headers, body: body.length === 0 ? null : new BytesBody(body) };
  }

  #open(repetition: Repetition & { readonly kind: "replay" }): Answer {
    try {
      return openAnswer(repetition.answer, repetition.status, this.#secret);
    } catch {
      throw this.#refusals.unreadable({ ...repetition, kind: "finished" });
    }
  }
}
