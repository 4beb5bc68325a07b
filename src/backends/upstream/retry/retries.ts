/** What an upstream's failed attempts are followed by, as far as the config and the state of the upstream decide it. */
import type { Headers } from "../../../core/headers.ts";
import type { RetryOptions, RetryReason } from "../../../core/kinds.ts";
import type { Counter } from "../../../core/metrics.ts";
import type { Tools } from "../../../core/tools.ts";
import { RetryBudget } from "./budget.ts";
import { retryAfter } from "./retry-after.ts";

export class Retries {
  /** To the head of an attempt's answer, in milliseconds; Infinity for no limit of its own. */
  readonly perTry: number;
  readonly #upstream: string;
  readonly #options: RetryOptions;
  readonly #tools: Tools;
  readonly #budget: RetryBudget;
  readonly #reasons: ReadonlySet<RetryReason | number>;
  readonly #made: Counter<"upstream" | "reason">;
  readonly #refused: () => void;

  constructor(upstream: string, options: RetryOptions, tools: Tools) {
    this.perTry = options.perTry;
    this.#upstream = upstream;
    this.#options = options;
    this.#tools = tools;
    this.#budget = new RetryBudget(upstream, options, tools.shared);
    this.#reasons = new Set(options.on);
    this.#made = tools.metrics.counter(
      "turnpike_retries_total",
      "Attempts beyond a call's first, by what had become of the one before.",
      ["upstream", "reason"],
    );
    const refused = tools.metrics
      .counter("turnpike_retries_refused_total", "Retries that were not made because the budget was spent.", [
        "upstream",
      ])
      .with({ upstream });
    this.#refused = () => refused.add();
  }

  /** A call begins: every so many of them allow a retry. */
  count(now: number): void {
    this.#budget.count(now);
  }

  /** Whether an answer of this status is tried again at all. */
  wants(status: number): boolean {
    return this.#reasons.has(status);
  }

  /**
   * The pause before another attempt in milliseconds, or null where there is to be none. The budget has then been
   * charged with it. `least` is what the answer asks for, see `leastPause`.
   */
  pause(
    reason: RetryReason | number,
    attempts: number,
    least: number,
    left: number,
    now: number,
  ): number | null {
    if (attempts >= this.#options.attempts || !this.#reasons.has(reason)) return null;
    const pause = Math.max(least, this.#jitter(attempts));
    // What would begin when the time is up is not begun.
    return pause < left && this.#take(reason, now) ? pause : null;
  }

  /** Whether a request may be sent at once on another connection, because the one it was sent on had been closed. */
  allowRepetition(attempts: number, now: number): boolean {
    return attempts < this.#options.attempts && this.#take("disconnected", now);
  }

  /**
   * The least pause that an answer asks for, in milliseconds; Infinity where it does not want the request again, or not
   * before it is of no use (RTY-3, RTY-8).
   */
  leastPause(answer: Headers): number {
    if (answer.get("x-should-retry")?.toLowerCase() === "false") return Number.POSITIVE_INFINITY;
    const least = retryAfter(answer.get("retry-after"), this.#tools.clock.wall());
    return least <= this.#options.maxRetryAfter ? least : Number.POSITIVE_INFINITY;
  }

  /** Full: callers that failed together do not come back together (RTY-5). */
  #jitter(attempts: number): number {
    const { backoff, maxBackoff } = this.#options;
    return this.#tools.random() * Math.min(maxBackoff, backoff * 2 ** (attempts - 1));
  }

  #take(reason: RetryReason | number, now: number): boolean {
    if (!this.#budget.take(now)) {
      this.#refused();
      return false;
    }
    this.#made.with({ upstream: this.#upstream, reason: String(reason) }).add();
    return true;
  }
}
