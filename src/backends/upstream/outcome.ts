/** What the end of an attempt says: about the service, and about what may follow. */
import type { ErrorCode, GatewayError } from "../../core/errors.ts";
import type { RetryReason } from "../../core/kinds.ts";
import type { BreakerResult } from "./breaker/api.ts";

/**
 * What was the service's doing or its network's. All else is the client's (a body that broke off, a deadline of its own)
 * or ours (no connection free), and no circuit opens by it (CB-1).
 */
const FAILURES: ReadonlySet<ErrorCode> = new Set([
  "UPSTREAM_UNREACHABLE",
  "UPSTREAM_CONNECT_TIMEOUT",
  "UPSTREAM_DISCONNECTED",
  "UPSTREAM_INVALID_RESPONSE",
  "UPSTREAM_TIMEOUT",
]);

export function resultOf(error: GatewayError): BreakerResult {
  return FAILURES.has(error.code) ? "failure" : "ignored";
}

/** Under which name `retry.on` knows it; null for what is not tried again. */
export function reasonOf(error: GatewayError): RetryReason | null {
  switch (error.code) {
    case "UPSTREAM_UNREACHABLE":
    case "UPSTREAM_CONNECT_TIMEOUT":
      return "unreachable";
    case "UPSTREAM_DISCONNECTED":
      return "disconnected";
    case "UPSTREAM_TIMEOUT":
      return "timeout";
    default:
      return null;
  }
}

/** Whether a service says, by the status that it refuses with, that it has not done what it was asked. */
export const didNothing = (status: number): boolean => status === 429 || status === 503;
