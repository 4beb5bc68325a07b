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
import type { KeptAnswer, Keyed, Repetition } from "./store.ts";

/**
 * The key of a call; null where it has none.
 *
 * @throws GatewayError IDEMPOTENCY_KEY_INVALID.
 */
export function keyedCall(call: Call, body: Buffer): KeyedCall | null {
  const { keep, compat, docs } = call.facts.get(idempotencyTerms) ?? STANDARD_TERMS;
  const refusals = new Refusals({ compat, docs });
  const key = keyOf(call, refusals);
  if (key === null) return null;
  const { digest, secret } = recordKeys(call, key);
  // 122 random bits: nobody guesses the id.
  const id = `idem_${randomUUID()}`;
  const keyed: Keyed = { digest, fingerprint: fingerprint(call, body), id, requestId: call.id, keep };
  return new KeyedCall(keyed, secret, refusals);
}

function keyOf({ request }: Call, refusals: Refusals): string | null {
  try {
    return idempotencyKey(request.headers.all("idempotency-key"));
  } catch (error) {
    throw refusals.invalid(GatewayError.from(error));
  }
}

/** A request that is carried out once. */
export class KeyedCall {
  /** For the store. */
  readonly keyed: Keyed;
  /** What opens the answer; not in the record, so that who reads the database alone reads no answer. */
  readonly #secret: KeyObject;
  readonly #refusals: Refusals;

  constructor(keyed: Keyed, secret: KeyObject, refusals: Refusals) {
    this.keyed = keyed;
    this.#secret = secret;
    this.#refusals = refusals;
  }

  /** For the record. */
  keep({ status, headers, body }: Answer): KeptAnswer {
    return { status, answer: sealAnswer({ status, headers: keptFields(headers), body }, this.#secret) };
  }

  /**
   * The same answer again, byte for byte, and whose it was (IDEM-6).
   *
   * @throws GatewayError where there is none: the key stands for another request, or for one whose answer nobody has.
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
