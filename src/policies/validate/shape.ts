/** What a parameter's schema says of its text: outside of JSON everything is text until its schema says otherwise. */
import { type Document, isFields, step } from "../../core/json-schema/documents.ts";

export interface Shape {
  /** `string`, `number`, `boolean`, `null`; empty where the schema does not say. */
  readonly scalars: ReadonlySet<string>;
  /** The items, where it may be a list. */
  readonly items: Shape | null;
  /** The fields, where it may be an object. */
  readonly fields: ReadonlyMap<string, Shape> | null;
}

const COMPOSED = ["allOf", "anyOf", "oneOf"] as const;
/** Parameters are flat: what lies deeper in their schemas is not written in text. */
const DEEPEST = 3;

/** Whatever the text says. */
export const TEXT: Shape = { scalars: new Set(), items: null, fields: null };

export function shapeOf(document: Document, schema: unknown, pointer: string, depth = 0): Shape {
  const scalars = new Set<string>();
  const fields = new Map<string, Shape>();
  let items: Shape | null = null;
  let isObject = false;
  const look = (part: unknown, at: string, composed: number): void => {
    if (!isFields(part) || composed > 20) return;
    for (const type of typesOf(part)) {
      if (type === "array") items ??= TEXT;
      else if (type === "object") isObject = true;
      else scalars.add(type === "integer" ? "number" : type);
    }
    if (part["$ref"] !== undefined) {
      const target = document.target(part["$ref"], at);
      look(document.at(target, at), target, composed + 1);
    }
    if (part["items"] !== undefined && depth < DEEPEST) {
      items = shapeOf(document, part["items"], at + step("items"), depth + 1);
    }
    if (isFields(part["properties"]) && depth < DEEPEST) {
      for (const [name, one] of Object.entries(part["properties"])) {
        fields.set(name, shapeOf(document, one, at + step("properties") + step(name), depth + 1));
      }
    }
    for (const keyword of COMPOSED) {
      const branches = part[keyword];
      if (!Array.isArray(branches)) continue;
      for (const [i, branch] of branches.entries()) look(branch, at + step(keyword) + step(i), composed + 1);
    }
  };
  look(schema, pointer, 0);
  return { scalars, items, fields: isObject || fields.size > 0 ? fields : null };
}

function typesOf(schema: Readonly<Record<string, unknown>>): string[] {
  const { type, enum: values, const: value } = schema;
  if (type !== undefined) return [type].flat().map(String);
  const known = Array.isArray(values) ? values : value === undefined ? [] : [value];
  return known.map((one: unknown) => (one === null ? "null" : Array.isArray(one) ? "array" : typeof one));
}

/** RFC 8259 §6: how a number is written, here as in a body. */
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** The value that a text stands for, if it stands for one of the schema's types; else the text, for the schema to refuse. */
export function coerce(text: string, { scalars }: Shape): string | number | boolean | null {
  if (scalars.has("number") && NUMBER.test(text)) return Number(text);
  if (scalars.has("boolean") && (text === "true" || text === "false")) return text === "true";
  if (scalars.has("null") && text === "null") return null;
  return text;
}
