/** A lane that has too much to do refuses new calls, so that those in flight end well and the process lives. */
import { GatewayError } from "../core/errors.ts";
import type { OverloadPlan } from "../core/plan.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { Clock, Log, Tools } from "../core/tools.ts";
import type { Shedder } from "../flow/flow.ts";
import { LoopGauge } from "./overload-loop.ts";
import { availableMemory, MemoryGauge, type MemorySource, systemMemory } from "./overload-memory.ts";

export interface OverloadParts {
  readonly clock: Clock;
  readonly ticker: Tools["ticker"];
  readonly log: Log;
  readonly metrics: Tools["metrics"];
  readonly shared: SharedMemory;
  readonly source?: MemorySource;
}

/** What has been entered is left so much lower, so that it is not left and entered all the time. */
const HYSTERESIS = 0.05;
/** Collecting garbage takes no more than this share of the time. */
const COLLECTING = 0.1;
const COLLECT_EVERY_MS = 1_000;
/** In the words that lanes share: per mille of pressure, milliseconds of delay. */
const PRESSURE = 0;
const DELAY = 1;
const ROW = 2;

export class Overload implements Shedder {
  /** Whether `refusal` has anything to say: all that a call looks at while the lane is calm. */
  shedding = false;
  /** New connections are not served. */
  refusing = false;
  readonly #parts: OverloadParts;
  readonly #memory: MemoryGauge;
  readonly #loop: LoopGauge;
  readonly #counted: Readonly<Record<"memory" | "event-loop", { add(): void }>>;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #row: number;
  #stopTicking: () => void = () => {};
  /** Null until there is one. */
  #plan: OverloadPlan | null = null;
  #limit = Number.POSITIVE_INFINITY;
  /** Of memory. */
  #short = false;
  /** The event loop is. */
  #late = false;
  #collectAt = 0;

  constructor(parts: OverloadParts) {
    const { clock, metrics, shared, source = systemMemory } = parts;
    this.#parts = parts;
    this.#memory = new MemoryGauge(source, shared);
    this.#loop = new LoopGauge(clock.now());
    const { lane, lanes } = shared.seat;
    this.#words = shared.words("overload/state", lanes * ROW);
    this.#row = lane * ROW;
    const shed = metrics.counter("turnpike_overload_shed_total", "Calls refused to save the process.", [
      "reason",
    ]);
    this.#counted = {
      memory: shed.with({ reason: "memory" }),
      "event-loop": shed.with({ reason: "event-loop" }),
    };
    if (lane === 0) this.#report(metrics);
  }

  /** Looks from now on. Everything is loaded, and no call has come. */
  start(): void {
    this.#memory.rest();
    this.#stopTicking = this.#parts.ticker.subscribe((now) => this.#tick(now));
  }

  configure(plan: OverloadPlan): void {
    this.#plan = plan;
    this.#limit = plan.memory === "auto" ? availableMemory() : plan.memory;
  }

  close(): void {
    this.#stopTicking();
  }

  /** Null for a call that may pass. */
  refusal(): GatewayError | null {
    if (this.#short) return this.#refuse("memory");
    return this.#loop.refuses() ? this.#refuse("event-loop") : null;
  }

  #refuse(reason: "memory" | "event-loop"): GatewayError {
    this.#counted[reason].add();
    const retryAfter = this.#plan?.retryAfter ?? 1;
    return new GatewayError("OVERLOADED", { headers: { "Retry-After": String(retryAfter) } });
  }

  #tick(now: number): void {
    const plan = this.#plan;
    if (plan === null) return;
    this.#lookAtLoop(now, plan);
    this.#lookAtMemory(plan);
    this.shedding = this.#short || this.#late;
  }

  #lookAtLoop(now: number, { eventLoop }: OverloadPlan): void {
    this.#loop.tick(now, eventLoop);
    const { delay, share } = this.#loop;
    this.#say(DELAY, delay);
    const late = share > 0;
    if (late && !this.#late)
      this.#log({ delay }, "the event loop is late: a part of the new calls is refused");
    if (!late && this.#late) this.#log({ delay }, "the event loop is in time again");
    this.#late = late;
  }

  #lookAtMemory(plan: OverloadPlan): void {
    const pressure = this.#limit === Number.POSITIVE_INFINITY ? 0 : this.#memory.read(this.#limit);
    this.#say(PRESSURE, pressure * 1000);
    // What a process needs to do nothing must not keep it from doing anything.
    const atRest = this.#memory.atRest / this.#limit;
    const shedAt = Math.max(plan.shedAt, (1 + atRest) / 2);
    const leaveAt = Math.max(shedAt - HYSTERESIS, (shedAt + atRest) / 2);
    const refuseAt = Math.max(plan.refuseAt, shedAt);
    // Buffers are given back a moment after the collection has found them: the next tick sees what is left.
    const short = pressure >= (this.#short ? leaveAt : shedAt);
    if (short && this.#collect() && pressure < refuseAt) return;
    this.refusing = short && pressure >= (this.refusing ? refuseAt - HYSTERESIS : refuseAt);
    if (short && !this.#short) this.#log({ pressure }, "memory is short: new calls are refused");
    if (!short && this.#short) this.#log({ pressure }, "memory is no longer short");
    this.#short = short;
  }

  /** Whether it has collected: not if it has done so a moment ago. */
  #collect(): boolean {
    const { clock } = this.#parts;
    const begun = clock.now();
    if (begun < this.#collectAt) return false;
    this.#memory.collect();
    this.#collectAt = begun + Math.max(COLLECT_EVERY_MS, (clock.now() - begun) / COLLECTING);
    return true;
  }

  #log(fields: Readonly<Record<string, number>>, message: string): void {
    this.#parts.log.warn({ lane: this.#parts.shared.seat.lane, ...fields }, message);
  }

  #say(column: number, value: number): void {
    Atomics.store(this.#words, this.#row + column, Math.round(value));
  }

  /** Of all lanes the one that fares worst. */
  #report(metrics: Tools["metrics"]): void {
    const worst = (column: number) => {
      let most = 0;
      for (let at = column; at < this.#words.length; at += ROW)
        most = Math.max(most, Atomics.load(this.#words, at));
      return most / 1000;
    };
    metrics.gauge("turnpike_memory_pressure", "Share of its memory that the process cannot do without.", () =>
      worst(PRESSURE),
    );
    metrics.gauge(
      "turnpike_event_loop_delay_seconds",
      "By how much the last tick of the slowest lane was late.",
      () => worst(DELAY),
    );
  }
}
