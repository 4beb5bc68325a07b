import { type ErrorCode, GatewayError } from "./errors.ts";
import type { Claimed } from "./idempotency.ts";
import type { IdempotencyTerms } from "./idempotency-terms.ts";

/** What Stripe calls them, and its clients tell them by (IDEM-7). */
const TYPE = "idempotency_error";

/** Where the gateway says what it knows of a record; `statusPath` of one id. */
export const STATUS_PATH = "/.well-known/idempotency/{id}";
const statusPath = (id: string): string => STATUS_PATH.replace("{id}", id);

/** Errors of a request for its key. */
export class Refusals {
  readonly #docs: string;
  readonly #reusedStatus: number;

  constructor({ docs, compat }: Pick<IdempotencyTerms, "docs" | "compat">) {
    this.#docs = `<${docs}>; rel="describedby"`;
    this.#reusedStatus = compat === "stripe" ? 400 : 422;
  }

  missing(): GatewayError {
    return new GatewayError("IDEMPOTENCY_KEY_REQUIRED", { type: TYPE, headers: { Link: this.#docs } });
  }

  /** The error with the same sentence, and what all of them have in common. */
  invalid({ message }: GatewayError): GatewayError {
    return new GatewayError("IDEMPOTENCY_KEY_INVALID", {
      message,
      type: TYPE,
      headers: { Link: this.#docs },
    });
  }

  unavailable(cause: unknown): GatewayError {
    return new GatewayError("IDEMPOTENCY_UNAVAILABLE", {
      type: TYPE,
      cause,
      headers: { "Retry-After": "1" },
    });
  }

  reused({ requestId }: Claimed & { kind: "reused" }): GatewayError {
    return new GatewayError("IDEMPOTENCY_KEY_REUSED", {
      type: TYPE,
      status: this.#reusedStatus,
      headers: { Link: this.#docs, "Original-Request": requestId },
    });
  }

  running(found: Claimed & { kind: "running" }): GatewayError {
    return this.#about(found, "IDEMPOTENCY_KEY_IN_USE", undefined, { "Retry-After": "1" });
  }

  unknown(found: Claimed & { kind: "unknown" }): GatewayError {
    return this.#about(found, "IDEMPOTENCY_OUTCOME_UNKNOWN");
  }

  unkept(found: Claimed & { kind: "unkept" }): GatewayError {
    const message = `The request was carried out before and answered with ${found.status}. The answer was not kept, because it was too large, a stream, or without a length.`;
    return this.#about(found, "IDEMPOTENCY_ANSWER_NOT_KEPT", message);
  }

  /** What is kept cannot be read any more. */
  unreadable({ requestId, status }: Claimed & { kind: "finished" }): GatewayError {
    return new GatewayError("IDEMPOTENCY_ANSWER_NOT_KEPT", {
      type: TYPE,
      message: `The request was carried out before and answered with ${status}. The answer can no longer be read.`,
      headers: { "Original-Request": requestId },
    });
  }

  #about(
    { id, requestId }: { readonly id: string; readonly requestId: string },
    code: ErrorCode,
    message?: string,
    headers: Readonly<Record<string, string>> = {},
  ): GatewayError {
    return new GatewayError(code, {
      type: TYPE,
      ...(message === undefined ? {} : { message }),
      headers: { Link: `<${statusPath(id)}>; rel="status"`, "Original-Request": requestId, ...headers },
    });
  }
}
