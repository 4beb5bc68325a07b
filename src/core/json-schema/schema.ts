/**
 * Schemas, made ready for the validator: the same rules, in the form in which they hold for requests.
 *
 * A schema that is referred to becomes a definition with a name of its own; so schemas may stand anywhere in a
 * document, and only those that are used cost anything.
 */
import type { AnySchemaObject } from "ajv";
import { Compiler, knownFormats, schemaMistake, type Validator } from "./ajv.ts";
import { type Document, type Fields, isFields, step } from "./documents.ts";
import { compilePattern } from "./pattern.ts";

export type Schema = AnySchemaObject | boolean;

/** Where each keyword has schemas: about a part of the value, or about the value itself. */
const PART_MAPS: ReadonlySet<string> = new Set(["properties", "patternProperties"]);
const PART_LISTS: ReadonlySet<string> = new Set(["prefixItems"]);
const PARTS: ReadonlySet<string> = new Set([
  "items",
  "additionalProperties",
  "unevaluatedItems",
  "unevaluatedProperties",
]);
const SELF_MAPS: ReadonlySet<string> = new Set(["dependentSchemas"]);
const SELF_LISTS: ReadonlySet<string> = new Set(["allOf", "anyOf", "oneOf"]);
const SELF: ReadonlySet<string> = new Set(["contains", "if", "then", "else", "not", "propertyNames"]);
const CONDITIONAL = ["if", "then", "else"] as const;
/** Schemas within schemas for the same value; deeper is a circle. */
const DEEPEST = 20;
/** Of no consequence, or made into definitions where they are used. */
const DROPPED: ReadonlySet<string> = new Set(["$id", "$schema", "$defs", "definitions", "$anchor"]);
const UNSUPPORTED: ReadonlySet<string> = new Set([
  "$dynamicRef",
  "$dynamicAnchor",
  "$recursiveRef",
  "$recursiveAnchor",
]);

export interface SchemaRules {
  /** Whether an object may have fields that its schema does not name (ERR-6). */
  readonly unknownFields: "ignore" | "reject";
  /** Told of what is not checked. */
  readonly warn: (message: string) => void;
}

/** A schema where it stands. */
export interface Placed {
  readonly document: Document;
  readonly schema: unknown;
  /** JSON Pointer. */
  readonly pointer: string;
}

export class Schemas {
  readonly #compiler = new Compiler();
  /** Definitions that are not compiled yet, and where they stand. */
  readonly #fresh: { readonly name: string; readonly document: Document; readonly pointer: string }[] = [];
  readonly #formats = knownFormats();
  readonly #rules: SchemaRules;
  readonly #names = new Map<Document, Map<string, string>>();
  readonly #warned = new Set<string>();
  #count = 0;

  constructor(rules: SchemaRules) {
    this.#rules = rules;
  }

  /** @throws Error with the place of what cannot be used. */
  validator(placed: Placed): Validator {
    return this.#compile(this.#checked(placed), placed.document, placed.pointer);
  }

