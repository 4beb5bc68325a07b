/** A change that cannot be made for a reason that the caller is told: undone by being thrown, and returned in the end. */
import { ConstraintError } from "../../../core/database.ts";
import type { Field, Resource } from "../../../core/resource.ts";
import type { Referred, Written } from "../store.ts";

type Refused = Exclude<Written<never>, { kind: "done" }>;

export class Refusal extends Error {
  readonly refused: Refused;

  constructor(refused: Refused) {
    super(refused.kind);
    this.refused = refused;
  }
}

/** What was thrown out of a transaction, as an answer; else it is thrown again. */
export function refusedOf(thrown: unknown, resource: Resource, referred: readonly Referred[]): Refused {
  if (thrown instanceof Refusal) return thrown.refused;
  if (!(thrown instanceof ConstraintError)) {
    if (isUnfit(thrown) && resource.external) return { kind: "unfit", fields: [], cause: thrown };
    throw thrown;
  }
  switch (thrown.kind) {
    case "unique":
      return { kind: "taken", fields: uniqueFields(resource, thrown) };
    case "reference":
      // Somebody else's table may have keys that no definition mentions.
      return { kind: "dangling", fields: danglingFields(thrown, referred) };
    default:
      if (!resource.external) throw thrown;
      return { kind: "unfit", fields: amongst(resource.fields, thrown.columns), cause: thrown };
  }
}

/** Columns of somebody else's table may be narrower than their fields: class 22 of PostgreSQL's codes. */
export const isUnfit = (thrown: unknown): boolean =>
  thrown instanceof Error && "code" in thrown && /^22[0-9A-Z]{3}$/.test(String(thrown.code));

/** Unique values of one owner are unique together with it, and only the others are the caller's. */
const uniqueFields = ({ fields, owner }: Resource, { columns }: ConstraintError): Field[] =>
  amongst(fields, columns).filter((field) => field !== owner);

function danglingFields({ columns }: ConstraintError, referred: readonly Referred[]): Field[] {
  const all = referred.map(({ field }) => field);
  const named = amongst(all, columns);
  return named.length > 0 ? named : all;
}

/** SQLite does not tell upper from lower case; somebody else's table on PostgreSQL may have both. */
function amongst(fields: readonly Field[], columns: readonly string[]): Field[] {
  const named = columns.map(
    (name) =>
      fields.find(({ column }) => column === name) ??
      fields.find(({ column }) => column.toLowerCase() === name.toLowerCase()),
  );
  return fields.filter((field) => named.includes(field));
}
