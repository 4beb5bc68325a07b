import { hasFormat, readDate, readDatetime } from "../../core/field-formats.ts";
import { anyOf, found } from "../../core/found.ts";
import { Document } from "../../core/json-schema/documents.ts";
import { explain } from "../../core/json-schema/explain.ts";
import { compilePattern } from "../../core/json-schema/pattern.ts";
import { Schemas } from "../../core/json-schema/schema.ts";
import type { FieldRules, FieldType, FieldValue } from "../../core/resource.ts";

/** Values of fields that a config holds (defaults, what actions set and want), held to the field's own rules. */

export interface Valued {
  readonly type: FieldType;
  readonly rules: FieldRules;
  readonly nullable: boolean;
}

export type ReadValue = { readonly value: FieldValue } | { readonly problem: string };

/** From a value of the config to one of a row. */
export function readValue(field: Valued, value: unknown): ReadValue {
  if (value === null || value === undefined)
    return field.nullable ? { value: null } : { problem: "is null, and the field cannot be" };
  const read = READERS[field.type](value);
  if (read === null) return { problem: `expected ${NOUNS[field.type]}, ${found(value)}` };
  const problem = isJson(field.type) ? refuseJson(field.rules, value) : refuse(field.rules, read);
  return problem === undefined ? { value: read } : { problem };
}

const isJson = (type: FieldType): boolean => type === "object" || type === "array";

export const NOUNS: Readonly<Record<FieldType, string>> = {
  string: "text",
  uuid: "a UUID",
  integer: "a whole number",
  bigint: "a whole number of 64 bits, in quotes",
  number: "a number",
  decimal: 'a decimal number in quotes, such as "12.50"',
  boolean: "true or false",
  datetime: 'a time such as "2026-11-22T15:30:00Z", or now',
  date: 'a date such as "2026-11-22", or now',
  object: "an object",
  array: "a list",
};

const textual = (value: unknown): string | null =>
  typeof value === "string" && !value.includes("\0") && value.isWellFormed() ? value : null;

const READERS: Readonly<Record<FieldType, (value: unknown) => FieldValue>> = {
  string: textual,
  uuid: (value) => (typeof value === "string" && hasFormat("uuid", value) ? value.toLowerCase() : null),
  integer: (value) => (Number.isSafeInteger(value) ? (value as number) : null),
  bigint: (value) => readBigint(typeof value === "number" ? String(value) : value),
  number: (value) => (Number.isFinite(value) ? (value as number) : null),
  decimal: (value) =>
    typeof value === "string" && /^-?\d{1,100}(?:\.\d{1,100})?$/.test(value) ? value : null,
  boolean: (value) => (typeof value === "boolean" ? value : null),
  datetime: (value) => (typeof value === "string" ? readDatetime(value) : null),
  date: (value) => (typeof value === "string" ? readDate(value) : null),
  object: (value) => (typeof value === "object" && !Array.isArray(value) ? json(value) : null),
  array: (value) => (Array.isArray(value) ? json(value) : null),
};

function readBigint(value: unknown): string | null {
  if (typeof value !== "string" || !/^-?\d{1,19}$/.test(value)) return null;
  const number = BigInt(value);
  return BigInt.asIntN(64, number) === number ? String(number) : null;
}

/** Only a TypeScript config can hold what JSON cannot say. */
function json(value: unknown): string | null {
  try {
    return JSON.stringify(value);
  } catch {
    return null;
  }
}

function refuse(rules: FieldRules, value: FieldValue): string | undefined {
  const { enum: words, format, pattern } = rules;
  if (words !== undefined && !words.includes(value as string | number))
    return `expected ${anyOf(words.map(String))}, ${found(value)}`;
  const bounds = typeof value === "number" ? refuseNumber(rules, value) : refuseText(rules, value);
  if (bounds !== undefined) return bounds;
  if (format !== undefined && !hasFormat(format, String(value)))
    return `does not have the format ${format}, ${found(value)}`;
  if (pattern !== undefined && !compilePattern(whole(pattern)).test(String(value)))
    return `does not match the pattern, ${found(value)}`;
  return undefined;
}

function refuseNumber({ minimum, maximum }: FieldRules, value: number): string | undefined {
  if (minimum !== undefined && value < minimum) return `must be at least ${minimum}, ${found(value)}`;
  if (maximum !== undefined && value > maximum) return `must be at most ${maximum}, ${found(value)}`;
  return undefined;
}

function refuseText({ minLength, maxLength, ...numeric }: FieldRules, value: FieldValue): string | undefined {
  if (typeof value !== "string") return undefined;
  const length = [...value].length;
  if (minLength !== undefined && length < minLength)
    return `must have at least ${minLength} characters, ${found(value)}`;
  if (maxLength !== undefined && length > maxLength)
    return `must have at most ${maxLength} characters, ${found(value)}`;
  // Decimals and bigints are texts; near a bound of such size a double is as good.
  return refuseNumber(numeric, Number(value));
}

function refuseJson({ minLength, maxLength, schema }: FieldRules, value: unknown): string | undefined {
  if (Array.isArray(value)) {
    if (minLength !== undefined && value.length < minLength) return `must have at least ${minLength} entries`;
    if (maxLength !== undefined && value.length > maxLength) return `must have at most ${maxLength} entries`;
  }
  if (schema === undefined) return undefined;
  const validator = schemaValidator(schema);
  if (validator.accepts(value)) return undefined;
  const [first] = explain(value, validator.errors(value));
  const place = first === undefined || first.path.length === 0 ? "" : `${first.path.join(".")} `;
  return `does not match the schema: ${place}${first?.issue ?? "is not valid"}`;
}

/** A pattern is about the whole text. */
export const whole = (pattern: string): string => `^(?:${pattern})$`;

/** @throws Error with a sentence for the config's author. */
export const schemaValidator = (schema: unknown) =>
  new Schemas({ unknownFields: "ignore", warn: () => {} }).validator({
    document: new Document("the schema", schema),
    schema,
    pointer: "",
  });
