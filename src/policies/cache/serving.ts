import type { Headers } from "../../core/headers.ts";
import type { CounterSeries } from "../../core/metrics.ts";
import type { Reply } from "../../core/reply.ts";
import { replyOf } from "../../core/stored-answers.ts";
import type { Clock, PolicyTools } from "../../core/tools.ts";
import type { Ask } from "./ask.ts";
import { holdsAlready, notModifiedFields } from "./conditions.ts";
import { ageOf, leftOf } from "./freshness.ts";
import type { Generations } from "./generations.ts";
import { type Forwarded, type Report, report } from "./status-field.ts";
import type { Absence, Variant, VariantStore } from "./store.ts";

/** What became of a request, for the log and the metrics. */
export type Result = "hit" | "miss" | "stale" | "revalidated" | "bypass";

/** Finds stored answers and makes replies of them. */
export class Serving {
  readonly #store: VariantStore;
  readonly #generations: Generations;
  readonly #share: boolean;
  readonly #clock: Clock;
  readonly #counts: Readonly<Record<Result, CounterSeries>>;

  constructor(store: VariantStore, generations: Generations, share: boolean, tools: PolicyTools) {
    this.#store = store;
    this.#generations = generations;
    this.#share = share;
    this.#clock = tools.clock;
    const requests = tools.metrics.counter(
      "turnpike_cache_requests_total",
      "Requests that came to a cache, by what became of them.",
      ["policy", "result"],
    );
    const series = (result: Result) => requests.with({ policy: tools.place, result });
    this.#counts = {
      hit: series("hit"),
      miss: series("miss"),
      stale: series("stale"),
      revalidated: series("revalidated"),
      bypass: series("bypass"),
    };
  }

  /** What is for everybody comes after what is the caller's own: the newer of the two is not known. */
  find({ key, call }: Ask): Variant | Absence {
    const { headers } = call.request;
    const own = this.#store.find(key.own, headers);
    if (!this.#share) return own;
    const shared = this.#store.find(key.everybody, headers);
    if (typeof own === "string") return shared === "uri-miss" ? own : shared;
    if (typeof shared === "string") return own;
    const now = this.#clock.now();
    return this.#worth(own, now) >= this.#worth(shared, now) ? own : shared;
  }

  #worth({ life, generation }: Variant, now: number): number {
    return this.#generations.holds(generation) ? leftOf(life, now) : Number.NEGATIVE_INFINITY;
  }

  /** Where an answer is kept that one caller got. */
  keyFor({ key }: Ask, shareable: boolean): string {
    return this.#share && shareable ? key.everybody : key.own;
  }

  count({ call, behind }: Pick<Ask, "call" | "behind">, result: Result): void {
    call.cache = result;
    if (!behind) this.#counts[result].add();
  }

  hit(ask: Ask, variant: Variant, result: Result): Reply {
    return this.#serve(ask, variant, result, {});
  }

  /** Another request has brought it while this one waited. */
  collapsed(ask: Ask, variant: Variant, why: Forwarded): Reply {
    return this.#serve(ask, variant, "hit", { fwd: why, collapsed: true });
  }

  revalidated(ask: Ask, variant: Variant, why: Forwarded, stored: boolean): Reply {
    return this.#serve(ask, variant, "revalidated", { fwd: why, fwdStatus: 304, stored });
  }

  /** It is stale, and nothing better could be had. */
  standIn(ask: Ask, variant: Variant, status: number): Reply {
    return this.#serve(ask, variant, "stale", { fwd: "stale", fwdStatus: status, detail: "stale-if-error" });
  }

  #serve(ask: Ask, { answer, life }: Variant, result: Result, what: Report): Reply {
    const now = this.#clock.now();
    this.count(ask, result);
    report(ask.call, { ...what, left: leftOf(life, now) }, answer.headers);
    const age = String(Math.max(0, Math.floor(ageOf(life, now) / 1000)));
    const { condition } = ask;
    if (condition !== null && holdsAlready(condition, answer)) {
      return { status: 304, headers: aged(notModifiedFields(answer.headers), age), body: null };
    }
    const reply = replyOf(answer);
    aged(reply.headers, age);
    return reply;
  }
}

/** RFC 9111 §5.1 */
function aged(headers: Headers, age: string): Headers {
  headers.set("Age", age);
  return headers;
}
