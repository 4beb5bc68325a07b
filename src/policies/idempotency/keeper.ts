import { randomUUID } from "node:crypto";
import { BytesBody } from "../../core/body.ts";
import { bufferBody } from "../../core/buffer-body.ts";
import type { Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Handler } from "../../core/handler.ts";
import type { Claim, Claimed } from "../../core/idempotency.ts";
import { idempotencyKey } from "../../core/idempotency-key.ts";
import { Refusals } from "../../core/idempotency-refusals.ts";
import { type IdempotencyTerms, idempotencyTerms } from "../../core/idempotency-terms.ts";
import type { CounterSeries } from "../../core/metrics.ts";
import { type RecordKeys, recordKeys } from "../../core/record-keys.ts";
import type { Reply } from "../../core/reply.ts";
import { fingerprint } from "../../core/request-fingerprint.ts";
import { openAnswer } from "../../core/sealed-answer.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { Bystanders } from "./bystanders.ts";
import { FirstCall, type Hold } from "./first-call.ts";
import type { IdempotencyOptions } from "./idempotency.options.ts";
import { Patience } from "./patience.ts";
import { replayOf } from "./replay.ts";
import { Settlements } from "./settlements.ts";

const CLAIM_WITHIN = 5_000;
/** Bytes of a body that is held in memory where the route sets no limit, because its bodies are streams. */
const MOST_UNLIMITED = 16 * 1024 * 1024;

/** Claims the key of each call, then has it carried out, or answers as it was answered before. */
export class Keeper {
  readonly #options: IdempotencyOptions;
  readonly #terms: IdempotencyTerms;
  readonly #tools: PolicyTools;
  readonly #patience: Patience;
  readonly #settlements: Settlements;
  readonly #bystanders: Bystanders;
  readonly #refusals: Refusals;
  readonly #first: FirstCall;
  readonly #count: (outcome: string) => void;

