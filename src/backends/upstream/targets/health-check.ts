/**
 * The health of one target, known to all lanes and kept across reloads as long as the question stays the same. In shared
 * 32-bit words:
 *
 *     0   when the target is to be asked next, in tenths of a second; whoever moves it on asks
 *     1   what is known of it
 *     2   answers of one kind one after the other: good ones count up from 0, bad ones down
 *
 * No lane is in charge: if one dies with a question on its way, another asks when the next one is due.
 */
import type { HealthCheckOptions, UpstreamOptions } from "../../../core/kinds.ts";
import type { CounterSeries } from "../../../core/metrics.ts";
import type { Tools } from "../../../core/tools.ts";
import { type Probe, type ProbeAnswer, probe } from "../../../wire/http1/probe.ts";
import type { Member } from "./member.ts";
import { tenthsAt, tenthsFrom } from "./tenths.ts";

const DUE = 0;
const STATE = 1;
const STREAK = 2;
const WORDS = 3;

const WELL = 1;
const UNHEALTHY = 2;

/** How much later than it is due a tick may come. */
const TICK_MS = 100;

export interface HealthCheckParts {
  readonly options: UpstreamOptions;
  readonly check: HealthCheckOptions;
  readonly member: Member;
}

type Result = "good" | "bad";

export class HealthCheck {
  readonly #parts: HealthCheckParts;
  readonly #tools: Tools;
  /** Told in the lane that has found out. */
  readonly #changed: (well: boolean) => void;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #results: Readonly<Record<Result, CounterSeries>>;
  #asking: { readonly probe: Probe; readonly since: number; readonly lease: number } | null = null;

  constructor(parts: HealthCheckParts, tools: Tools, changed: (well: boolean) => void) {
    const { options, check, member } = parts;
    this.#parts = parts;
    this.#tools = tools;
    this.#changed = changed;
    const question = JSON.stringify([check.path, check.status, options.host, options.tls.serverName]);
    const { url } = member.target;
    this.#words = tools.shared.words(`health ${options.name} ${url} ${question}`, WORDS);
    const counter = tools.metrics.counter(
      "turnpike_health_checks_total",
      "Answers of targets that were asked whether they are well.",
      ["upstream", "target", "result"],
    );
    const count = (result: Result) => counter.with({ upstream: options.name, target: url, result });
    this.#results = { good: count("good"), bad: count("bad") };
  }

  get unhealthy(): boolean {
    return Atomics.load(this.#words, STATE) === UNHEALTHY;
  }

  tick(now: number): void {
    const { every, timeout } = this.#parts.check;
    if (this.#asking !== null) {
      if (now - this.#asking.since >= timeout) this.#timeOut();
      return;
    }
    const due = Atomics.load(this.#words, DUE);
    if (due === 0) {
      // Many targets, and many gateways that start together, are not asked at once.
      this.#move(0, tenthsFrom(now + this.#tools.random() * every));
    } else if (tenthsAt(now) >= due) {
      const lease = tenthsFrom(now + Math.max(every, timeout + 2 * TICK_MS));
      if (this.#move(due, lease)) this.#ask(now, lease);
    }
  }

  #move(from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, DUE, from, to) === from;
  }

  #ask(now: number, lease: number): void {
    const { options, check, member } = this.#parts;
    const { target, pool } = member;
    const host = typeof options.host === "object" ? options.host.name : new URL(target.url).host;
    const asked = probe({ target, path: check.path, host, tls: options.tls, lookup: pool.lookup }, (answer) =>
      this.#answered(answer),
    );
    this.#asking = { probe: asked, since: now, lease };
  }

  #timeOut(): void {
    this.#asking?.probe.abort();
    this.#answered({ failure: "it has not answered in time" });
  }

  #answered(answer: ProbeAnswer): void {
    const asking = this.#asking;
    if (asking === null) return;
    this.#asking = null;
    const { every, status } = this.#parts.check;
    this.#move(asking.lease, tenthsFrom(asking.since + every));
    const good = "status" in answer && answer.status >= status[0] && answer.status <= status[1];
    this.#results[good ? "good" : "bad"].add();
    this.#count(good, "status" in answer ? `it answers ${answer.status}` : answer.failure);
  }

  /** One answer at a time comes in, so nobody else changes these words meanwhile. */
  #count(good: boolean, why: string): void {
    const { healthy, unhealthy } = this.#parts.check;
    const before = Atomics.load(this.#words, STREAK);
    const streak = good ? Math.max(before, 0) + 1 : Math.min(before, 0) - 1;
    Atomics.store(this.#words, STREAK, streak);
    const state = Atomics.load(this.#words, STATE);
    if (streak >= healthy && state !== WELL) {
      Atomics.store(this.#words, STATE, WELL);
      if (state === UNHEALTHY) this.#found(true, why);
    } else if (-streak >= unhealthy && state !== UNHEALTHY) {
      Atomics.store(this.#words, STATE, UNHEALTHY);
      this.#found(false, why);
    }
  }

  #found(well: boolean, why: string): void {
    const { options, member } = this.#parts;
    const upstream = options.name;
    const target = member.target.url;
    if (well) this.#tools.log.info({ upstream, target }, `${target} of ${upstream} is well again: ${why}`);
    else this.#tools.log.warn({ upstream, target }, `${target} of ${upstream} is unhealthy: ${why}`);
    this.#changed(well);
  }

  close(): void {
    this.#asking?.probe.abort();
    this.#asking = null;
  }
}
