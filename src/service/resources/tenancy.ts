import { GatewayError } from "../../core/errors.ts";
import type { Principal } from "../../core/principal.ts";
import type { Resource } from "../../core/resource.ts";
import { authenticationRequired } from "./access.ts";
import type { Caller } from "./caller.ts";
import type { Owner } from "./store.ts";

/**
 * Whose objects a caller sees and changes: his own, or everybody's (null) where the resource has no owners or a scope of
 * his says so. Objects of the test environment are apart from live ones.
 *
 * @throws GatewayError AUTHENTICATION_REQUIRED for nobody in particular.
 */
export function ownerOf(resource: Resource, caller: Caller): Owner {
  if (resource.owner === null) return null;
  const { principal } = caller;
  if (principal === null) throw authenticationRequired(caller);
  if (resource.everybodyScope !== "" && principal.scopes.has(resource.everybodyScope)) return null;
  return ownerName(principal);
}

/** Whom a new object belongs to: its creator, also if he sees everybody's. */
export function ownerOfNew(resource: Resource, caller: Caller): Owner {
  if (resource.owner === null) return null;
  if (caller.principal === null) throw authenticationRequired(caller);
  return ownerName(caller.principal);
}

/** Would be read as the name of an environment. */
const AMBIGUOUS = /^(?:live|test):/;

/** No two callers have the same: `acme`, and `test:acme` for the test environment. */
function ownerName({ consumer, environment }: Principal): string {
  // Neither can be stored, and what a database makes of them could be somebody else's name.
  if (consumer === "" || !consumer.isWellFormed() || consumer.includes("\0"))
    throw new GatewayError("FORBIDDEN", { message: "The caller has no name that objects could belong to." });
  if (environment !== "" && environment !== "live") return `${environment}:${consumer}`;
  return AMBIGUOUS.test(consumer) ? `live:${consumer}` : consumer;
}
