import { GatewayError } from "../../core/errors.ts";
import type { Access, Action, Resource, Verb, View } from "../../core/resource.ts";
import { requireAccess } from "./access.ts";
import { type Caller, scopesOf, viewOf } from "./caller.ts";
import type { Owner } from "./store.ts";
import { ownerOf } from "./tenancy.ts";

/**
 * What a caller may do to a resource, as far as that can be said before anybody looks what is there. Every operation
 * takes one, so that none can be reached around the check.
 */
export interface Permit {
  readonly resource: Resource;
  readonly caller: Caller;
  /** Of the rows that are there for the caller. */
  readonly owner: Owner;
  readonly view: View;
  readonly scopes: ReadonlySet<string>;
}

/** @throws GatewayError AUTHENTICATION_REQUIRED, INSUFFICIENT_SCOPE, FORBIDDEN. */
export function permitVerb(resource: Resource, verb: Verb, caller: Caller): Permit {
  return permit(resource, resource.access[verb], caller);
}

export function permitAction(resource: Resource, action: Action, caller: Caller): Permit {
  return permit(resource, action.access, caller);
}

/** To ask for what is inside of an object: its existence shows, and so it takes what looking at it takes. */
export function permitInside(resource: Resource, caller: Caller): Permit {
  return resource.verbs.has("get") ? permitVerb(resource, "get", caller) : permit(resource, "public", caller);
}

function permit(resource: Resource, access: Access, caller: Caller): Permit {
  requireAccess(access, caller);
  const owner = ownerOf(resource, caller);
  return { resource, caller, owner, view: viewOf(resource, caller.version), scopes: scopesOf(caller) };
}

/** The same for what never existed and for what belongs to somebody else. */
export function notFound({ resource }: Pick<Permit, "resource">): GatewayError {
  return new GatewayError("RESOURCE_NOT_FOUND", {
    message: `There is no ${resource.singular.replaceAll("_", " ")} with this id.`,
  });
}
