import type { Field } from "../../core/resource.ts";

/** A stored field with what most of them have. */
export function stored(given: Pick<Field, "name" | "type"> & Partial<Field>): Field {
  const json = given.type === "object" || given.type === "array";
  const shown = given.writeOnly !== true && !json;
  return {
    column: given.name,
    at: -1,
    summary: "",
    nullable: false,
    required: false,
    default: null,
    readOnly: false,
    writeOnly: false,
    immutable: false,
    rules: {},
    unique: false,
    reference: null,
    filter: shown,
    sort: shown,
    readScope: "",
    writeScope: "",
    ...given,
  };
}

/** A field that nobody but the program sees. */
export const hidden = (given: Pick<Field, "name" | "type"> & Partial<Field>): Field =>
  stored({ readOnly: true, filter: false, sort: false, ...given });
