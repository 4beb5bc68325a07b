import type { Call } from "../../core/call.ts";
import type { Charge } from "../../core/charge.ts";
import type { Limiter, Verdict } from "../../core/counters.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { announce, announceDegraded, announceDryRun, announceUnknown } from "./fields.ts";
import type { RateLimitOptions } from "./rate-limit.options.ts";
import type { Ration } from "./rations.ts";
import { refusal, tooCostly, unavailable } from "./refusals.ts";

/** What a call asks for. */
export interface Demand {
  readonly ration: Ration;
  readonly key: string;
  readonly cost: number;
}

/** What follows from a verdict: fields, log, metrics, and refusal or not. */
export class Cashier {
  readonly #options: RateLimitOptions;
  readonly #decisions;
  readonly #degraded;

  constructor(options: RateLimitOptions, tools: PolicyTools) {
    this.#options = options;
    const { metrics, place } = tools;
    const decisions = metrics.counter(
      "turnpike_rate_limit_decisions_total",
      "What rate limits decided: passed, refused, or spared, which a dry run or a missing store would have refused.",
      ["policy", "outcome"],
    );
    this.#decisions = {
      passed: decisions.with({ policy: place, outcome: "passed" }),
      refused: decisions.with({ policy: place, outcome: "refused" }),
      spared: decisions.with({ policy: place, outcome: "spared" }),
    };
    this.#degraded = metrics
      .counter(
        "turnpike_rate_limit_degraded_total",
        "Calls that a rate limit decided without the store of the counters, and how.",
        ["policy", "mode"],
      )
      .with({ policy: place, mode: options.onStoreError });
  }

  /** @throws GatewayError where the call is refused. */
  settle(call: Call, demand: Demand, verdict: Verdict | null): void {
    if (verdict !== null) this.#charge(call, demand, demand.ration.limiter, verdict, false);
    else this.#withoutStore(call, demand);
  }

  /** What an answer says of limits that its call never came to: how they stand, with nothing taken (AUTH-14). */
  show(call: Call, ration: Ration, key: string): void {
    const { limits, limiter } = ration;
    if (call.charges?.some((charge) => charge.limits === limits)) return;
    const verdict = limiter.take(key, 0);
    // Nobody waits for an answer from elsewhere to say no.
    if (verdict === null || verdict instanceof Promise) {
      announceUnknown(call, limits);
      return;
    }
    call.charges ??= [];
    call.charges.push({ limits, limiter, key, cost: 0, verdict, outcome: "unasked", degraded: false });
    announce(call, call.charges);
  }

  #withoutStore(call: Call, { ration, key, cost }: Demand): void {
    const { onStoreError, dryRun } = this.#options;
    this.#degraded.add();
    announceDegraded(call, onStoreError);
    if (onStoreError === "closed" && !dryRun) {
      this.#decisions.refused.add();
      call.charges = giveBack(call.charges ?? []);
      announce(call, call.charges);
      announceUnknown(call, ration.limits);
      throw unavailable(ration.limits);
    }
    const verdict = ration.local.take(key, cost > ration.most ? 0 : cost);
    this.#charge(call, { ration, key, cost }, ration.local, verdict, true);
  }

  #charge(call: Call, demand: Demand, limiter: Limiter, verdict: Verdict, degraded: boolean): void {
    const { ration, key, cost } = demand;
    const { onStoreError, dryRun } = this.#options;
    const passes = verdict.allowed && cost <= ration.most;
    const spares = dryRun || (degraded && onStoreError === "open");
    const outcome = passes ? "passed" : spares ? "spared" : "refused";
    this.#decisions[outcome].add();
    call.charges ??= [];
    if (outcome === "refused") call.charges = giveBack(call.charges);
    const charge: Charge = { limits: ration.limits, limiter, key, cost, verdict, outcome, degraded };
    call.charges.push(charge);
    announce(call, call.charges);
    if (outcome === "refused") throw cost > ration.most ? tooCostly(demand) : refusal(ration, verdict);
    if (outcome === "spared" && dryRun) announceDryRun(call);
    if (passes && this.#options.cost === "bytes") giveBackUnsent(call, charge);
  }
}

/** A call that is refused costs nothing (RL-20): not even what other entries have let it have before. */
function giveBack(charges: readonly Charge[]): Charge[] {
  return charges.map((charge) => {
    const { limiter, key, cost, verdict, limits, outcome } = charge;
    if (outcome !== "passed") return charge;
    limiter.giveBack(key, cost, verdict);
    const standings = verdict.standings.map(({ remaining, reset, wait }, i) => {
      const quota = limits[i]?.quota ?? 0;
      const before = Math.min(quota, remaining + cost);
      return { remaining: before, reset: before === quota ? 0 : reset, wait };
    });
    return { ...charge, verdict: { ...verdict, standings } };
  });
}

/** A body without a length has been charged in full; in the end one knows. */
function giveBackUnsent(call: Call, charge: Charge): void {
  if (call.request.body === null || call.request.body.size !== undefined) return;
  call.onEnd(({ charges, outcome }) => {
    // What an entry further in has given back is no longer among them.
    const unsent = charges?.includes(charge) ? charge.cost - outcome.bytesIn : 0;
    if (unsent > 0) charge.limiter.giveBack(charge.key, unsent, charge.verdict);
  });
}
