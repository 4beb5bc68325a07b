/** The circuits of an upstream: one for its calls, and one for the attempts at each of its targets. */
import { GatewayError } from "../../core/errors.ts";
import type { Target, UpstreamOptions } from "../../core/kinds.ts";
import type { Tools } from "../../core/tools.ts";
import type { BreakerResult, CircuitBreaker } from "./breaker/api.ts";
import { makeBreaker } from "./breaker/breaker.ts";
import { circuitOf, circuitOfTarget } from "./breaker/name.ts";
import type { Member } from "./targets/member.ts";

/** Longest lease of a probe: a call without any limit is not waited for for ever. */
const LONGEST_LEASE_MS = 24 * 3_600_000;

/** What counts as failures of a target where no circuit breaker says it. */
const USUAL_FAILURES: readonly number[] = [500, 502, 503, 504];

export class Circuits {
  /** Counts calls by what became of them in the end; null where there is none, or one target, whose circuit is the upstream's. */
  readonly ofCalls: CircuitBreaker | null;
  /** For each target, in order; it counts attempts. Null for none. */
  readonly ofTargets: readonly (CircuitBreaker | null)[];
  readonly #ofUpstream: CircuitBreaker | null;
  readonly #failures: ReadonlySet<number>;

  constructor(options: UpstreamOptions, tools: Tools) {
    const { name, targets, circuitBreaker } = options;
    this.#failures = new Set(circuitBreaker?.failures ?? USUAL_FAILURES);
    const make = (circuit: string, lease: number) =>
      circuitBreaker === null ? null : makeBreaker({ name: circuit, options: circuitBreaker, lease }, tools);
    const { attempt, call } = leases(options);
    const single = targets.length === 1;
    this.ofCalls = single ? null : make(circuitOf(name), call);
    this.ofTargets = targets.map((target: Target) =>
      single ? make(circuitOf(name), attempt) : make(circuitOfTarget(name, target), attempt),
    );
    this.#ofUpstream = single ? (this.ofTargets[0] ?? null) : this.ofCalls;
  }

  resultOf(status: number): BreakerResult {
    return this.#failures.has(status) ? "failure" : "success";
  }

  /** CIRCUIT_OPEN, with the time until something may pass again (CB-3). */
  refusal(now: number): GatewayError {
    const waits = this.ofTargets.map((circuit) => circuit?.wait(now) ?? 0);
    const wait = Math.max(this.ofCalls?.wait(now) ?? 0, Math.min(...waits));
    return new GatewayError("CIRCUIT_OPEN", {
      headers: { "Retry-After": String(Math.max(1, Math.ceil(wait / 1000))) },
    });
  }

  /** False where certainly nothing passes. Takes no permit. */
  pass(now: number): boolean {
    const passes = (circuit: CircuitBreaker | null) => circuit === null || circuit.passes(now);
    return passes(this.ofCalls) && this.ofTargets.some(passes);
  }

  /** For what is refused after a look alone: it counts with those who have not let it pass. */
  countRefusal(now: number): void {
    for (const circuit of [this.ofCalls, ...this.ofTargets]) {
      if (circuit !== null && !circuit.passes(now)) circuit.refused();
    }
  }

  /**
   * Whether a second attempt of a call may go out. A service that is let alone, or just being felt for, gets none; of
   * several targets, another one is asked instead.
   */
  allowRetry(): boolean {
    return isClosed(this.#ofUpstream);
  }

  /** Whether one may go to the same target. */
  allowRepetition({ breaker }: Member): boolean {
    return isClosed(breaker) && isClosed(this.ofCalls);
  }
}

function isClosed(circuit: CircuitBreaker | null): boolean {
  if (circuit === null) return true;
  const { state } = circuit;
  return state === "closed" || state === "forced-closed";
}

/** How long a probe may take to the head of its answer, in milliseconds: of one attempt, and of a call. */
function leases({ timeout, retry }: UpstreamOptions): { attempt: number; call: number } {
  const attempt = timeout.connect * 2 + Math.min(retry?.perTry ?? timeout.firstByte, timeout.firstByte);
  const pause = Math.max(retry?.maxBackoff ?? 0, retry?.maxRetryAfter ?? 0);
  const call = Math.min(timeout.total, (retry?.attempts ?? 1) * (attempt + pause));
  return { attempt: Math.min(attempt, LONGEST_LEASE_MS), call: Math.min(call, LONGEST_LEASE_MS) };
}