  constructor(options: IdempotencyOptions, tools: PolicyTools) {
    const { keep, compat, docs } = options;
    this.#options = options;
    this.#terms = { keep, compat, docs };
    this.#tools = tools;
    this.#patience = new Patience(tools);
    this.#settlements = new Settlements(tools, this.#patience);
    this.#bystanders = new Bystanders(this.#patience);
    this.#refusals = new Refusals(options);
    this.#first = new FirstCall(options, this.#settlements);
    const counter = tools.metrics.counter(
      "turnpike_idempotency_total",
      "Requests with an Idempotency-Key, and what became of them.",
      ["policy", "outcome"],
    );
    const series = new Map<string, CounterSeries>();
    this.#count = (outcome) => {
      let one = series.get(outcome);
      if (one === undefined) {
        one = counter.with({ policy: tools.place, outcome });
        series.set(outcome, one);
      }
      one.add();
    };
  }

  /**
   * The key of a call; null where it has none and needs none.
   *
   * @throws GatewayError IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REQUIRED.
   */
  keyOf(call: Call): string | null {
    const { headers } = call.request;
    if (!headers.has("idempotency-key")) {
      if (this.#options.required) throw this.#refusals.missing();
      return null;
    }
    try {
      return idempotencyKey(headers.all("idempotency-key"));
    } catch (error) {
      throw this.#refusals.invalid(GatewayError.from(error));
    }
  }

  /** Carries the call out, unless that has been done. */
  async once(call: Call, key: string, next: Handler): Promise<Reply> {
    try {
      return await this.#once(call, key, next);
    } finally {
      if (call.idempotency !== "") this.#count(call.idempotency);
    }
  }

  /** Resources keep the key themselves, in the transaction of what it is for: they are only told for how long. */
  async passOn(call: Call, next: Handler): Promise<Reply> {
    call.facts.learn(idempotencyTerms, this.#terms);
    try {
      return await next(call);
    } finally {
      if (call.idempotency !== "") this.#count(call.idempotency);
    }
  }

  async #once(call: Call, key: string, next: Handler): Promise<Reply> {
    const body = await this.#bodyOf(call);
    const keys = recordKeys(call, key);
    const claim: Claim = {
      digest: keys.digest,
      fingerprint: fingerprint(call, body),
      // 122 random bits: nobody guesses it.
      id: `idem_${randomUUID()}`,
      requestId: call.id,
      keep: this.#options.keep,
      again: this.#options.onUnknown === "resend",
    };
    // From here on the client may go: what is claimed is carried out (IDEM-14).
    const release = call.hold();
    try {
      const found = await this.#claim(call, claim);
      if (found === null) return await next(call);
      if (found.kind === "claimed") return await this.#carryOut(call, found, keys, next);
      if (found.kind !== "running" || this.#options.whenRunning === "conflict")
        return await this.#answer(call, found, keys);
    } finally {
      release();
    }
    return this.#wait(call, claim, keys, next);
  }

  /** In memory of its own: the call may outlive the connection whose memory it came in. */
  async #bodyOf(call: Call): Promise<Buffer> {
    const unlimited = call.request.body?.limit === Number.POSITIVE_INFINITY;
    const body = Buffer.from(await bufferBody(call, unlimited ? MOST_UNLIMITED : Number.POSITIVE_INFINITY));
    if (call.request.body !== null) call.request.body = new BytesBody(body);
    return body;
  }

  /** Null where the store cannot be reached and the call may pass all the same. */
  async #claim(call: Call, claim: Claim): Promise<Claimed | null> {
    try {
      const claimed = this.#tools.idempotency.claim(claim);
      return await this.#patience.within(CLAIM_WITHIN, claimed, (late) => this.#giveBack(call, late));
    } catch (cause) {
      if (this.#options.onStoreError === "pass") {
        call.idempotency = "unprotected";
        return null;
      }
      call.idempotency = "unavailable";
      throw this.#refusals.unavailable(cause);
    }
  }

  /** Nobody waits for it any more. */
  #giveBack(call: Call, late: Claimed): void {
    if (late.kind !== "claimed") return;
    // What nobody knew before is not known now.
    void this.#settlements.settle(call, { kind: late.again ? "lose" : "release", token: late.token });
  }

  async #carryOut(call: Call, hold: Hold, keys: RecordKeys, next: Handler): Promise<Reply> {
    try {
      return await this.#first.carryOut(call, hold, keys.secret, next);
    } finally {
      this.#bystanders.wake(keys.digest);
    }
  }

  /** Asks now and then whether the first call is over, until it is, time is up, or the client has gone. */
  async #wait(call: Call, claim: Claim, keys: RecordKeys, next: Handler): Promise<Reply> {
    const { clock } = this.#tools;
    const end = clock.now() + this.#options.waitFor;
    for (let tries = 0; ; tries++) {
      await this.#bystanders.wait(call, claim.digest, tries, end - clock.now());
      if (call.gone) throw new GatewayError("CLIENT_CLOSED");
      const release = call.hold();
      try {
        const found = await this.#claim(call, claim);
        if (found === null) return await next(call);
        if (found.kind === "claimed") return await this.#carryOut(call, found, keys, next);
        if (found.kind !== "running" || clock.now() >= end) return await this.#answer(call, found, keys);
      } finally {
        release();
      }
    }
  }

  /** A repetition: what the first request was answered with, or why it gets something else. */
  async #answer(call: Call, found: Exclude<Claimed, { kind: "claimed" }>, keys: RecordKeys): Promise<Reply> {
    switch (found.kind) {
      case "running":
        call.idempotency = "in-use";
        throw this.#refusals.running(found);
      case "unknown":
        call.idempotency = "unknown";
        throw this.#refusals.unknown(found);
      case "unkept":
        call.idempotency = "not-kept";
        throw this.#refusals.unkept(found);
      case "reused":
        call.idempotency = "reused";
        throw this.#refusals.reused(found);
      case "finished":
        return this.#replay(call, found, keys);
    }
  }

  #replay(call: Call, found: Claimed & { kind: "finished" }, keys: RecordKeys): Promise<Reply> {
    try {
      const answer = openAnswer(found.answer, found.status, keys.secret);
      call.idempotency = "replayed";
      return replayOf(answer, found.requestId, call.request.headers);
    } catch (cause) {
      this.#tools.log.error({ id: call.id, cause }, "a stored answer cannot be read");
      call.idempotency = "not-kept";
      throw this.#refusals.unreadable(found);
    }
  }
}
