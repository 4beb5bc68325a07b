/** What answers in place of an upstream that cannot. */
import type { Call } from "../../core/call.ts";
import { type ErrorCode, GatewayError } from "../../core/errors.ts";
import type { Handler, Policy } from "../../core/handler.ts";
import type { Reply } from "../../core/reply.ts";

/** Says in an answer that it is not the service's own (CB-13). */
const MARK = "X-Fallback";

/** Nothing has reached the service, or nothing of this attempt: whoever else answers does nothing a second time. */
const NOT_ASKED: ReadonlySet<ErrorCode> = new Set([
  "CIRCUIT_OPEN",
  "UPSTREAM_UNREACHABLE",
  "UPSTREAM_CONNECT_TIMEOUT",
  "OVERLOADED",
  "DEADLINE_EXCEEDED",
]);

/** It was asked, and nobody knows what came of it: no harm where the request only reads. */
const ASKED_IN_VAIN: ReadonlySet<ErrorCode> = new Set([
  "UPSTREAM_DISCONNECTED",
  "UPSTREAM_INVALID_RESPONSE",
  "UPSTREAM_TIMEOUT",
]);

/** What the service itself answers, an error too, is its answer: a fallback is for what it does not answer. */
export function isCaseForFallback({ reached, request }: Call, error: GatewayError): boolean {
  const reads = request.method === "GET" || request.method === "HEAD";
  if (NOT_ASKED.has(error.code)) return reads || !reached;
  return reads && ASKED_IN_VAIN.has(error.code);
}

/**
 * Around an upstream: `instead` answers what it could not. Null from `instead` means that it has no answer either. The
 * log and the metrics still have the error that it stands in for.
 */
export function withFallback(instead: (call: Call) => Reply | Promise<Reply> | null): Policy {
  const answer = (call: Call, thrown: unknown): Reply | Promise<Reply> => {
    const error = GatewayError.from(thrown);
    const reply = isCaseForFallback(call, error) ? instead(call) : null;
    if (reply === null) throw error;
    call.failed(error);
    return reply instanceof Promise ? reply.then(marked) : marked(reply);
  };
  return (next) => (call) => {
    let reply: Reply | Promise<Reply>;
    try {
      reply = next(call);
    } catch (error) {
      return answer(call, error);
    }
    return reply instanceof Promise ? reply.catch((error: unknown) => answer(call, error)) : reply;
  };
}

/** A fixed answer, or another upstream. */
export const fallBackTo = (instead: Handler): Policy => withFallback(instead);

/** The headers of a fixed answer are all calls' together: they are not written to. */
function marked(reply: Reply): Reply {
  const headers = reply.headers.without(0);
  headers.set(MARK, "true");
  return { ...reply, headers };
}
