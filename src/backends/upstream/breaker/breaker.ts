/**
 * A circuit: what an upstream, or one of its targets, is let alone by when it fails.
 *
 *     closed ──(too many failures in a row, or too large a share of failed or slow calls)──▶ open
 *     open ──(the first call after `openFor`)──▶ half-open
 *     half-open ──(`probes` calls have succeeded)──▶ closed      ──(one has failed, or was slow)──▶ open
 *     any ──(by hand)──▶ forced-open, forced-closed, closed
 *
 * One for all lanes, and for every plan: only the numbers that it goes by are a plan's. A permit names the epoch that it
 * was given in, and every change of state begins another one: what calls of an earlier one come to counts for nothing
 * (CB-7), and nobody undoes what was decided by hand.
 *
 * Closed, a call costs one load of a shared word when it begins, and a few additions under a lock when it ends.
 */
import type { BreakerOptions } from "../../../core/kinds.ts";
import { lock, unlock } from "../../../core/spin-lock.ts";
import type { Tools } from "../../../core/tools.ts";
import { announceChange, type Change } from "./announce.ts";
import type { BreakerResult, CircuitBreaker } from "./api.ts";
import {
  AT_CALLS,
  AT_CONSECUTIVE,
  AT_FAILURES,
  AT_SLOW,
  type CircuitMemory,
  CLOSED,
  CONSECUTIVE,
  circuitMemory,
  ENTERED,
  FORCED_CLOSED,
  FORCED_OPEN,
  HALF_OPEN,
  LOCK,
  OPEN,
  REASON,
  REASONS,
  REFUSED,
  type Reason,
  SINCE,
  STATE_BITS,
  STATE_MASK,
  STATES,
  STATUS,
  type State,
} from "./layout.ts";
import { Probes } from "./probes.ts";
import { type CircuitReport, readReport, readSeen } from "./report.ts";
import { SlidingWindow } from "./window.ts";

export interface BreakerParts {
  /** See `circuitOf` in name.ts. */
  readonly name: string;
  readonly options: BreakerOptions;
  /** The longest that a call may take to its head, in milliseconds: a probe is waited for so long. */
  readonly lease: number;
}

/** A permit is the epoch and, of a probe, its number times this. */
const PROBE = 2 ** 32;
/** Whether what `admit` gave lets the call pass because the circuit wants to know how the service is. */
export const isProbe = (permit: number): boolean => permit >= PROBE;
/** What somebody who is refused while probes are on their way may wait: nobody knows when they come back. */
const PROBING_MS = 1_000;

export function makeBreaker(parts: BreakerParts, tools: Pick<Tools, "shared" | "log">): Breaker {
  return new Breaker(parts, tools);
}

export class Breaker implements CircuitBreaker {
  readonly name: string;
  readonly #options: BreakerOptions;
  readonly #memory: CircuitMemory;
  readonly #words: CircuitMemory["words"];
  readonly #window: SlidingWindow;
  readonly #probes: Probes;
  readonly #log: Tools["log"];
  /** Made under the lock, to be told when it is free again. */
  #untold: Change | null = null;

  constructor({ name, options, lease }: BreakerParts, { shared, log }: Pick<Tools, "shared" | "log">) {
    this.name = name;
    this.#options = options;
    this.#memory = circuitMemory(shared, name);
    this.#words = this.#memory.words;
    this.#window = new SlidingWindow(shared, name, options.window);
    this.#probes = new Probes(this.#memory, options.probes, lease);
    this.#log = log;
  }

