import { ageOf, type Life, leftOf } from "./freshness.ts";
import type { Wishes } from "./wishes.ts";

/**
 * What may be done with a stored answer (RFC 9111 §4): give it, fresh or stale; give it and get another behind it; ask
 * first because it is stale, or because the client wants that.
 */
export type Verdict = "fresh" | "stale" | "refresh" | "expired" | "unwanted";

/** `current` is false after a change of the resource. */
export function judge(life: Life, current: boolean, wishes: Wishes, now: number): Verdict {
  if (!current || life.noCache) return "expired";
  if (wishes.noCache) return "unwanted";
  const left = leftOf(life, now);
  if (left > 0) return wants(life, left, wishes, now) ? "fresh" : "unwanted";
  // §4.2.4
  if (!life.mustRevalidate && wishes.maxStale !== null && -left <= wishes.maxStale) return "stale";
  if (wishes.maxAge !== null || wishes.minFresh !== null) return "expired";
  return -left < life.staleWhileRevalidate ? "refresh" : "expired";
}

/** Whether a fresh answer is fresh enough for the client. */
function wants(life: Life, left: number, { maxAge, minFresh }: Wishes, now: number): boolean {
  if (minFresh !== null && left < minFresh) return false;
  // RFC 8246 §2: a reload (max-age=0) need not ask again for what does not change.
  return maxAge === null || life.immutable || ageOf(life, now) <= maxAge;
}

/** RFC 5861 §4: whether it may stand in for an answer that did not come. */
export const mayStandIn = (life: Life, current: boolean, now: number): boolean =>
  current && !life.noCache && life.staleIfError > 0 && -leftOf(life, now) < life.staleIfError;
