import type { Call } from "../../core/call.ts";
import type { NamedLimit } from "../../core/charge.ts";
import type { Algorithm, Counters, Limiter, LocalLimiter, Rule } from "../../core/counters.ts";
import { formatDuration } from "../../core/values.ts";
import type { LimitOptions, RateLimitOptions } from "./rate-limit.options.ts";

/** What some callers may have: all, or those of one plan. */
export interface Ration {
  readonly limits: readonly Limit[];
  readonly limiter: Limiter;
  /** The same, counted in this process. */
  readonly local: LocalLimiter;
  /** A call that costs more can never pass. */
  readonly most: number;
}

export interface Limit extends NamedLimit {
  /** `100 in 1m`. */
  readonly text: string;
}

/** The ration of a caller; null for who has no limit. */
export type RationOf = (call: Call) => Ration | null;

/** `place` begins the keys of the counts: an entry elsewhere with the same numbers counts by itself. */
export function rationsOf(options: RateLimitOptions, place: string, counters: Counters): RationOf {
  const { algorithm, limits, plans, cost, ...own } = options;
  const unit = cost === "bytes" ? ';qu="content-bytes"' : "";
  const make = (several: readonly LimitOptions[]): Ration => {
    const rules = several.map((one) => ruleOf(one, one.algorithm ?? algorithm, place));
    // One id is one count: every request would be charged to it twice.
    if (new Set(rules.map(({ id }) => id)).size < rules.length)
      throw new Error("two of its limits have the same numbers; leave one of them out");
    return {
      limits: several.map((one, i) => limitOf(one, rules[i] as Rule, unit)),
      limiter: counters.limiter(rules),
      local: counters.local.limiter(rules),
      most: Math.min(...rules.map(({ capacity }) => capacity)),
    };
  };
  const standard = make(limits ?? [own as LimitOptions]);
  if (plans === undefined) return () => standard;
  const byPlan = new Map(
    Object.entries(plans).map(([plan, one]): [string, Ration | null] => {
      if (one === "unlimited") return [plan, null];
      const several = Array.isArray(one) ? one : [{ ...one, window: one.window ?? own.window }];
      return [plan, make(several as LimitOptions[])];
    }),
  );
  return ({ principal }) => {
    const ration = principal === null ? undefined : byPlan.get(principal.plan);
    return ration === undefined ? standard : ration;
  };
}

/** The numbers are part of the id: whoever changes a limit starts it afresh, and a reload that does not goes on. */
function ruleOf({ limit, window, burst }: LimitOptions, algorithm: Algorithm, place: string): Rule {
  const capacity = algorithm === "token-bucket" ? (burst ?? limit) : limit;
  return {
    id: `${place}:${algorithm}:${limit}:${window}:${capacity}`,
    algorithm,
    limit,
    window,
    capacity,
  };
}

function limitOf({ limit, window, name }: LimitOptions, { capacity }: Rule, unit: string): Limit {
  const called = name ?? `${limit}-per-${formatDuration(window)}`;
  // A bucket of another size: what it holds, and how long it takes to fill.
  const seconds = Math.ceil((window / 1000) * (capacity / limit));
  return {
    name: called,
    quota: capacity,
    text: `${limit} in ${formatDuration(window)}`,
    policyItem: `"${called}";q=${capacity};w=${seconds}${unit}`,
    itemStart: `"${called}";r=`,
  };
}