  get state(): State {
    return STATES[this.#state] as State;
  }

  admit(now: number): number {
    const status = Atomics.load(this.#words, STATUS);
    if (letsAllPass(status & STATE_MASK)) return permitOf(status);
    return this.#locked(() => this.#admitProbe(now));
  }

  passes(now: number): boolean {
    if (letsAllPass(this.#state)) return true;
    return this.#locked(() => this.#wait(now) === 0);
  }

  wait(now: number): number {
    if (letsAllPass(this.#state)) return 0;
    return this.#locked(() => this.#wait(now));
  }

  settle(permit: number, result: BreakerResult, took: number, now: number): void {
    const ticket = lock(this.#words, LOCK);
    try {
      const status = this.#words[STATUS] as number;
      if (epochOf(permit) === permitOf(status)) {
        const slow = took > this.#options.slowCall;
        if ((status & STATE_MASK) === HALF_OPEN)
          this.#settleProbe(Math.floor(permit / PROBE), result, slow, now);
        else if (result !== "ignored") this.#count(result === "failure", slow, now);
      }
    } finally {
      unlock(this.#words, LOCK, ticket);
    }
    if (this.#untold !== null) this.#tell(this.#untold);
  }

  refused(): void {
    this.#locked(() => this.#countRefusal());
  }

  /** Nothing passes from now on, until `reset`. */
  forceOpen(now: number): void {
    this.#force(FORCED_OPEN, now);
  }

  /** Everything passes from now on, whatever comes of it, until `reset`. */
  forceClosed(now: number): void {
    this.#force(FORCED_CLOSED, now);
  }

  /** Closed, with nothing counted, and by itself again. */
  reset(now: number): void {
    this.#force(CLOSED, now);
  }

  report(now: number): CircuitReport {
    return this.#locked(() => {
      this.#window.moveTo(this.#epoch, now);
      return readReport(this.#memory, this.#window, this.#wait(now));
    });
  }

  get #state(): number {
    return Atomics.load(this.#words, STATUS) & STATE_MASK;
  }

  get #epoch(): number {
    return Atomics.load(this.#words, STATUS) >>> STATE_BITS;
  }

  #locked<Result>(act: () => Result): Result {
    const ticket = lock(this.#words, LOCK);
    try {
      return act();
    } finally {
      unlock(this.#words, LOCK, ticket);
      if (this.#untold !== null) this.#tell(this.#untold);
    }
  }

  #admitProbe(now: number): number {
    if (this.#state === OPEN && this.#wait(now) === 0) this.#become(HALF_OPEN, "time", now);
    if (this.#state === HALF_OPEN && this.#probes.haveSucceeded())
      this.#become(CLOSED, "probes-succeeded", now);
    const status = this.#words[STATUS] as number;
    if (letsAllPass(status & STATE_MASK)) return permitOf(status);
    const probe = (status & STATE_MASK) === HALF_OPEN ? this.#probes.take(now) : 0;
    if (probe > 0) return probe * PROBE + permitOf(status);
    this.#countRefusal();
    return 0;
  }

  #countRefusal(): void {
    const { doubles } = this.#memory;
    doubles[REFUSED] = (doubles[REFUSED] as number) + 1;
  }

  #wait(now: number): number {
    switch (this.#state) {
      case OPEN:
        return Math.max(0, (this.#memory.doubles[SINCE] as number) + this.#options.openFor - now);
      case HALF_OPEN:
        return this.#probes.mayPass(now) || this.#probes.haveSucceeded() ? 0 : PROBING_MS;
      case FORCED_OPEN:
        return this.#options.openFor;
      default:
        return 0;
    }
  }

  #settleProbe(probe: number, result: BreakerResult, slow: boolean, now: number): void {
    if (result === "ignored") this.#probes.release(probe);
    else if (result === "failure") this.#become(OPEN, "probe-failed", now);
    else if (slow) this.#become(OPEN, "probe-slow", now);
    else {
      this.#probes.succeed(probe);
      if (this.#probes.haveSucceeded()) this.#become(CLOSED, "probes-succeeded", now);
    }
  }

  #count(failed: boolean, slow: boolean, now: number): void {
    const words = this.#words;
    this.#window.moveTo(this.#epoch, now);
    this.#window.add(failed, slow);
    words[CONSECUTIVE] = failed ? (words[CONSECUTIVE] as number) + 1 : 0;
    if (this.#state !== CLOSED) return;
    const reason = this.#reasonToOpen();
    if (reason !== null) this.#become(OPEN, reason, now);
  }

  /** Judged with every result, a good one too: it may be the one that makes the calls enough to judge by. */
  #reasonToOpen(): Reason | null {
    const { consecutiveFailures, minimumCalls, failureRate, slowRate } = this.#options;
    if ((this.#words[CONSECUTIVE] as number) >= consecutiveFailures) return "consecutive-failures";
    const { calls, failures, slow } = this.#window;
    if (calls < minimumCalls) return null;
    // Divided, not multiplied: 0.28 * 25 is more than 7.
    if (failures > 0 && failures / calls >= failureRate) return "failure-rate";
    if (slow > 0 && slow / calls >= slowRate) return "slow-rate";
    return null;
  }

  #force(state: number, now: number): void {
    this.#locked(() => {
      if (this.#state !== state || state === CLOSED) this.#become(state, "by-hand", now);
    });
  }

  #become(to: number, reason: Reason, now: number): void {
    const { words, doubles } = this.#memory;
    const from = this.#state;
    const epoch = this.#epoch;
    this.#window.moveTo(epoch, now);
    words[AT_CALLS] = this.#window.calls;
    words[AT_FAILURES] = this.#window.failures;
    words[AT_SLOW] = this.#window.slow;
    words[AT_CONSECUTIVE] = words[CONSECUTIVE] as number;
    words[CONSECUTIVE] = 0;
    words[REASON] = REASONS.indexOf(reason);
    doubles[SINCE] = now;
    if (to === HALF_OPEN) this.#probes.clear();
    Atomics.store(words, STATUS, ((epoch + 1) << STATE_BITS) | to);
    if (to === from) return;
    words[ENTERED + to] = (words[ENTERED + to] as number) + 1;
    this.#untold = { from: STATES[from] as State, to: STATES[to] as State, reason, seen: readSeen(words) };
  }

  #tell(change: Change): void {
    this.#untold = null;
    announceChange(this.#log, this.name, change);
  }
}

const letsAllPass = (state: number): boolean => state === CLOSED || state === FORCED_CLOSED;

/** The part of a permit that the epoch makes: never 0. */
const permitOf = (status: number): number => (status >>> STATE_BITS) + 1;

const epochOf = (permit: number): number => (permit < PROBE ? permit : permit % PROBE);
