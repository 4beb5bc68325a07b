import type { Reliability } from "../../core/reliability.ts";
import { formatSize, formatDuration as time } from "../../core/values.ts";
import type { IdempotencyOptions } from "./idempotency.options.ts";

/** What clients that repeat a request can count on. */
export function reliabilityOf(options: IdempotencyOptions): Reliability {
  const {
    methods,
    required,
    keep,
    whenRunning,
    waitFor,
    onUnknown,
    storeServerErrors,
    maxBody,
    onStoreError,
  } = options;
  const waits = whenRunning === "wait" ? waitFor : 0;
  const kept =
    storeServerErrors.length === 0 ? "no status from 500 on" : `${storeServerErrors.join(", ")} too`;
  return {
    role: "idempotency",
    lines: [
      `${methods.join(", ")} with an Idempotency-Key: carried out once in ${time(keep)} for each caller and route; without one: ${required ? "400" : "passes unprotected"}`,
      `a repetition gets the same answer, up to ${formatSize(maxBody)}; of the service's errors all below 500 but 401, 408, 409, 425, 429 are kept, ${kept}`,
      `while the first runs: ${waits === 0 ? "409 at once" : `waits up to ${time(waits)}, then 409`}; outcome unknown: ${onUnknown === "refuse" ? "409" : "sent again with the same key"}; records out of reach: ${onStoreError === "refuse" ? "503" : "passes unprotected"}`,
    ],
    keys: { methods, required, keep, waits, resends: onUnknown === "resend" },
  };
}
