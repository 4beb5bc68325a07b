/**
 * Schemas in a form in which two can be compared: references followed, `allOf` merged, and OpenAPI 3.0's words (`nullable`,
 * exclusive bounds that are true or false) written as those of 3.1.
 */
import type { Fields } from "../../../core/json-schema/documents.ts";
import { fields, list, type Source } from "./source.ts";

export interface Property {
  readonly schema: unknown;
  /** `Order.status`: the component that declares it, and its name. */
  readonly subject: string;
}

export interface Shape {
  /** Null for any. */
  readonly types: ReadonlySet<string> | null;
  /** Null for any. */
  readonly values: readonly unknown[] | null;
  /** Whether clients have been told to expect other values. */
  readonly open: boolean;
  readonly properties: ReadonlyMap<string, Property>;
  readonly required: ReadonlySet<string>;
  /** `anyOf` and `oneOf`, one of each branch. */
  readonly branches: readonly (readonly unknown[])[];
  /** Everything else that restricts, by keyword. */
  readonly rules: ReadonlyMap<string, unknown>;
  readonly default: unknown;
  readonly readOnly: boolean;
  readonly writeOnly: boolean;
}

/** A schema that is being put together. */
interface Draft {
  types: Set<string> | null;
  values: unknown[] | null;
  open: boolean;
  properties: Map<string, Property>;
  required: Set<string>;
  branches: (readonly unknown[])[];
  rules: Map<string, unknown>;
  default: unknown;
  readOnly: boolean;
  writeOnly: boolean;
}

/** Schemas within schemas for the same value; deeper is a circle. */
const DEEPEST = 50;
/** Says nothing about values, or is read elsewhere. */
const SILENT: ReadonlySet<string> = new Set([
  ...[
    "$ref",
    "$id",
    "$schema",
    "$defs",
    "$comment",
    "$anchor",
    "definitions",
    "title",
    "description",
    "examples",
  ],
  ...["example", "externalDocs", "xml", "discriminator", "deprecated", "type", "enum", "const", "nullable"],
  ...["properties", "required", "allOf", "anyOf", "oneOf", "default", "readOnly", "writeOnly"],
]);
/** Of two bounds the tighter counts. */
const LEAST: ReadonlySet<string> = new Set([
  "maximum",
  "exclusiveMaximum",
  "maxLength",
  "maxItems",
  "maxProperties",
]);
const MOST: ReadonlySet<string> = new Set([
  "minimum",
  "exclusiveMinimum",
  "minLength",
  "minItems",
  "minProperties",
]);

const emptyDraft = (): Draft => ({
  ...{ types: null, values: null, open: false, properties: new Map(), required: new Set(), branches: [] },
  ...{ rules: new Map(), default: undefined, readOnly: false, writeOnly: false },
});

/** `subject` names the schema where it is no component. */
export function shapeOf(schema: unknown, source: Source, subject: string): Shape {
  const draft = emptyDraft();
  merge(draft, schema, source, subject, 0);
  return draft;
}

/** What a union may be is what its branches may be. */
function unionTypes(branches: readonly unknown[], source: Source, depth: number): Set<string> | null {
  const types = new Set<string>();
  for (const branch of branches) {
    const draft = emptyDraft();
    merge(draft, branch, source, "", depth + 1);
    if (draft.types === null) return null;
    for (const type of draft.types) types.add(type);
  }
  return types;
}

function merge(draft: Draft, schema: unknown, source: Source, subject: string, depth: number): void {
  if (depth > DEEPEST) return;
  if (schema === false) draft.types = new Set();
  const own = fields(schema);
  const ref = own["$ref"];
  if (typeof ref === "string") {
    const { value, name } = source.target(ref);
    merge(draft, value, source, name, depth + 1);
  }
  mergeTypes(draft, own);
  mergeValues(draft, own);
  mergeProperties(draft, own, subject);
  for (const part of list(own["allOf"])) merge(draft, part, source, subject, depth + 1);
  for (const keyword of ["anyOf", "oneOf"]) mergeBranches(draft, list(own[keyword]), source, subject, depth);
  for (const [keyword, value] of Object.entries(bounds(own))) mergeRule(draft, keyword, value);
  if (own["default"] !== undefined) draft.default = own["default"];
  draft.readOnly ||= own["readOnly"] === true;
  draft.writeOnly ||= own["writeOnly"] === true;
}

function mergeTypes(draft: Draft, { type, nullable }: Fields): void {
  const types = typeof type === "string" ? [type] : list(type).filter((one) => typeof one === "string");
  if (types.length === 0) return;
  const own = new Set([...(types as string[]), ...(nullable === true ? ["null"] : [])]);
  const before = draft.types;
  draft.types = before === null ? own : new Set([...own].filter((one) => before.has(one)));
}

function mergeValues(draft: Draft, own: Fields): void {
  if (own["x-extensible-enum"] !== undefined) draft.open = true;
  const values = "const" in own ? [own["const"]] : own["enum"];
  const listed = Array.isArray(values) ? (values as unknown[]) : undefined;
  if (listed === undefined) return;
  const before = draft.values?.map((one) => JSON.stringify(one));
  draft.values = before === undefined ? listed : listed.filter((one) => before.includes(JSON.stringify(one)));
}

function mergeProperties(draft: Draft, own: Fields, subject: string): void {
  for (const [name, schema] of Object.entries(fields(own["properties"]))) {
    const before = draft.properties.get(name);
    draft.properties.set(name, {
      schema: before === undefined ? schema : { allOf: [before.schema, schema] },
      subject: before?.subject ?? (subject === "" ? name : `${subject}.${name}`),
    });
  }
  for (const name of list(own["required"])) if (typeof name === "string") draft.required.add(name);
}

/** Of something or null is that something, or null. */
function mergeBranches(
  draft: Draft,
  branches: readonly unknown[],
  source: Source,
  subject: string,
  depth: number,
): void {
  if (branches.length === 0) return;
  const others = branches.filter((one) => fields(one)["type"] !== "null");
  const [only] = others;
  if (others.length < branches.length && others.length === 1) {
    merge(draft, only, source, subject, depth + 1);
    if (draft.types !== null) draft.types = new Set([...draft.types, "null"]);
    return;
  }
  draft.branches.push(branches);
  draft.types ??= unionTypes(branches, source, depth);
}

/** What restricts values, with 3.0's exclusive bounds as 3.1 writes them. */
function bounds(own: Fields): Fields {
  const rules: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(own)) {
    if (SILENT.has(keyword)) continue;
    rules[keyword] = value;
  }
  for (const [exclusive, plain] of [
    ["exclusiveMinimum", "minimum"],
    ["exclusiveMaximum", "maximum"],
  ] as const) {
    if (typeof rules[exclusive] !== "boolean") continue;
    const isExclusive = rules[exclusive];
    delete rules[exclusive];
    if (!isExclusive) continue;
    rules[exclusive] = rules[plain];
    delete rules[plain];
  }
  return rules;
}

function mergeRule(draft: Draft, keyword: string, value: unknown): void {
  const before = draft.rules.get(keyword);
  if (typeof before === "number" && typeof value === "number") {
    if (LEAST.has(keyword)) draft.rules.set(keyword, Math.min(before, value));
    else if (MOST.has(keyword)) draft.rules.set(keyword, Math.max(before, value));
    return;
  }
  const both = before !== undefined && JSON.stringify(before) !== JSON.stringify(value);
  draft.rules.set(keyword, both ? { allOf: [before, value] } : value);
}
