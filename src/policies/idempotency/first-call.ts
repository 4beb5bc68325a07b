import type { KeyObject } from "node:crypto";
import { type Body, BytesBody } from "../../core/body.ts";
import type { Call } from "../../core/call.ts";
import type { Handler } from "../../core/handler.ts";
import type { Claimed } from "../../core/idempotency.ts";
import type { Reply } from "../../core/reply.ts";
import { keptFields, sealAnswer } from "../../core/sealed-answer.ts";
import type { IdempotencyOptions } from "./idempotency.options.ts";
import { takeIn } from "./intake.ts";
import type { Settlement, Settlements } from "./settlements.ts";
import { type Unanswered, verdictOn, withoutAnswer } from "./verdict.ts";

const NOTHING = Buffer.alloc(0);

/** The claim that a call has won. */
export type Hold = Claimed & { readonly kind: "claimed" };

/** A call that holds the claim to its key: it is carried out, and what came of it is on disk before its client knows. */
export class FirstCall {
  readonly #maxBody: number;
  readonly #keptErrors: ReadonlySet<number>;
  readonly #settlements: Settlements;

  constructor(
    { maxBody, storeServerErrors }: Pick<IdempotencyOptions, "maxBody" | "storeServerErrors">,
    settlements: Settlements,
  ) {
    this.#maxBody = maxBody;
    this.#keptErrors = new Set(storeServerErrors);
    this.#settlements = settlements;
  }

  async carryOut(call: Call, hold: Hold, secret: KeyObject, next: Handler): Promise<Reply> {
    call.keyed = true;
    // So that a replay can be read by every client, whatever this one takes (IDEM-19).
    call.request.headers.set("Accept-Encoding", "identity");
    let reply: Reply;
    try {
      reply = await next(call);
    } catch (thrown) {
      await this.#without(call, hold, withoutAnswer(call));
      throw thrown;
    }
    const verdict = verdictOn(call, reply, this.#keptErrors);
    if (verdict === "keep") return this.#keep(call, hold, secret, reply);
    await this.#without(call, hold, verdict);
    return reply;
  }

  /** There is no answer to keep. */
  async #without(call: Call, hold: Hold, verdict: Unanswered): Promise<void> {
    // That this attempt did nothing says nothing of one before it.
    const lost = verdict === "unknown" || hold.again;
    const { token } = hold;
    await this.#settle(call, lost ? "unknown" : "released", { kind: lost ? "lose" : "release", token });
  }

  async #keep(call: Call, hold: Hold, secret: KeyObject, reply: Reply): Promise<Reply> {
    const { status, headers } = reply;
    const { token } = hold;
    const body = isKept(reply) ? await this.#whole(call, hold, reply.body) : reply.body;
    if (!(body instanceof Uint8Array)) {
      await this.#settle(call, "not-kept", { kind: "finish", token, status, answer: null });
      return body === reply.body ? reply : { ...reply, body };
    }
    const answer = sealAnswer({ status, headers: keptFields(headers), body }, secret);
    await this.#settle(call, "stored", { kind: "finish", token, status, answer });
    return reply.body === null || reply.body.bytes === body ? reply : { ...reply, body: new BytesBody(body) };
  }

  /** The bytes of an answer's body; the body itself where it is too large. */
  async #whole(call: Call, hold: Hold, body: Body | null): Promise<Buffer | Body> {
    if (body === null) return NOTHING;
    try {
      return await takeIn(body, this.#maxBody);
    } catch (thrown) {
      // The service has answered, but who knows what: half an answer is none.
      await this.#without(call, hold, "unknown");
      throw thrown;
    }
  }

  async #settle(call: Call, outcome: string, settlement: Settlement): Promise<void> {
    const settled = await this.#settlements.settle(call, settlement);
    call.idempotency = settled ? outcome : "unrecorded";
  }
}

/** Streams are passed on as they come, and nobody can tell whether one that ends by closing was whole. */
function isKept({ tunnel, headers, body }: Reply): boolean {
  if (tunnel !== undefined || /^text\/event-stream\b/i.test(headers.get("content-type") ?? "")) return false;
  if (body === null || body.bytes !== undefined || body.size !== undefined) return true;
  return headers.has("transfer-encoding");
}
