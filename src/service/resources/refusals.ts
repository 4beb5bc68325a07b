/** What a caller is told where the database has the last word, in the names of the version that he sees. */
import { GatewayError } from "../../core/errors.ts";
import { fieldText } from "../../core/field-path.ts";
import type { Action, Field, Resource, Row, View } from "../../core/resource.ts";
import type { Permit } from "./permit.ts";

export function alreadyExists({ view }: Permit, fields: readonly Field[]): GatewayError {
  const issue = fields.length > 1 ? "is taken, together with the others" : "is taken";
  return new GatewayError("ALREADY_EXISTS", {
    details: namesOf(view, fields).map((field) => ({ field, issue })),
  });
}

/** The same whether it never existed or is somebody else's. */
export function dangling({ view }: Permit, fields: readonly Field[]): GatewayError {
  const details = namesOf(view, fields).map((field) => ({ field, issue: "names nothing that is there" }));
  return new GatewayError("VALIDATION_ERROR", { details });
}

/** `by` is null for tables that are no resource: they are nobody's business. */
export function stillReferenced(by: Resource | null): GatewayError {
  const message = by === null ? "Something else refers to it." : `Some ${by.name} refer to it.`;
  return new GatewayError("STILL_REFERENCED", { message });
}

/** Somebody else's table is narrower than its definition, or has rules that no definition says. */
export function unfit({ view }: Permit, fields: readonly Field[], cause: unknown): GatewayError {
  const named = namesOf(view, fields);
  if (named.length > 0) {
    const details = named.map((field) => ({ field, issue: "is not a value that the database takes" }));
    return new GatewayError("VALIDATION_ERROR", { details, cause });
  }
  return new GatewayError("VALIDATION_ERROR", {
    message: "The database does not take the object as it is: one of its own rules is broken.",
    cause,
  });
}

export function requireState({ resource, view, scopes }: Permit, action: Action, row: Row): void {
  const wrong = [...action.from].filter(([field, values]) => !values.includes(row[field.at] ?? null));
  if (wrong.length === 0) return;
  const details = wrong.flatMap(([field, values]) => {
    if (field.writeOnly || (field.readScope !== "" && !scopes.has(field.readScope))) return [];
    const issue = `has to be ${values.map((value) => String(value ?? "null")).join(" or ")}`;
    return namesOf(view, [field]).map((name) => ({ field: name, issue }));
  });
  const message = `The ${resource.singular} is in a state that does not allow "${action.name}".`;
  throw new GatewayError("STATE_CONFLICT", { message, details });
}

/** Fields that the version does not have are not named. */
function namesOf(view: View, fields: readonly Field[]): string[] {
  return view.fields.filter(({ field }) => fields.includes(field)).map(({ name }) => fieldText([name]));
}
