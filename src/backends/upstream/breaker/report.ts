/** How a circuit stands, for people: logs, metrics, the admin API. */
import {
  AT_CALLS,
  AT_CONSECUTIVE,
  AT_FAILURES,
  AT_SLOW,
  type CircuitMemory,
  CONSECUTIVE,
  ENTERED,
  REASON,
  REASONS,
  REFUSED,
  type Reason,
  SINCE,
  STATE_MASK,
  STATES,
  STATUS,
  type State,
} from "./layout.ts";
import type { SlidingWindow } from "./window.ts";

export interface Counts {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  /** Failures one after the other, up to the last call. */
  readonly consecutive: number;
}

export interface CircuitReport {
  readonly state: State;
  /** Monotonic milliseconds; null for the start of the process. */
  readonly since: number | null;
  readonly reason: Reason;
  /** What was counted when the state was entered. */
  readonly seen: Counts;
  /** In the window that ends now. */
  readonly counts: Counts;
  /** Milliseconds until a call may pass again; 0 where one may. */
  readonly wait: number;
  /** Calls that were refused, ever. */
  readonly refused: number;
  /** How often each state was entered from another one, in the order of `STATES`. */
  readonly entered: readonly number[];
}

/** Under the lock of the circuit. */
export function readReport(
  { words, doubles }: CircuitMemory,
  { calls, failures, slow }: SlidingWindow,
  wait: number,
): CircuitReport {
  const word = (at: number): number => words[at] as number;
  const since = doubles[SINCE] as number;
  return {
    state: STATES[word(STATUS) & STATE_MASK] as State,
    since: since === 0 ? null : since,
    reason: REASONS[word(REASON)] as Reason,
    seen: readSeen(words),
    counts: { calls, failures, slow, consecutive: word(CONSECUTIVE) },
    wait,
    refused: doubles[REFUSED] as number,
    entered: STATES.map((_, state) => word(ENTERED + state)),
  };
}

/** What was counted when the state was entered. */
export const readSeen = (words: CircuitMemory["words"]): Counts => ({
  calls: words[AT_CALLS] as number,
  failures: words[AT_FAILURES] as number,
  slow: words[AT_SLOW] as number,
  consecutive: words[AT_CONSECUTIVE] as number,
});
