import { type CopyKeeper, type CopyRoom, copied } from "../../core/copied-body.ts";
import { catalogue, GatewayError } from "../../core/errors.ts";
import type { Handler } from "../../core/handler.ts";
import type { Headers } from "../../core/headers.ts";
import type { Reply } from "../../core/reply.ts";
import { storedAnswer } from "../../core/stored-answers.ts";
import type { Clock } from "../../core/tools.ts";
import type { Ask } from "./ask.ts";
import type { CacheOptions } from "./cache.options.ts";
import { askIfChanged, dropConditions, freshened, hasValidator, isAbout } from "./conditions.ts";
import type { Flight } from "./flights.ts";
import type { Times } from "./freshness.ts";
import type { Generations, Sighting } from "./generations.ts";
import { RecentlyPassed } from "./recent.ts";
import type { Serving } from "./serving.ts";
import { type Forwarded, report } from "./status-field.ts";
import { type Keeping, keepingOf } from "./storable.ts";
import { makeVariant, type Variant, type VariantStore } from "./store.ts";
import { mayStandIn } from "./verdict.ts";

interface Parts {
  readonly rules: CacheOptions;
  readonly room: CopyRoom;
  readonly store: VariantStore;
  readonly serving: Serving;
  readonly generations: Generations;
  readonly clock: Clock;
}

/** A request to the upstream, from before it was sent. */
interface Trip {
  readonly ask: Ask;
  /** What we have and may have to replace; null for nothing. */
  readonly stale: Variant | null;
  readonly why: Forwarded;
  /** Null where nobody waits for it. */
  readonly flight: Flight | null;
  readonly generation: Sighting;
  readonly sent: number;
}

/** RFC 5861 §4 */
const FAILURES: ReadonlySet<number> = new Set([500, 502, 503, 504]);
/** Of these, what is said by or of an upstream for everybody who asks: those who wait need not find out themselves. */
const SHARED_FAILURES: ReadonlySet<number> = new Set([502, 503, 504]);

/** A failure, or "you have it already", tells nothing of what is kept another time. */
const saysSomething = (status: number): boolean => status !== 304 && !FAILURES.has(status);

/** Asks the upstream, keeps what may be kept, and makes do with what there is. */
export class Fetching {
  readonly #parts: Parts;
  readonly #passed = new RecentlyPassed();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The last answer for this key was none to keep. */
  passedLately(key: string): boolean {
    return this.#passed.has(key);
  }

  async fetch(
    ask: Ask,
    next: Handler,
    stale: Variant | null,
    why: Forwarded,
    flight: Flight | null,
  ): Promise<Reply> {
    const { generations, clock } = this.#parts;
    const generation = generations.now(ask.key.resource);
    const trip: Trip = { ask, stale, why, flight, generation, sent: clock.now() };
    report(ask.call, { fwd: why });
    try {
      return await this.#bring(trip, next);
    } catch (thrown) {
      const error = GatewayError.from(thrown);
      flight?.land(SHARED_FAILURES.has(error.status) ? error : null);
      return this.fail(ask, stale, error);
    }
  }

  /** @throws the error, where nothing can stand in. The log has it in any case. */
  fail(ask: Ask, stale: Variant | null, error: GatewayError): Reply {
    const instead = this.#standIn(ask, stale, error.status);
    if (instead === null) {
      this.#parts.serving.count(ask, "miss");
      throw error;
    }
    ask.call.failed(error);
    return instead;
  }

