/** A rule of a config, made into a check of what is known about a caller. */
import type { Call } from "../../core/call.ts";
import { bearerChallenge } from "../../core/challenge.ts";
import { claimAt } from "../../core/claims.ts";
import { GatewayError } from "../../core/errors.ts";
import { listOf } from "../../core/found.ts";
import type { Principal } from "../../core/principal.ts";
import type { AuthorizeOptions, Rule } from "./authorize.options.ts";
import { rolesThatGive } from "./roles.ts";

/** @throws GatewayError for a caller who may not. */
export type Check = (call: Call, principal: Principal) => void;

/** All checks of a rule, the cheapest first; `allow` is not among them, because it may take its time. */
export function checksOf(
  rule: Rule,
  { inherits, realm }: Pick<AuthorizeOptions, "inherits" | "realm">,
): Check[] {
  const { scopes = [], anyScope, roles, claims = {}, consumers } = rule;
  const checks: Check[] = [];
  if (scopes.length > 0 || anyScope !== undefined) checks.push(hasScopes(scopes, anyScope, realm));
  if (roles !== undefined) checks.push(hasRole(rolesThatGive(roles, inherits)));
  for (const [name, wanted] of Object.entries(claims))
    checks.push(hasClaim(name, Array.isArray(wanted) ? wanted : [wanted]));
  if (consumers !== undefined) checks.push(isOneOf(consumers));
  return checks;
}

function hasScopes(all: readonly string[], any: readonly string[] | undefined, realm: string): Check {
  // What would do (RFC 6750 §3.1): of alternatives, the first.
  const scope = [...new Set([...all, ...(any ?? []).slice(0, 1)])];
  const headers = {
    "WWW-Authenticate": bearerChallenge({ realm, error: "insufficient_scope", scope: scope.join(" ") }),
  };
  const message = `The credential lacks a scope that this route needs: ${listOf(scope)}.`;
  return (_, { scopes }) => {
    const enough = all.every((one) => scopes.has(one)) && (any?.some((one) => scopes.has(one)) ?? true);
    if (!enough) throw new GatewayError("INSUFFICIENT_SCOPE", { headers, message });
  };
}

function hasRole(accepted: ReadonlySet<string>): Check {
  return (_, { roles }) => {
    if (roles.isDisjointFrom(accepted)) throw new GatewayError("FORBIDDEN", { cause: "none of the roles" });
  };
}

function hasClaim(name: string, wanted: readonly (string | number | boolean)[]): Check {
  const values = wanted.map(valueFor);
  return (call, { claims }) => {
    const claim = claimAt(claims, name);
    const held: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
    const right = values.some((value) => {
      const one = value(call);
      return one !== undefined && held.includes(one);
    });
    if (!right) throw new GatewayError("FORBIDDEN", { cause: `the claim ${name} has another value` });
  };
}

function isOneOf(consumers: readonly string[]): Check {
  const names = consumers.map(valueFor);
  return (call, { consumer }) => {
    if (!names.some((name) => name(call) === consumer))
      throw new GatewayError("FORBIDDEN", { cause: "another consumer" });
  };
}

const PARAMETER = /^\{([^{}]+)\}$/;

/** The value itself, or the parameter of the path that it names; undefined where the route has none of that name. */
function valueFor<Value>(value: Value): (call: Call) => Value | string | undefined {
  const parameter = typeof value === "string" ? PARAMETER.exec(value)?.[1] : undefined;
  if (parameter === undefined) return () => value;
  return ({ params }) => params[parameter];
}
