import type { Rule, Standing, Verdict } from "../../src/core/counters.ts";

/**
 * What the stores must do, written as simply as it can be said: every rule keeps everything that it ever let pass,
 * with whole numbers of any size, and works out from that alone how it stands. Times are whole milliseconds.
 */
export class Oracle {
  readonly #rules: readonly Rule[];
  readonly #passed = new Map<string, Passed[]>();

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  take(key: string, cost: number, now: number): Omit<Verdict, "at" | "epoch"> {
    const before = this.#passed.get(key) ?? [];
    const allowed = this.#rules.every((rule) => free(rule, before, now) >= cost);
    const after = allowed ? [...before, { at: now, cost }] : before;
    this.#passed.set(key, after);
    return { allowed, standings: this.#rules.map((rule) => standing(rule, after, now, allowed ? 0 : cost)) };
  }

  /** As if the call at `at` had never been. */
  giveBack(key: string, cost: number, at: number): void {
    const passed = this.#passed.get(key) ?? [];
    const index = passed.findIndex((one) => one.at === at && one.cost === cost);
    this.#passed.set(key, passed.toSpliced(index, 1));
  }
}

export interface Passed {
  readonly at: number;
  readonly cost: number;
}

function standing(rule: Rule, passed: readonly Passed[], now: number, wanted: number): Standing {
  const remaining = free(rule, passed, now);
  const wait = wanted > remaining ? until(rule, passed, now, wanted) : 0;
  const used = remaining < rule.capacity;
  return { remaining, reset: wait > 0 ? wait : used ? until(rule, passed, now, remaining + 1) : 0, wait };
}

function free(rule: Rule, passed: readonly Passed[], now: number): number {
  switch (rule.algorithm) {
    case "token-bucket":
      return Number(level(rule, passed, now) / BigInt(rule.window));
    case "fixed-window":
      return rule.limit - sum(passed.filter(({ at }) => windowOf(rule, at) === windowOf(rule, now)));
    case "sliding-window":
      return rule.limit - sum(passed.filter(({ at }) => at > now - rule.window));
  }
}

/** Milliseconds until that many units are free, if nobody takes any. */
function until(rule: Rule, passed: readonly Passed[], now: number, wanted: number): number {
  switch (rule.algorithm) {
    case "token-bucket":
      return Number(BigInt(wanted * rule.window) - level(rule, passed, now)) / rule.limit;
    case "fixed-window":
      return (windowOf(rule, now) + 1) * rule.window - now;
    case "sliding-window": {
      const moments = passed.map(({ at }) => at + rule.window).filter((moment) => moment > now);
      return Math.min(...moments.filter((moment) => free(rule, passed, moment) >= wanted)) - now;
    }
  }
}

/** In tokens × window, from a full bucket over everything that was taken. */
function level({ limit, window, capacity }: Rule, passed: readonly Passed[], now: number): bigint {
  const full = BigInt(capacity * window);
  let tokens = full;
  let since = passed[0]?.at ?? now;
  for (const { at, cost } of [...passed, { at: now, cost: 0 }]) {
    tokens += BigInt((at - since) * limit);
    if (tokens > full) tokens = full;
    tokens -= BigInt(cost * window);
    since = at;
  }
  return tokens;
}

const windowOf = ({ window }: Rule, at: number): number => Math.floor(at / window);

export const sum = (passed: readonly Passed[]): number => passed.reduce((total, { cost }) => total + cost, 0);

/** The most that any window of this length holds. */
export function fullestWindow(passed: readonly Passed[], window: number): number {
  let most = 0;
  let units = 0;
  let first = 0;
  for (const { at, cost } of passed) {
    units += cost;
    for (; (passed[first] as Passed).at <= at - window; first++) units -= (passed[first] as Passed).cost;
    most = Math.max(most, units);
  }
  return most;
}