  /** As `validator`, for an object whose fields are the parameters of a request: others are not its business. */
  parametersValidator({ document, schema, pointer }: Placed): Validator {
    const prepared = wellFormed(this.#schema(document, schema, pointer), document, pointer);
    return this.#compile(prepared, document, pointer);
  }

  /** As `parametersValidator`, of parameters that are declared one by one. */
  parameterListValidator(
    parts: ReadonlyMap<string, Placed>,
    required: readonly string[],
    { document, pointer }: Placed,
  ): Validator {
    const properties = Object.fromEntries([...parts].map(([name, part]) => [name, this.#checked(part)]));
    return this.#compile({ type: "object", properties, required }, document, pointer);
  }

  #checked({ document, schema, pointer }: Placed): Schema {
    return wellFormed(this.#part(document, schema, pointer), document, pointer);
  }

  #compile(schema: Schema, document: Document, pointer: string): Validator {
    // What a definition refers to stands before it, unless they refer to each other.
    for (const one of this.#fresh.splice(0)) {
      located(one.document, one.pointer, () => this.#compiler.compileDefinition(one.name));
    }
    return located(document, pointer, () => this.#compiler.compile(schema));
  }

  /** A schema for a whole value, or for a part of one: it says which fields there are. */
  #part(document: Document, schema: unknown, pointer: string): Schema {
    const prepared = this.#schema(document, schema, pointer);
    if (typeof prepared === "boolean") return prepared;
    const reject = this.#rules.unknownFields === "reject" && !("additionalProperties" in prepared);
    if (!reject && !("unevaluatedProperties" in prepared)) return prepared;
    const declaredFields = [...fieldsNamed(document, schema, pointer)];
    if (declaredFields.length === 0) return prepared;
    return { unevaluatedProperties: false, ...prepared, declaredFields };
  }

  #schema(document: Document, schema: unknown, pointer: string): Schema {
    if (typeof schema === "boolean") return schema;
    if (!isFields(schema)) throw document.error(pointer, "expected a schema");
    const prepared: Record<string, unknown> = {};
    for (const [keyword, value] of Object.entries(schema)) {
      if (keyword.startsWith("x-") || DROPPED.has(keyword)) continue;
      const at = pointer + step(keyword);
      if (UNSUPPORTED.has(keyword)) throw document.error(at, "is not supported");
      prepared[keyword] = this.#keyword(document, schema, keyword, value, at);
      if (prepared[keyword] === undefined) delete prepared[keyword];
    }
    return prepared;
  }

  #keyword(document: Document, schema: Fields, keyword: string, value: unknown, at: string): unknown {
    if (PART_MAPS.has(keyword) || SELF_MAPS.has(keyword)) return this.#map(document, keyword, value, at);
    if (PART_LISTS.has(keyword) || SELF_LISTS.has(keyword)) return this.#list(document, keyword, value, at);
    if (keyword === "contains" && "unevaluatedItems" in schema) {
      throw document.error(at, "is not supported beside unevaluatedItems");
    }
    if (PARTS.has(keyword)) return this.#part(document, value, at);
    if (SELF.has(keyword)) return this.#schema(document, value, at);
    switch (keyword) {
      case "$ref":
        return this.#definition(document, value, at);
      case "required":
        return Array.isArray(value) ? value.filter((name) => !isReadOnly(document, schema, name, at)) : value;
      case "pattern":
        this.#checkPattern(document, value, at);
        return value;
      case "format":
        return this.#format(document, value, at);
      case "discriminator":
        return discriminator(schema, value);
      default:
        return value;
    }
  }

  #map(document: Document, keyword: string, value: unknown, at: string): unknown {
    if (!isFields(value)) throw document.error(at, "expected an object of schemas");
    const entries = Object.entries(value).map(([name, one]) => {
      const place = at + step(name);
      if (keyword === "patternProperties") this.#checkPattern(document, name, place);
      const part = PART_MAPS.has(keyword);
      return [name, part ? this.#part(document, one, place) : this.#schema(document, one, place)];
    });
    // A field may be called __proto__ in a schema too: it is only never in a request.
    return Object.fromEntries(entries);
  }

  #list(document: Document, keyword: string, value: unknown, at: string): unknown {
    if (!Array.isArray(value)) throw document.error(at, "expected a list of schemas");
    const part = PART_LISTS.has(keyword);
    return value.map((one: unknown, index) => {
      const place = at + step(index);
      return part ? this.#part(document, one, place) : this.#schema(document, one, place);
    });
  }

  /** The name of the definition that a `$ref` leads to. */
  #definition(document: Document, ref: unknown, at: string): string {
    const pointer = document.target(ref, at);
    const names = this.#names.get(document) ?? new Map<string, string>();
    this.#names.set(document, names);
    const known = names.get(pointer);
    if (known !== undefined) return known;
    const target = document.at(pointer, at);
    const name = `d${this.#count++}`;
    // It may refer to itself: its name is taken before it is made.
    names.set(pointer, name);
    this.#compiler.define(name, wellFormed(this.#schema(document, target, pointer), document, pointer));
    this.#fresh.push({ name, document, pointer });
    return name;
  }

