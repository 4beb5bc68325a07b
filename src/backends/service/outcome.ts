import type { Call } from "../../core/call.ts";
import { catalogue, type ErrorCode } from "../../core/errors.ts";
import type { Headers } from "../../core/headers.ts";

/** By the code that a request was refused with for its key. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ["IDEMPOTENCY_KEY_IN_USE", "in-use"],
  ["IDEMPOTENCY_KEY_REUSED", "reused"],
  ["IDEMPOTENCY_OUTCOME_UNKNOWN", "unknown"],
  ["IDEMPOTENCY_ANSWER_NOT_KEPT", "not-kept"],
  ["IDEMPOTENCY_UNAVAILABLE", "unavailable"],
  ["RECORDS_UNAVAILABLE", "unavailable"],
]);

const KEYED: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** Reads off an answer of the service what the log and the metrics say of the call. */
export function markAnswer(call: Call, status: number, headers: Headers): void {
  const code = status < 400 ? undefined : headers.get("x-error-code");
  if (code !== undefined && Object.hasOwn(catalogue, code)) call.errorCode = code as ErrorCode;
  const { request } = call;
  if (!KEYED.has(request.method) || !request.headers.has("idempotency-key")) return;
  if (headers.has("idempotent-replayed")) call.idempotency = "replayed";
  else if (status < 300) call.idempotency = "stored";
  else call.idempotency = REFUSED.get(code ?? "") ?? "released";
}