  /** What may be given instead of an answer that did not come; null for nothing. */
  #standIn(ask: Ask, stale: Variant | null, status: number): Reply | null {
    const { serving, generations, clock } = this.#parts;
    if (stale === null || ask.behind || !FAILURES.has(status)) return null;
    if (!mayStandIn(stale.life, generations.holds(stale.generation), clock.now())) return null;
    return serving.standIn(ask, stale, status);
  }

  async #bring(trip: Trip, next: Handler): Promise<Reply> {
    const { call } = trip.ask;
    const { headers } = call.request;
    const { stale } = trip;
    const conditional = stale !== null && hasValidator(stale.answer.headers);
    if (conditional) askIfChanged(headers, stale.answer);
    const reply = await next(call);
    if (reply.status !== 304 || !conditional) return this.#take(trip, reply);
    if (isAbout(reply.headers, stale.answer)) return this.#freshen(trip, stale, reply.headers);
    // RFC 9111 §4.3.4: it is about another answer than ours, so we need the answer itself.
    reply.body?.cancel();
    dropConditions(headers);
    return this.#take({ ...trip, sent: this.#parts.clock.now() }, await next(call));
  }

  #freshen(trip: Trip, stale: Variant, news: Headers): Reply {
    const { store, serving } = this.#parts;
    const { ask, why, flight } = trip;
    const times = this.#times(trip);
    const headers = freshened(stale.answer.headers, news);
    const keeping = this.#keeping(trip, stale.answer.status, headers, times);
    if (!ask.wishes.noStore) store.drop(stale);
    const variant = this.#variant(
      trip,
      keeping,
      { status: stale.answer.status, headers },
      stale.answer.body,
      times,
    );
    // Checked just now, it is good for this caller, whether or not it may be kept any longer.
    const served = variant ?? {
      ...stale,
      answer: { ...stale.answer, headers },
      life: { ...stale.life, born: times.came },
    };
    if (variant !== null) this.#put(variant);
    flight?.land();
    return serving.revalidated(ask, served, why, variant !== null);
  }

  #take(trip: Trip, reply: Reply): Reply {
    const { ask, stale, why, flight } = trip;
    const { serving, store, rules, room } = this.#parts;
    const { call } = ask;
    const whole = call.request.method === "GET";
    // What stands in for a failed upstream is no answer of its own: worse than a stale one, and none to keep.
    const failed = call.errorCode ?? reply.error?.code;
    const status = failed === undefined ? reply.status : catalogue[failed].status;
    if (FAILURES.has(status)) {
      const instead = this.#standIn(ask, stale, status);
      if (instead !== null) {
        reply.body?.cancel();
        flight?.land();
        return instead;
      }
    } else if (stale !== null && whole && failed === undefined) {
      // It has another answer now, even if that is none to keep.
      store.drop(stale);
    }
    serving.count(ask, "miss");
    const times = this.#times(trip);
    const keeping =
      whole && failed === undefined ? this.#keeping(trip, reply.status, reply.headers, times) : null;
    if (keeping === null) {
      if (whole && !ask.wishes.noStore && saysSomething(status)) this.#passed.add(ask.key.own);
      flight?.land();
      report(ask.call, { fwd: why, fwdStatus: reply.status }, reply.headers);
      return reply;
    }
    this.#passed.delete(ask.key.own);
    const left = keeping.life.lifetime - (times.came - keeping.life.born);
    report(ask.call, { fwd: why, fwdStatus: reply.status, left, stored: true }, reply.headers);
    const keeper: CopyKeeper = {
      whole: (copy) => {
        const variant = this.#variant(trip, keeping, reply, copy, times);
        if (variant !== null) this.#put(variant);
        flight?.land();
      },
      none: () => flight?.land(),
      // Those who wait would do so for as long as one slow client takes.
      slow: () => flight?.land(),
      outlives: () => flight?.awaited === true,
    };
    return copied(reply, rules.maxEntry, keeper, room);
  }

  #times({ sent }: Trip): Times {
    const { clock } = this.#parts;
    return { sent, came: clock.now(), wall: clock.wall() };
  }

  /** Null for what is not kept. */
  #keeping({ ask }: Trip, status: number, headers: Headers, times: Times): Keeping | null {
    const { call, key, wishes, principal } = ask;
    if (wishes.noStore) return null;
    // Somebody behind us has found out who is calling: for the next one we would not know.
    if (call.principal !== principal) return null;
    return keepingOf({ status, headers, times, personal: key.caller !== "" }, this.#parts.rules);
  }

  #variant(
    { ask, generation }: Trip,
    keeping: Keeping | null,
    reply: Pick<Reply, "status" | "headers">,
    body: Buffer | null,
    times: Times,
  ): Variant | null {
    if (keeping === null) return null;
    const { life, vary, shareable } = keeping;
    const answer = storedAnswer({ ...reply, body: null }, body);
    // The age is counted from here, and an answer without a date has come now (RFC 9110 §6.6.1).
    answer.headers.delete("age");
    if (!answer.headers.has("date")) answer.headers.append("Date", new Date(times.wall).toUTCString());
    const key = this.#parts.serving.keyFor(ask, shareable);
    return makeVariant({ key, answer, life, vary, generation }, ask.call.request.headers);
  }

  #put(variant: Variant): void {
    const { store, generations } = this.#parts;
    // What was answered before a change of the resource is no answer for after it.
    if (generations.holds(variant.generation)) store.put(variant);
  }
}
