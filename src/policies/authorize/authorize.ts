import type { Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import { definePolicy } from "../../core/policy.ts";
import { type Principal, principal } from "../../core/principal.ts";
import { credentialWanted } from "../../core/settled.ts";
import { type Allow, authorizeOptions } from "./authorize.options.ts";
import { verdictsOf } from "./verdicts.ts";

export const authorize = definePolicy({
  name: "authorize",
  summary: "Lets pass who may do this.",
  options: authorizeOptions,
  needs: ({ deny, public: open }) => (deny || open ? [] : [principal]),
  rejects: ["AUTHENTICATION_REQUIRED", "STEP_UP_REQUIRED", "INSUFFICIENT_SCOPE", "FORBIDDEN"],
  create(options, { clock }) {
    const { deny, public: open } = options;
    if (deny || open) {
      return (next) => (call) => {
        call.closed = deny;
        return next(call);
      };
    }
    const verdictFor = verdictsOf(options, clock);
    return (next) => (call) => {
      if (call.principal === null) throw credentialWanted(call);
      const { checks, asks } = verdictFor(call.request.method);
      for (const check of checks) check(call, call.principal);
      call.closed = false;
      return asks.length === 0 ? next(call) : askAll(asks, call, call.principal).then(() => next(call));
    };
  },
});

/** Only `true` is a yes: what a function forgets to return, or throws, opens nothing. */
async function askAll(asks: readonly Allow[], call: Call, caller: Principal): Promise<void> {
  for (const allow of asks) {
    if ((await allow(call, caller)) !== true) throw new GatewayError("FORBIDDEN", { cause: "allow refused" });
  }
}
