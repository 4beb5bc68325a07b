/** What a breaker says to who asks it; see breaker.ts for the states. */

/** `ignored`: it says nothing about the service (the client went away, the gateway refused). */
export type BreakerResult = "success" | "failure" | "ignored";

export interface CircuitBreaker {
  /** For logs, metrics and the admin API: `carrier`, or `carrier http://127.0.0.1:9001` for one of its targets. */
  readonly name: string;
  /** A permit for one call, to be given to `settle` exactly once; 0 where the circuit is open. `now` in milliseconds of the monotonic clock. */
  admit(now: number): number;
  /** Whether `admit` would let a call pass now, without taking anything. */
  passes(now: number): boolean;
  /** How long until a call may pass again, in milliseconds; 0 where one may now. */
  wait(now: number): number;
  /** What came of the call that holds the permit, and how long it took in milliseconds (head of the answer). Late ones are ignored (CB-7). */
  settle(permit: number, result: BreakerResult, took: number, now: number): void;
  /** For who has refused a call because `passes` said so, without asking for a permit: it is counted as `admit` counts those. */
  refused(): void;
  readonly state: "closed" | "open" | "half-open" | "forced-open" | "forced-closed";
}
