/** Rows as what functions of a config, and those who read events, see: objects by the names of the newest version. */
import type { ComputedField, Field, Resource, Row, View } from "../../core/resource.ts";
import { jsonOf } from "./json-of.ts";

export type ObjectValues = Record<string, unknown>;

export const newestView = ({ views }: Resource): View => [...views.values()].at(-1) as View;

/** Everything that is stored, for functions that decide: also what nobody is shown. */
export function storedObject(resource: Resource, row: Row): ObjectValues {
  const object: ObjectValues = {};
  for (const field of storedFields(resource)) object[field.name] = jsonOf(field, row[field.at]);
  return object;
}

const known = new WeakMap<Resource, readonly Field[]>();

/** Without the columns that only the service itself reads. */
function storedFields(resource: Resource): readonly Field[] {
  const before = known.get(resource);
  if (before !== undefined) return before;
  const { owner, revision, deletedAt } = resource;
  const shown = newestView(resource).fields.map(({ field }) => field);
  const fields = resource.fields.filter(
    (field) => shown.includes(field) || (field !== owner && field !== revision && field !== deletedAt),
  );
  known.set(resource, fields);
  return fields;
}

/** What is there for those who may see all of it: stored and computed, without what is write-only. */
export function shownObject(resource: Resource, row: Row): ObjectValues {
  const { fields, computed } = newestView(resource);
  const object: ObjectValues = {};
  for (const { name, field } of fields) {
    if (!field.writeOnly) object[name] = jsonOf(field, row[field.at]);
  }
  if (computed.length === 0) return object;
  const stored = storedObject(resource, row);
  for (const { name, field } of computed) object[name] = compute(field, stored);
  return object;
}

/** @throws Error where the function returns what its type does not allow: the config is wrong, not the request. */
export function compute(field: ComputedField, object: Readonly<ObjectValues>): unknown {
  const value = field.compute(object) ?? null;
  if (value === null ? field.nullable : hasType(field, value)) return value;
  throw new Error(`the computed field "${field.name}" is no ${field.type}`);
}

function hasType({ type }: ComputedField, value: unknown): boolean {
  switch (type) {
    case "integer":
      return Number.isSafeInteger(value);
    case "number":
      return Number.isFinite(value);
    case "boolean":
      return typeof value === "boolean";
    case "object":
      return typeof value === "object" && !Array.isArray(value);
    case "array":
      return Array.isArray(value);
    default:
      return typeof value === "string";
  }
}
