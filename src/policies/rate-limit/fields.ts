import type { Call } from "../../core/call.ts";
import type { Charge, NamedLimit } from "../../core/charge.ts";
import type { Standing } from "../../core/counters.ts";
import { fieldName } from "../../core/headers.ts";

/**
 * What clients are told on every answer (RL-1 … RL-4): the three `X-RateLimit-*` fields of the limit that is
 * nearest to its end, and `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) of them all.
 * The values are our own text, so they need no check.
 */

const POLICY = fieldName("RateLimit-Policy");
const LIMITS = fieldName("RateLimit");
const QUOTA = fieldName("X-RateLimit-Limit");
const REMAINING = fieldName("X-RateLimit-Remaining");
const RESET = fieldName("X-RateLimit-Reset");
const DRY_RUN = fieldName("X-RateLimit-Dry-Run");
const DEGRADED = fieldName("X-RateLimit-Degraded");
const ALL = [POLICY, LIMITS, QUOTA, REMAINING, RESET];

/**
 * Milliseconds that are not rounded up to a whole second: what a store adds so as to err on the late side, and what
 * floating point does. What a client has to wait is in `Retry-After`, which has no such tolerance.
 */
const ROUNDING = 1;

const seconds = (milliseconds: number): number => Math.max(0, Math.ceil((milliseconds - ROUNDING) / 1000));

export function announce(call: Call, charges: readonly Charge[]): void {
  const { answer } = call;
  // An entry further out has said its part already.
  if (answer.has(POLICY.lower)) for (const { lower } of ALL) answer.delete(lower);
  let policies = "";
  let items = "";
  let nearest: Standing | undefined;
  let quota = 0;
  let epoch = 0;
  for (const { limits, verdict } of charges) {
    for (let i = 0; i < limits.length; i++) {
      const { policyItem, itemStart, quota: own } = limits[i] as NamedLimit;
      const standing = verdict.standings[i] as Standing;
      policies += policies === "" ? policyItem : `, ${policyItem}`;
      items += `${items === "" ? "" : ", "}${itemStart}${standing.remaining};t=${seconds(standing.reset)}`;
      if (nearest === undefined || isNearer(standing, own, nearest, quota)) {
        nearest = standing;
        quota = own;
        epoch = verdict.epoch;
      }
    }
  }
  if (nearest === undefined) return;
  answer.received(QUOTA, String(quota));
  answer.received(REMAINING, String(nearest.remaining));
  answer.received(RESET, String(seconds(epoch + nearest.reset)));
  answer.received(POLICY, policies);
  answer.received(LIMITS, items);
}

/** A limit that refuses comes before all others, the longest wait first; then whoever has the smaller part left. */
function isNearer(one: Standing, quota: number, other: Standing, otherQuota: number): boolean {
  if (one.wait !== other.wait) return one.wait > other.wait;
  return one.remaining * otherQuota < other.remaining * quota;
}

export function announceDryRun(call: Call): void {
  call.answer.delete(DRY_RUN.lower);
  call.answer.received(DRY_RUN, "would-refuse");
}

export function announceDegraded(call: Call, mode: string): void {
  call.answer.delete(DEGRADED.lower);
  call.answer.received(DEGRADED, mode);
}

/** The limits of an entry whose counts nobody knows. */
export function announceUnknown(call: Call, limits: readonly NamedLimit[]): void {
  const [first] = limits;
  if (first === undefined || call.answer.has(POLICY.lower)) return;
  call.answer.received(QUOTA, String(first.quota));
  call.answer.received(POLICY, limits.map(({ policyItem }) => policyItem).join(", "));
}
