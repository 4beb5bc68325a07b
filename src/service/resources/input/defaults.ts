import type { Field, FieldValue, Resource, Row } from "../../../core/resource.ts";
import { momentOf } from "../rows.ts";
import type { Values } from "./types.ts";

/**
 * A whole row: what is not given gets its default, or null. `now` is in milliseconds since the epoch. The id, the owner and
 * what else nobody gives is left to whoever writes the row.
 */
export function withDefaults({ fields }: Resource, values: Values, now: number): Row {
  return fields.map((field) => {
    const given = values[field.at];
    return given === undefined ? defaultOf(field, now) : given;
  });
}

function defaultOf(field: Field, now: number): FieldValue {
  const standard = standardOf(field);
  return standard === undefined ? momentOf(field, now) : standard;
}

/** What an object gets that is created without the field; undefined for the time of its creation. */
export function standardOf({ default: standard }: Field): FieldValue | undefined {
  if (standard === null) return null;
  return standard === "now" ? undefined : standard.value;
}