  #checkPattern(document: Document, value: unknown, at: string): void {
    if (typeof value !== "string") throw document.error(at, "expected a text");
    try {
      compilePattern(value);
    } catch (error) {
      throw document.error(at, `the pattern ${JSON.stringify(value)} ${(error as Error).message}`);
    }
  }

  #format(document: Document, value: unknown, at: string): unknown {
    if (typeof value === "string" && this.#formats.has(value)) return value;
    const message = `the format ${JSON.stringify(value)} is not known and not checked`;
    if (!this.#warned.has(message)) this.#rules.warn(document.error(at, message).message);
    this.#warned.add(message);
    return undefined;
  }
}

/** What is prepared has the shape of what was written: what is wrong in one is wrong at the same place of the other. */
function wellFormed(schema: Schema, document: Document, pointer: string): Schema {
  const mistake = schemaMistake(schema);
  if (mistake !== null) throw document.error(pointer + mistake.pointer, mistake.message);
  return schema;
}

/** What goes wrong in it went wrong there. */
function located<T>(document: Document, pointer: string, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    throw document.error(pointer, (error as Error).message);
  }
}

/** The fields that a schema names, itself or by what it is composed of; patterns for names as they are written. */
function fieldsNamed(document: Document, schema: unknown, pointer: string, depth = 0): Set<string> {
  const names = new Set<string>();
  if (!isFields(schema) || depth > DEEPEST) return names;
  for (const keyword of PART_MAPS) for (const name of Object.keys(schema[keyword] ?? {})) names.add(name);
  const inside = (value: unknown, place: string) => {
    for (const name of fieldsNamed(document, value, place, depth + 1)) names.add(name);
  };
  if (schema["$ref"] !== undefined) {
    const target = document.target(schema["$ref"], pointer);
    inside(document.at(target, pointer), target);
  }
  for (const keyword of SELF_LISTS) {
    const branches = schema[keyword];
    if (!Array.isArray(branches)) continue;
    for (const [i, branch] of branches.entries()) inside(branch, pointer + step(keyword) + step(i));
  }
  for (const keyword of CONDITIONAL) inside(schema[keyword], pointer + step(keyword));
  return names;
}

/** OpenAPI 3.1 §4.8.24: a field that is read-only is required of answers, not of requests. */
function isReadOnly(document: Document, schema: Fields, name: unknown, at: string): boolean {
  const properties = schema["properties"];
  if (!isFields(properties) || typeof name !== "string" || !Object.hasOwn(properties, name)) return false;
  const own = properties[name];
  const { value } = document.follow(own, at);
  return [own, value].some((one) => isFields(one) && one["readOnly"] === true);
}

/** What tells the branches of a union apart: the values of one field, branch by branch. */
export interface Discriminator {
  readonly propertyName: string;
  /** By index of the branch. */
  readonly values: readonly (readonly string[])[];
}

/** OpenAPI 3.1 §4.8.25. A hint: it never decides what is valid, but which branch was meant. */
function discriminator(schema: Fields, value: unknown): Discriminator | undefined {
  const branches = schema["oneOf"] ?? schema["anyOf"];
  if (!isFields(value) || typeof value["propertyName"] !== "string" || !Array.isArray(branches))
    return undefined;
  const mapping = Object.entries(isFields(value["mapping"]) ? value["mapping"] : {});
  const values = branches.map((branch: unknown) => {
    const ref = isFields(branch) && typeof branch["$ref"] === "string" ? branch["$ref"] : "";
    const name = ref.slice(ref.lastIndexOf("/") + 1);
    const mapped = mapping.filter(([, target]) => target === ref || target === name).map(([tag]) => tag);
    return mapped.length > 0 || name === "" ? mapped : [name];
  });
  return { propertyName: value["propertyName"], values };
}
