/** Counts that many calls, threads and processes share: what rate limits are made of. */

export const ALGORITHMS = ["token-bucket", "fixed-window", "sliding-window"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** So many units in so long a time. Equal ids mean the same counts, in every plan, thread and process. */
export interface Rule {
  readonly id: string;
  readonly algorithm: Algorithm;
  /** Units in a window; whole. */
  readonly limit: number;
  /** Milliseconds; whole seconds. */
  readonly window: number;
  /** What a token bucket holds when it is full; `limit` for the other algorithms. */
  readonly capacity: number;
}

/** How one rule stands towards one key, after the take. Milliseconds from then. */
export interface Standing {
  /** Whole units that can be had at once. */
  readonly remaining: number;
  /** Until `remaining` grows; 0 where nothing is used. */
  readonly reset: number;
  /** Until this take would pass; 0 where the rule lets it pass. */
  readonly wait: number;
}

export interface Verdict {
  /** Every rule let it pass, and its cost was taken from each. Otherwise nothing was taken from any (RL-20). */
  readonly allowed: boolean;
  /** In the order of the rules. */
  readonly standings: readonly Standing[];
  /** When it was decided, on the clock of the store: for `giveBack`. */
  readonly at: number;
  /** The same in milliseconds since the epoch, as the store has it. */
  readonly epoch: number;
}

/** Rules that are decided together, for one key at a time. */
export interface Limiter {
  readonly rules: readonly Rule[];
  /**
   * Takes `cost` (whole, from 0 to the least capacity) from every rule, or from none. At once where the counts are
   * in this process. Null where the store cannot answer.
   */
  take(key: string, cost: number): Verdict | null | Promise<Verdict | null>;
  /** Undoes an allowed take: the call was refused elsewhere after all, and a refused call costs nothing. */
  giveBack(key: string, cost: number, verdict: Verdict): void;
}

export interface Counters {
  limiter(rules: readonly Rule[]): Limiter;
  /** Counts of this process alone, for when a shared store cannot answer. A store that always answers is its own. */
  readonly local: LocalCounters;
  /** Closes connections and timers. */
  close(): void;
}

/** Never waits, never fails. */
export interface LocalLimiter extends Limiter {
  take(key: string, cost: number): Verdict;
}

export interface LocalCounters extends Counters {
  limiter(rules: readonly Rule[]): LocalLimiter;
}

/** For plans that are only looked at: every take passes and nothing is counted. */
export const noCounters: LocalCounters = {
  limiter: (rules) => ({
    rules,
    take: () => ({
      allowed: true,
      standings: rules.map(({ capacity }) => ({ remaining: capacity, reset: 0, wait: 0 })),
      at: 0,
      epoch: 0,
    }),
    giveBack: () => {},
  }),
  get local() {
    return noCounters;
  },
  close: () => {},
};
