/** One short sentence for every way to be wrong. Written from the schema alone: never from what was sent. */
import type { AnySchemaObject, ErrorObject } from "ajv";
import { anyOf, count } from "../found.ts";

const LONGEST = 200;
const MOST_WORDS = 12;

export const REQUIRED = "is required";
export const UNKNOWN_FIELD = "is not a known field";

const TYPES: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  integer: "an integer",
  boolean: "true or false",
  array: "an array",
  object: "an object",
  null: "null",
};

const FORMATS: Readonly<Record<string, string>> = {
  date: 'a date such as "2026-11-22"',
  "date-time": 'a date and time such as "2026-11-22T12:00:00Z"',
  time: 'a time such as "12:00:00Z"',
  duration: 'a duration such as "P1DT12H"',
  email: "an email address",
  hostname: "a host name",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  uri: "a URI",
  "uri-reference": "a URI or a relative reference",
  uuid: "a UUID",
  byte: "base64",
  int32: "an integer of 32 bits",
  int64: "an integer of 64 bits",
  regex: "a regular expression",
  "json-pointer": "a JSON Pointer",
};

type Writer = (value: never, params: Readonly<Record<string, unknown>>, schema: AnySchemaObject) => string;

/** By keyword, from its value in the schema. */
const WRITERS: Readonly<Record<string, Writer>> = {
  type: (types: string | readonly string[]) => `must be ${typeWords([types].flat())}`,
  enum: (values: readonly unknown[]) => mustBeOneOf(values),
  const: (value: unknown) => mustBeOneOf([value]),
  minimum: (limit: number) => `must be at least ${limit}`,
  maximum: (limit: number) => `must be at most ${limit}`,
  exclusiveMinimum: (limit: number) => `must be more than ${limit}`,
  exclusiveMaximum: (limit: number) => `must be less than ${limit}`,
  multipleOf: (factor: number) => `must be a multiple of ${factor}`,
  minLength: (limit: number) => `must have at least ${count(limit, "character")}`,
  maxLength: (limit: number) => `must have at most ${count(limit, "character")}`,
  pattern: (pattern: string) => `must match the pattern ${pattern}`,
  format: (format: string) => `must be ${FORMATS[format] ?? `of the format ${format}`}`,
  minItems: (limit: number) => `must have at least ${count(limit, "item")}`,
  maxItems: (limit: number) => `must have at most ${count(limit, "item")}`,
  items: (_, { limit }) => `must have at most ${count(Number(limit), "item")}`,
  unevaluatedItems: (_, { len }) => `must have at most ${count(Number(len), "item")}`,
  uniqueItems: () => "must not have the same item twice",
  contains: (_, __, { minContains = 1, maxContains }) => contains(minContains, maxContains),
  minProperties: (limit: number) => `must have at least ${count(limit, "field")}`,
  maxProperties: (limit: number) => `must have at most ${count(limit, "field")}`,
  not: () => "has a value that is not allowed here",
  "false schema": () => "is not allowed here",
};

export function issueOf({ keyword, schema, params, parentSchema = {} }: ErrorObject): string {
  const write = WRITERS[keyword];
  return cut(
    write === undefined
      ? "is not valid"
      : write(schema as never, params as Record<string, unknown>, parentSchema),
  );
}

/** What `issueOf` says of a keyword with that value, to whoever checks it himself. */
export function sentenceOf(keyword: string, value: unknown): string {
  return issueOf({ keyword, schema: value, params: {} } as ErrorObject);
}

export const typeWords = (types: readonly string[]): string =>
  anyOf([...new Set(types)].map((type) => TYPES[type] ?? type));

export function mustBeOneOf(values: readonly unknown[]): string {
  const words = [...new Set(values.map((value) => JSON.stringify(value)))];
  const shown = words.length > MOST_WORDS ? [...words.slice(0, MOST_WORDS - 1), "…"] : words;
  return cut(words.length === 1 ? `must be ${words[0]}` : `must be one of ${shown.join(", ")}`);
}

function contains(least: number, most: number | undefined): string {
  const atLeast = `must have at least ${count(least, "item")} of the kind that is asked for`;
  return most === undefined ? atLeast : `${atLeast}, and at most ${most}`;
}

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);
