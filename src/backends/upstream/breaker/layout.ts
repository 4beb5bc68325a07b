/**
 * Where the state of one circuit lies in memory that all lanes share, in 32-bit words:
 *
 *     0         status: epoch << 3 | state. Read without the lock, in a cache line that a closed circuit never writes
 *    16         lock of everything but the status, which is written under it
 *    17         failures one after the other
 *    18         number of the last probe
 *    19         why the state is what it is (`REASONS`)
 *    20 -  23   when that was decided: calls, failures, slow calls in the window, failures one after the other
 *    24 -  28   how often each state was entered
 *    29         probes that have succeeded
 *    30 -  31   since when the state is what it is, a double: monotonic milliseconds; 0 for since the start
 *    32 -  33   calls that were refused, a double
 *    34 - 133   probes under way: in each slot the number of one, or 0
 *   134 - 333   until when they are waited for, doubles
 *
 * Times are doubles, because 32 bits of milliseconds are over after 24 days.
 */
import type { SharedMemory } from "../../../core/shared-memory.ts";
import type { CircuitBreaker } from "./api.ts";

export type State = CircuitBreaker["state"];

/** In the order of their numbers. All memory is zero at first: closed. */
export const STATES = ["closed", "open", "half-open", "forced-open", "forced-closed"] as const;
export const CLOSED = 0;
export const OPEN = 1;
export const HALF_OPEN = 2;
export const FORCED_OPEN = 3;
export const FORCED_CLOSED = 4;

/** Why a state was entered, in the order of their numbers; `start` before anything has happened. */
export const REASONS = [
  "start",
  "consecutive-failures",
  "failure-rate",
  "slow-rate",
  "time",
  "probe-failed",
  "probe-slow",
  "probes-succeeded",
  "by-hand",
] as const;
export type Reason = (typeof REASONS)[number];

export const STATUS = 0;
export const STATE_BITS = 3;
export const STATE_MASK = 0b111;
export const LOCK = 16;
export const CONSECUTIVE = 17;
export const PROBE_NUMBER = 18;
export const REASON = 19;
export const AT_CALLS = 20;
export const AT_FAILURES = 21;
export const AT_SLOW = 22;
export const AT_CONSECUTIVE = 23;
export const ENTERED = 24;
export const SUCCEEDED = 29;
export const PROBES = 34;
export const MAX_PROBES = 100;
/** Of the doubles. */
export const SINCE = 15;
export const REFUSED = 16;
export const PROBES_UNTIL = 67;
const WORDS = 334;

export interface CircuitMemory {
  readonly words: Int32Array<SharedArrayBuffer>;
  /** The same memory. */
  readonly doubles: Float64Array<SharedArrayBuffer>;
}

/** The memory of the circuit with this name: the same in all lanes, and under every plan. */
export function circuitMemory(shared: SharedMemory, name: string): CircuitMemory {
  const words = shared.words(`circuit/${name}`, WORDS);
  return { words, doubles: new Float64Array(words.buffer, words.byteOffset, WORDS / 2) };
}
