/** Values to show: each is one that its field takes, or there is none. */
import { isFields } from "../../core/json-schema/documents.ts";
import type { FieldFormat, FieldRules, FieldType, Reference, Resource } from "../../core/resource.ts";
import { checkOf } from "../resources/input/field-checks.ts";
import { Issues } from "../resources/input/issues.ts";
import { textsOf } from "./pattern-example.ts";
import type { Described, Schema } from "./types.ts";

export interface Exemplary {
  readonly type: FieldType;
  readonly rules: FieldRules;
  readonly default?: unknown;
  readonly reference?: Reference | null;
}

/** By the names of resources: what a reference shows is an id of what it refers to. */
type Targets = ReadonlyMap<string, Described>;

/** Undefined where none was found that fits. `name` is what a text may be about. */
export function exampleOf(name: string, field: Exemplary, targets: Targets): unknown {
  const target = targets.get(field.reference?.resource ?? "");
  if (target !== undefined) return idExample(target.resource);
  const check = checkOf(field);
  const fits = (value: unknown): boolean => check(value, new Issues()) !== undefined;
  for (const candidate of candidates(name, field)) if (fits(candidate)) return candidate;
  return undefined;
}

export function idExample({ id, idRule, singular }: Resource): unknown {
  if (idRule.kind === "prefix") return `${idRule.prefix}_01jd3q8m5t7v9x2b4d6f8h0k2m`;
  if (idRule.kind === "counted") return id.type === "bigint" ? "1024" : 1024;
  return exampleOf(singular.replaceAll("_", "-"), { type: id.type, rules: id.rules }, new Map());
}

function* candidates(name: string, { type, rules, default: standard }: Exemplary): Generator<unknown> {
  const given = defaultOf(type, standard);
  if (given !== undefined) yield given;
  yield* rules.enum ?? [];
  const { minimum, maximum } = rules;
  switch (type) {
    case "integer":
    case "number":
      yield* [minimum === undefined || minimum < 1 ? 1 : minimum, minimum, maximum, 0, -1];
      return;
    case "bigint":
      yield* ["9007199254740993", String(Math.ceil(minimum ?? maximum ?? 1))];
      return;
    case "decimal":
      yield* ["12.50", String(minimum ?? maximum ?? 1)];
      return;
    case "string":
      yield* texts(name, rules);
      return;
    case "object":
    case "array":
      yield* values(rules.schema ?? {}, type);
      return;
    default:
      yield EXAMPLES[type];
  }
}

/** A default that stands in a row as the text of its JSON. */
function defaultOf(type: FieldType, standard: unknown): unknown {
  if (!isFields(standard)) return undefined;
  const { value } = standard;
  const isText = (type === "object" || type === "array") && typeof value === "string";
  return isText ? JSON.parse(value) : (value ?? undefined);
}

const EXAMPLES: Readonly<Record<"uuid" | "boolean" | "datetime" | "date", unknown>> = {
  uuid: "019356c7-3a1e-7c2b-9d4f-5e6a7b8c9d0e",
  boolean: true,
  datetime: "2026-11-22T15:30:18.123Z",
  date: "2026-11-22",
};

const FORMATTED: Readonly<Record<FieldFormat, string>> = {
  email: "ada@example.com",
  uri: "https://example.com/",
  uuid: "019356c7-3a1e-7c2b-9d4f-5e6a7b8c9d0e",
  hostname: "example.com",
  ipv4: "192.0.2.7",
  ipv6: "2001:db8::7",
  phone: "+441632960961",
  currency: "EUR",
  country: "DE",
};

/** Words that are repeated where a text has to be long. */
const LONGEST = 10_000;

function* texts(
  name: string,
  { format, pattern, minLength = 0, maxLength = LONGEST }: FieldRules,
): Generator<string> {
  if (format !== undefined) yield FORMATTED[format];
  if (pattern !== undefined) {
    yield* textsOf(`^(?:${pattern})$`);
    return;
  }
  const words = name.replaceAll("_", " ");
  const text = words.slice(0, 1).toUpperCase() + words.slice(1);
  const length = Math.min(Math.max(minLength, text.length), maxLength, LONGEST);
  yield text.padEnd(length, ` ${words}`).slice(0, length).trim().padEnd(Math.min(minLength, LONGEST), ".");
}

function* values(schema: Schema, type: "object" | "array"): Generator<unknown> {
  const { default: standard, examples, const: only, enum: all } = schema;
  if (standard !== undefined) yield standard;
  for (const list of [examples, all]) if (Array.isArray(list)) yield* list as unknown[];
  if (only !== undefined) yield only;
  yield made({ type, ...schema }, schema, 0);
  yield type === "array" ? [] : {};
}

/** References lead in circles. */
const DEEPEST = 8;

/** Something of the shape that a schema describes; nobody promises that it fits. */
function made(schema: unknown, root: Schema, depth: number): unknown {
  if (!isFields(schema) || depth > DEEPEST) return null;
  const { $ref, const: only, enum: all, examples, default: standard } = schema;
  if (typeof $ref === "string") return made(at(root, $ref), root, depth + 1);
  const listed = [examples, all].find((list) => Array.isArray(list) && list.length > 0) as
    | unknown[]
    | undefined;
  const given = only ?? standard ?? listed?.[0];
  return given === undefined ? byType(schema, root, depth) : given;
}

function byType(schema: Schema, root: Schema, depth: number): unknown {
  const type: unknown = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  if (type === "array" || "items" in schema) {
    const count = typeof schema["minItems"] === "number" ? schema["minItems"] : 1;
    return "items" in schema
      ? Array.from({ length: Math.min(count, DEEPEST) }, () => made(schema["items"], root, depth + 1))
      : [];
  }
  if (type === "object" || "properties" in schema) return objectOf(schema, root, depth);
  const rules = schema as FieldRules;
  if (type === "string" || type === "integer" || type === "number" || type === "boolean")
    return exampleOf("text", { type, rules: ruled(rules) }, new Map()) ?? null;
  return null;
}

/** A pattern of JSON Schema is about any part of a text; one of a field is about all of it. */
function ruled({ pattern, format, ...others }: FieldRules): FieldRules {
  const known = format !== undefined && Object.hasOwn(FORMATTED, format) ? { format } : {};
  const own = pattern?.replace(/^\^/, "").replace(/\$$/, "");
  return { ...others, ...known, ...(own === undefined ? {} : { pattern: own }) };
}

function objectOf(schema: Schema, root: Schema, depth: number): unknown {
  const properties = isFields(schema["properties"]) ? schema["properties"] : {};
  const entries = Object.entries(properties).map(([name, one]) => [name, made(one, root, depth + 1)]);
  return Object.fromEntries(entries);
}

function at(root: Schema, ref: string): unknown {
  let value: unknown = root;
  for (const name of ref
    .slice(ref.indexOf("#") + 1)
    .split("/")
    .slice(1)) {
    value = isFields(value)
      ? value[decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~")]
      : undefined;
  }
  return value;
}
