import { isFields, step } from "../../core/json-schema/documents.ts";
import type { Schema } from "./json.ts";

/** Values of these are no schemas: what looks like a reference in them is a text. */
const VALUES: ReadonlySet<string> = new Set(["const", "default", "enum", "example", "examples"]);
/** A schema of a config says for itself which dialect and base it has; inside of a document there is one for all. */
const DROPPED: ReadonlySet<string> = new Set(["$schema", "$id"]);

/** A schema that stands by itself, with its references as they have to be at another place: a pointer such as `#/components/schemas/A`. */
export function embedded(schema: Schema, place: string): Schema {
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([keyword]) => !DROPPED.has(keyword))
      .map(([keyword, value]) => [
        keyword,
        keyword === "$ref" ? moved(value, place) : inside(keyword, value, place),
      ]),
  );
}

function inside(keyword: string, value: unknown, place: string): unknown {
  if (VALUES.has(keyword)) return value;
  if (Array.isArray(value)) return value.map((one: unknown) => (isFields(one) ? embedded(one, place) : one));
  if (!isFields(value)) return value;
  return isMap(keyword) ? mapped(value, place) : embedded(value, place);
}

/** Keywords with schemas by names that are the author's. */
const isMap = (keyword: string): boolean =>
  ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"].includes(keyword);

function mapped(schemas: Schema, place: string): Schema {
  const entries = Object.entries(schemas).map(([name, one]) => [
    name,
    isFields(one) ? embedded(one, place) : one,
  ]);
  return Object.fromEntries(entries);
}

function moved(ref: unknown, place: string): unknown {
  if (typeof ref !== "string") return ref;
  return place + ref.slice(ref.indexOf("#") + 1);
}

/** `#/components/schemas/A` */
export const schemaPlace = (name: string): string => `#/components/schemas${step(name)}`;
