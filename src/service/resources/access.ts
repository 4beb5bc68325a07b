import { bearerChallenge } from "../../core/challenge.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Access, Resources } from "../../core/resource.ts";
import { type Caller, scopesOf } from "./caller.ts";

/**
 * Lets pass who may, before anybody has looked what is there.
 *
 * @throws GatewayError AUTHENTICATION_REQUIRED, INSUFFICIENT_SCOPE; FORBIDDEN for what nobody may.
 */
export function requireAccess(access: Access, caller: Caller): void {
  if (access === "public") return;
  if (caller.principal === null) throw authenticationRequired(caller);
  if (access === "authenticated") return;
  if (access.scopes.length === 0) throw new GatewayError("FORBIDDEN");
  const has = scopesOf(caller);
  if (!access.scopes.some((scope) => has.has(scope))) throw insufficientScope(access.scopes);
}

export function authenticationRequired({ challenge }: Caller): GatewayError {
  return new GatewayError("AUTHENTICATION_REQUIRED", { headers: { "WWW-Authenticate": challenge } });
}

/**
 * Every one of these scopes.
 *
 * @throws GatewayError INSUFFICIENT_SCOPE.
 */
export function requireAll(scopes: readonly string[], has: ReadonlySet<string>): void {
  const missing = scopes.filter((scope) => !has.has(scope));
  if (missing.length === 0) return;
  const challenge = bearerChallenge({ realm: "api", error: "insufficient_scope", scope: missing.join(" ") });
  throw new GatewayError("INSUFFICIENT_SCOPE", {
    message: `The first answer was for somebody who sees more: it takes ${missing.join(", ")}.`,
    headers: { "WWW-Authenticate": challenge },
  });
}

/** The scopes by which one caller sees what another does not. */
export function sightOf(resources: Resources): ReadonlySet<string> {
  const sight = new Set<string>();
  for (const { fields, computed, everybodyScope, access } of resources.values()) {
    for (const { readScope } of [...fields, ...computed]) sight.add(readScope);
    sight.add(everybodyScope);
    for (const one of [access.get, access.list])
      if (typeof one === "object") for (const scope of one.scopes) sight.add(scope);
  }
  sight.delete("");
  return sight;
}

/** Of several scopes one would do, and RFC 6750 has a word only for all of them: the challenge names the first. */
function insufficientScope(scopes: readonly string[]): GatewayError {
  const challenge = bearerChallenge({ realm: "api", error: "insufficient_scope", scope: scopes[0] });
  return new GatewayError("INSUFFICIENT_SCOPE", {
    message: `The caller needs ${scopes.length > 1 ? "one of the scopes" : "the scope"} ${scopes.join(", ")}.`,
    headers: { "WWW-Authenticate": challenge },
  });
}
