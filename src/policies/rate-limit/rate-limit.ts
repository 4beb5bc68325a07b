import { definePolicy } from "../../core/policy.ts";
import { principal } from "../../core/principal.ts";
import { callerKeys } from "./caller.ts";
import { Cashier, type Demand } from "./cashier.ts";
import { costsOf } from "./cost.ts";
import { type RateLimitOptions, rateLimitOptions } from "./rate-limit.options.ts";
import { rationsOf } from "./rations.ts";

export const rateLimit = definePolicy({
  name: "rate-limit",
  summary: "lets each caller make so many requests in a window",
  options: rateLimitOptions,
  needs: (options) => (needsPrincipal(options) ? [principal] : []),
  reliability: () => ({ role: "limits", lines: [] }),
  rejects: ["RATE_LIMITED", "RATE_LIMIT_UNAVAILABLE", "COST_EXCEEDS_LIMIT"],
  create(options, tools) {
    const rationOf = rationsOf(options, tools.place, tools.counters);
    const keyOf = callerKeys(options.by);
    const costOf = costsOf(options.cost);
    const cashier = new Cashier(options, tools);
    tools.onRefusal((call) => {
      const ration = rationOf(call);
      if (ration !== null) cashier.show(call, ration, keyOf(call));
    });
    return (next) => (call) => {
      const ration = rationOf(call);
      if (ration === null) return next(call);
      const cost = costOf(call);
      const demand: Demand = { ration, key: keyOf(call), cost };
      // A call that can never pass takes nothing, but is told how it stands like every other.
      const verdict = ration.limiter.take(demand.key, cost > ration.most ? 0 : cost);
      if (verdict instanceof Promise) {
        return verdict.then((late) => {
          cashier.settle(call, demand, late);
          return next(call);
        });
      }
      cashier.settle(call, demand, verdict);
      return next(call);
    };
  },
});

function needsPrincipal({ by, plans }: RateLimitOptions): boolean {
  const who = Array.isArray(by) ? by : [by];
  return (
    plans !== undefined ||
    who.some((one) => one === "consumer" || (typeof one === "object" && "claim" in one))
  );
}
