/**
 * A shared cache (RFC 9111) in the memory of each lane. Who may see an answer is decided in `storable.ts` and `key.ts`,
 * how long in `freshness.ts`, what a change of a resource ends in `generations.ts`; see cache.md for the choices.
 */
import type { Call } from "../../core/call.ts";
import { CopyRoom } from "../../core/copied-body.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Handler } from "../../core/handler.ts";
import { definePolicy, type Neighbour } from "../../core/policy.ts";
import type { Reply } from "../../core/reply.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { type Ask, askedBy, passes } from "./ask.ts";
import { type CacheOptions, cacheOptions } from "./cache.options.ts";
import { Fetching } from "./fetching.ts";
import { type Flight, Flights } from "./flights.ts";
import { Generations } from "./generations.ts";
import { invalidating } from "./invalidation.ts";
import { refresh } from "./refresh.ts";
import { reliabilityOf } from "./reliability.ts";
import { openStore } from "./rooms.ts";
import { Serving } from "./serving.ts";
import { type Forwarded, report } from "./status-field.ts";
import type { Variant } from "./store.ts";
import { judge } from "./verdict.ts";

const NEIGHBOURS: readonly Neighbour[] = [
  ...["api-key", "jwt"].map((kind) => ({
    kind,
    belongs: "before" as const,
    otherwise: "in front of it, nothing is kept of what callers get whom it finds out",
    strict: false,
  })),
  ...["authorize", "ip-allow"].map((kind) => ({
    kind,
    belongs: "before" as const,
    otherwise: "in front of it, whoever it would turn away gets what is in memory",
    strict: false,
  })),
];

export const cache = definePolicy({
  name: "cache",
  summary: "Answers from memory what an upstream has answered before and allowed to be kept.",
  options: cacheOptions,
  // A hit for a version that has retired would be an answer that nobody checked.
  versioned: true,
  neighbours: NEIGHBOURS,
  reliability: reliabilityOf,
  rejects: ["NOT_CACHED"],
  create(options, tools) {
    const parts = makeParts(options, tools);
    return (next) => new Cache(parts, next).handler;
  },
});

/** What all routes behind one entry of a config share. */
function makeParts(options: CacheOptions, tools: PolicyTools) {
  const { ignoreQuery, varyBy, share, clientControl } = options;
  const generations = new Generations(tools.shared);
  const store = openStore(JSON.stringify(options), options.maxBytes, tools);
  const serving = new Serving(store, generations, share, tools);
  const flights = new Flights();
  const room = new CopyRoom(Math.max(options.maxEntry, options.maxBytes / tools.shared.seat.lanes / 4));
  return {
    ...{ generations, serving, flights, tools },
    ask: askedBy({ ignoreQuery, varyBy, clientControl }),
    fetching: new Fetching({ rules: options, room, store, serving, generations, clock: tools.clock }),
  };
}

class Cache {
  readonly #parts: ReturnType<typeof makeParts>;
  readonly #next: Handler;
  readonly #change: Handler;

  constructor(parts: ReturnType<typeof makeParts>, next: Handler) {
    this.#parts = parts;
    this.#next = next;
    this.#change = invalidating(parts.generations, next);
  }

  readonly handler: Handler = (call) => {
    const why = passes(call);
    if (why !== null) return this.#pass(call, why);
    const ask = this.#parts.ask(call);
    const found = this.#parts.serving.find(ask);
    if (typeof found === "string") return this.#fetch(ask, null, found);
    return this.#judged(ask, found);
  };

  #pass(call: Call, why: Forwarded): Reply | Promise<Reply> {
    this.#parts.serving.count({ call, behind: false }, "bypass");
    report(call, { fwd: why });
    const reply = why === "method" ? this.#change(call) : this.#next(call);
    return reply instanceof Promise
      ? reply.then((one) => this.#passed(call, why, one))
      : this.#passed(call, why, reply);
  }

  #passed(call: Call, why: Forwarded, reply: Reply): Reply {
    report(call, { fwd: why, fwdStatus: reply.status }, reply.headers);
    return reply;
  }

  #judged(ask: Ask, found: Variant): Reply | Promise<Reply> {
    const { serving, generations, tools } = this.#parts;
    const verdict = judge(found.life, generations.holds(found.generation), ask.wishes, tools.clock.now());
    switch (verdict) {
      case "fresh":
        return serving.hit(ask, found, "hit");
      case "stale":
        return serving.hit(ask, found, "stale");
      case "refresh":
        this.#refresh(ask, found);
        return serving.hit(ask, found, "stale");
      case "expired":
        return this.#fetch(ask, found, "stale");
      case "unwanted":
        return this.#fetch(ask, found, "request");
    }
  }

  /** One at a time for each answer: whoever comes meanwhile gets the stale one, too. */
  #refresh({ call, key }: Ask, stale: Variant): void {
    const { flights, fetching, generations, ask, tools } = this.#parts;
    if (flights.get(key.own) !== undefined) return;
    refresh(call, tools, (behind) => {
      const flight = flights.start(key.own, behind, generations.now(key.resource));
      return fetching.fetch(ask(behind, true), this.#next, stale, "stale", flight);
    });
  }

  #fetch(ask: Ask, stale: Variant | null, why: Forwarded): Reply | Promise<Reply> {
    const { call, key, wishes } = ask;
    const { flights, fetching, generations } = this.#parts;
    // RFC 9111 §5.2.1.7
    if (wishes.onlyIfCached) throw new GatewayError("NOT_CACHED");
    // Who asks for a check of his own gets it: what is on its way may have been answered before he asked.
    const sharing = call.request.method === "GET" && why !== "request" && !fetching.passedLately(key.own);
    const flying = sharing ? flights.get(key.own) : undefined;
    // One from before a change brings nothing for after it.
    if (flying !== undefined && !flying.lost && generations.holds(flying.since))
      return this.#wait(ask, flying, stale, why);
    const flight = sharing ? flights.start(key.own, call, generations.now(key.resource)) : null;
    // A client that leaves takes its request along, and perhaps nobody hears of it again.
    if (flight !== null) call.onEnd(() => flight.land());
    return fetching.fetch(ask, this.#next, stale, why, flight);
  }

  async #wait(ask: Ask, flight: Flight, stale: Variant | null, why: Forwarded): Promise<Reply> {
    const { serving, fetching, generations, tools } = this.#parts;
    const { failed } = await flight.wait();
    if (ask.call.gone) throw new GatewayError("CLIENT_CLOSED");
    if (failed !== null) return fetching.fail(ask, stale, failed);
    const found = serving.find(ask);
    if (typeof found !== "string") {
      const current = generations.holds(found.generation);
      const verdict = judge(found.life, current, ask.wishes, tools.clock.now());
      if (verdict === "fresh") return serving.collapsed(ask, found, why);
    }
    return fetching.fetch(ask, this.#next, stale, why, null);
  }
}
