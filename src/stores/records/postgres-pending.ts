import type { IdempotencyChange, IdempotencyResult } from "../../core/idempotency.ts";
import type { Attempt } from "./idempotency-row.ts";

/** A change of a batch that has not been done yet, and where its result goes. */
export interface Pending {
  readonly change: IdempotencyChange;
  readonly digest: Uint8Array;
  /** The digest, to be compared. */
  readonly key: string;
  /** The token's fence; for a claim what it gets, if it gets the record. */
  readonly attempt: Omit<Attempt, "now">;
  readonly answer: (result: IdempotencyResult) => void;
}
