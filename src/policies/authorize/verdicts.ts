import { GatewayError } from "../../core/errors.ts";
import { METHODS } from "../../core/methods.ts";
import type { Clock } from "../../core/tools.ts";
import type { Allow, AuthorizeOptions, Rule } from "./authorize.options.ts";
import { type Check, checksOf } from "./rule.ts";
import { stepUp } from "./step-up.ts";

/** What a method needs. */
export interface Verdict {
  readonly checks: readonly Check[];
  /** Functions of the config's author, asked when everything else is right. */
  readonly asks: readonly Allow[];
}

/** Made once for every method, so that a call only looks its own up. */
export function verdictsOf(options: AuthorizeOptions, clock: Clock): (method: string) => Verdict {
  const { methods = {} } = options;
  const first = stepUp(options, clock);

  function verdict(own: Rule | undefined): Verdict {
    const rules = own === undefined ? [options] : [options, own];
    const checks = rules.flatMap((rule) => checksOf(rule, options));
    const closed = own === undefined && options.methods !== undefined && !saysSomething(options);
    return {
      checks: [...(first === null ? [] : [first]), ...(closed ? [refuse] : []), ...checks],
      asks: rules.flatMap(({ allow }) => (allow === undefined ? [] : [allow])),
    };
  }

  const byMethod = new Map<string, Verdict>(METHODS.map((method) => [method, verdict(methods[method])]));
  // HEAD is GET without the content: what guards one guards the other, unless HEAD has a rule of its own.
  byMethod.set("HEAD", verdict(methods.HEAD ?? methods.GET));
  const otherwise = verdict(undefined);
  return (method) => byMethod.get(method) ?? otherwise;
}

const saysSomething = ({ scopes, anyScope, roles, claims, consumers, allow }: Rule): boolean =>
  [scopes, anyScope, roles, claims, consumers, allow].some((part) => part !== undefined);

/** Deny by default (AUTH-11): who lists methods means those. */
const refuse: Check = () => {
  throw new GatewayError("FORBIDDEN", { cause: "no rule is for this method" });
};
