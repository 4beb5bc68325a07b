import type { Limiter, Verdict } from "./counters.ts";

/** What one entry of rate limits has taken from the caller. */
export interface Charge {
  readonly limits: readonly NamedLimit[];
  readonly limiter: Limiter;
  readonly key: string;
  readonly cost: number;
  /** Its standings are those of `limits`, in that order. */
  readonly verdict: Verdict;
  /**
   * `spared`: it would have been refused, but for `dryRun` or a store that cannot answer. `unasked`: somebody else
   * refused the call before it came here, and the answer only says how the limits stand.
   */
  readonly outcome: "passed" | "refused" | "spared" | "unasked";
  /** The store of the counters could not answer; these are the counts of this process. */
  readonly degraded: boolean;
}

export interface NamedLimit {
  /** Of letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** The most that can be had at once. */
  readonly quota: number;
  /** Its item of `RateLimit-Policy`. */
  readonly policyItem: string;
  /** Its item of `RateLimit`, up to the number that is left. */
  readonly itemStart: string;
}
