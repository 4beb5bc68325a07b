import { type Fact, fact } from "./facts.ts";

/** How a key of the caller's is kept where the resources keep it themselves, in the transaction of what it is for. */
export interface IdempotencyTerms {
  /** Milliseconds from its first use on. */
  readonly keep: number;
  /** `stripe` answers a key that was used for another request with 400 instead of 422. */
  readonly compat: "draft" | "stripe";
  /** Where clients read about it. */
  readonly docs: string;
}

export const KEY_DRAFT = "https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header";

/** For calls that no policy has set others for. */
export const STANDARD_TERMS: IdempotencyTerms = {
  keep: 24 * 60 * 60 * 1000,
  compat: "draft",
  docs: KEY_DRAFT,
};

export const idempotencyTerms: Fact<IdempotencyTerms> = fact<IdempotencyTerms>("idempotency terms");
