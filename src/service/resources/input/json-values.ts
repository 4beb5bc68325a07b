/** Objects and arrays: kept as the text of their JSON, checked by a schema where the field has one. */
import { isDeepStrictEqual } from "node:util";
import { count } from "../../../core/found.ts";
import type { Validator } from "../../../core/json-schema/ajv.ts";
import { Document } from "../../../core/json-schema/documents.ts";
import { explain } from "../../../core/json-schema/explain.ts";
import { sentenceOf } from "../../../core/json-schema/issues.ts";
import { Schemas } from "../../../core/json-schema/schema.ts";
import type { FieldRules } from "../../../core/resource.ts";
import type { Check } from "./check.ts";
import { refuseOdd } from "./exact.ts";
import type { Issues } from "./issues.ts";
import { LONGEST_JSON } from "./limits.ts";

type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const TOO_LONG = `must not be longer than ${LONGEST_JSON} characters of JSON`;

export function jsonCheck(type: "object" | "array", rules: FieldRules): Check {
  const fitsType = type === "array" ? Array.isArray : isObject;
  const wrongType = sentenceOf("type", type);
  const validator = rules.schema === undefined ? null : validatorOf(rules.schema);
  return (value, issues) => {
    if (!fitsType(value)) {
      issues.say(wrongType);
      return undefined;
    }
    const before = issues.count;
    refuseOdd(value, issues);
    // A schema would say other things of the same places.
    if (issues.count > before) return undefined;
    if (Array.isArray(value)) checkLength(value, rules, issues);
    if (validator !== null) checkSchema(value, validator, issues);
    const text = JSON.stringify(value);
    if (text.length > LONGEST_JSON) issues.say(TOO_LONG);
    return issues.count === before ? text : undefined;
  };
}

function checkLength(items: readonly unknown[], { minLength, maxLength }: FieldRules, issues: Issues): void {
  if (minLength !== undefined && items.length < minLength) {
    issues.say(`must have at least ${count(minLength, "item")}`);
  }
  if (maxLength !== undefined && items.length > maxLength) {
    issues.say(`must have at most ${count(maxLength, "item")}`);
  }
}

function checkSchema(value: unknown, validator: Validator, issues: Issues): void {
  if (validator.accepts(value)) return;
  for (const { path, issue } of explain(value, validator.errors(value))) issues.say(issue, path);
}

/** A schema is the same object for all versions of a resource, and its validator costs milliseconds. */
const validators = new WeakMap<Json, Validator>();

function validatorOf(schema: Json): Validator {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  // What the schema says that is not checked, the config has been told of.
  const schemas = new Schemas({ unknownFields: "ignore", warn: () => undefined });
  const made = schemas.validator({ document: new Document("schema", schema), schema, pointer: "" });
  validators.set(schema, made);
  return made;
}

/** RFC 7396: null removes, objects are merged, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Map<string, unknown> = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

/** Whether two texts are the same JSON: databases order members as they like. */
export const sameJson = (a: string, b: string): boolean =>
  a === b || isDeepStrictEqual(JSON.parse(a), JSON.parse(b));
