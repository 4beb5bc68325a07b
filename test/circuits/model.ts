import type { BreakerResult, CircuitBreaker } from "../../src/backends/upstream/breaker/api.ts";
import type { BreakerOptions } from "../../src/core/kinds.ts";

type State = CircuitBreaker["state"];

/**
 * What a circuit must do, written as simply as it can be said: it keeps everything that ever happened since its state
 * last changed, and works out from all of it how it stands. Nothing is shared, packed or counted in advance.
 */
export class CircuitModel {
  #phase = new Phase("closed", 0);
  refused = 0;
  readonly entered: Record<State, number> = {
    closed: 0,
    open: 0,
    "half-open": 0,
    "forced-open": 0,
    "forced-closed": 0,
  };

  get state(): State {
    return this.#phase.state;
  }

  admit(options: BreakerOptions, lease: number, now: number): Pass | null {
    if (this.state === "open" && now >= this.#phase.since + options.openFor) this.#enter("half-open", now);
    if (this.state === "half-open" && this.#phase.succeeded() >= options.probes) this.#enter("closed", now);
    if (!this.#admits(options, now)) {
      this.refused++;
      return null;
    }
    for (const one of this.#phase.passes) if (now >= one.until) one.givenUp = true;
    const pass = { phase: this.#phase, until: now + lease, givenUp: false, result: null };
    this.#phase.passes.push(pass);
    return pass;
  }

  #admits({ probes }: BreakerOptions, now: number): boolean {
    switch (this.state) {
      case "closed":
      case "forced-closed":
        return true;
      case "open":
      case "forced-open":
        return false;
      case "half-open":
        return this.#phase.succeeded() + this.#phase.underWay(now) < probes;
    }
  }

  /** 0 where a call may pass. */
  wait(options: BreakerOptions, now: number): number {
    if (this.state === "open") return Math.max(0, this.#phase.since + options.openFor - now);
    if (this.state === "forced-open") return options.openFor;
    if (this.#admits(options, now) || this.#phase.succeeded() >= options.probes) return 0;
    return 1000;
  }

  settle(pass: Pass, result: BreakerResult, took: number, options: BreakerOptions, now: number): void {
    if (pass.phase !== this.#phase) return;
    pass.result = result;
    const slow = took > options.slowCall;
    const failed = result === "failure";
    if (this.state === "half-open") {
      if (result === "ignored") return;
      if (failed || slow) this.#enter("open", now);
      else if (this.#phase.succeeded() >= options.probes) this.#enter("closed", now);
    } else if (result !== "ignored") {
      this.#phase.results.push({ failed, slow, bucket: this.#bucket(options, now), window: options.window });
      if (this.state === "closed" && this.#mustOpen(options, now)) this.#enter("open", now);
    }
  }

  #mustOpen(options: BreakerOptions, now: number): boolean {
    const { calls, failures, slow, consecutive } = this.counts(options, now);
    if (consecutive >= options.consecutiveFailures) return true;
    if (calls < options.minimumCalls) return false;
    return reaches(failures, calls, options.failureRate) || reaches(slow, calls, options.slowRate);
  }

  force(state: State, now: number): void {
    if (state !== this.state || state === "closed") this.#enter(state, now);
  }

  counts(options: BreakerOptions, now: number): Counts {
    const newest = this.#bucket(options, now);
    const ofWindow = this.#phase.results.filter(({ window }) => window === options.window);
    const inside = ofWindow.filter(({ bucket }) => bucket > newest - 10);
    const all = this.#phase.results;
    return {
      calls: inside.length,
      failures: inside.filter(({ failed }) => failed).length,
      slow: inside.filter(({ slow }) => slow).length,
      consecutive: all.length - 1 - all.findLastIndex(({ failed }) => !failed),
    };
  }

  /** Its number; whoever comes with an earlier time than others before him is in the bucket of the others. */
  #bucket({ window }: BreakerOptions, now: number): number {
    const own = Number((BigInt(now * SCALE) * 10n) / BigInt(window * SCALE));
    const newest = Math.max(own, this.#phase.newest.get(window) ?? 0);
    this.#phase.newest.set(window, newest);
    return newest;
  }

  #enter(state: State, now: number): void {
    if (state !== this.state) this.entered[state]++;
    this.#phase = new Phase(state, now);
  }
}

/** Times are multiples of this part of a millisecond: whole numbers, and doubles without a remainder. */
export const SCALE = 64;

/** What lies between two changes of state. */
class Phase {
  readonly state: State;
  readonly since: number;
  readonly results: Result[] = [];
  readonly passes: Pass[] = [];
  /** The newest bucket of each window that anybody has looked at. */
  readonly newest = new Map<number, number>();

  constructor(state: State, since: number) {
    this.state = state;
    this.since = since;
  }

  succeeded(): number {
    return this.passes.filter(({ result }) => result === "success").length;
  }

  underWay(now: number): number {
    return this.passes.filter(({ result, until, givenUp }) => result === null && now < until && !givenUp)
      .length;
  }
}

/** The permission of one call. */
export interface Pass {
  readonly phase: object;
  readonly until: number;
  givenUp: boolean;
  result: BreakerResult | null;
}

interface Result {
  readonly failed: boolean;
  readonly slow: boolean;
  readonly bucket: number;
  /** The length that the plan of the call has. */
  readonly window: number;
}

export interface Counts {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  readonly consecutive: number;
}

/** Rates of the tests are whole percentages. */
const reaches = (part: number, whole: number, rate: number): boolean =>
  part > 0 && part * 100 >= Math.round(rate * 100) * whole;
