/** The parameters of one part of a request: from texts to values, by their schemas (ERR-8), and what is wrong with them. */
import type { ErrorDetail } from "../../core/errors.ts";
import { fieldText, type Location } from "../../core/field-path.ts";
import { JsonError, readJson } from "../../core/json.ts";
import type { Validator } from "../../core/json-schema/ajv.ts";
import { explain, type Finding } from "../../core/json-schema/explain.ts";
import { coerce, type Shape, TEXT } from "./shape.ts";
import type { Texts } from "./texts.ts";

/** How a value of more than one part is written (OpenAPI 3.1 §4.8.12.3). */
export type Style =
  /** A list as repeated names, or between separators where it does not explode. */
  | { readonly kind: "list"; readonly separator: string | RegExp | null }
  /** `name[field]=value` */
  | { readonly kind: "deep" }
  /** An object whose fields are parameters of their own. */
  | { readonly kind: "spread" }
  /** JSON in text. */
  | { readonly kind: "json" };

export interface Parameter {
  readonly name: string;
  readonly style: Style;
  readonly shape: Shape;
}

export interface ParameterRules {
  /** Undefined for the fields of a form in the body. */
  readonly location: Location | undefined;
  readonly parameters: readonly Parameter[];
  /** What is not among them: looked at with the rest, refused, or left alone. */
  readonly others: "include" | "reject" | "ignore";
  /** Of an object with all parameters as its fields. */
  readonly validator: Validator;
}

const NOT_ENCODED = "is not percent-encoded UTF-8";
const REPEATED = "must be given once";
const NOT_JSON = "is not JSON";
const UNKNOWN_PARAMETER = "is not a known parameter";

export class Parameters {
  readonly #rules: ParameterRules;
  readonly #names: ReadonlySet<string>;
  readonly #deep: readonly string[];
  readonly #ambiguous: boolean;

  constructor(rules: ParameterRules) {
    this.#rules = rules;
    this.#names = new Set(rules.parameters.flatMap(ownNames));
    this.#deep = rules.parameters.filter(({ style }) => style.kind === "deep").map(({ name }) => `${name}[`);
    this.#ambiguous = rules.parameters.some(({ shape }) => isAmbiguous(shape));
  }

  /** Everything that is wrong with them; nothing for nearly every request. */
  check(texts: Texts): readonly ErrorDetail[] {
    const { validator, location } = this.#rules;
    const reading = new Reading(texts, coerce);
    const value = this.#read(reading);
    let findings: readonly Finding[] = reading.findings;
    if (!validator.accepts(value) && !(this.#ambiguous && this.#acceptsText(texts))) {
      const broken = new Set(findings.map(({ path }) => path[0]));
      const others = explain(value, validator.errors(value)).filter(({ path }) => !broken.has(path[0]));
      findings = [...findings, ...others];
    }
    if (findings.length === 0) return NOTHING;
    return [...findings]
      .sort((a, b) => this.#order(a) - this.#order(b))
      .map(({ path, issue }) => ({ field: fieldText(path, location), issue }));
  }

  /** As declared; what nobody declared comes last. */
  #order({ path }: Finding): number {
    const index = this.#rules.parameters.findIndex(({ name }) => name === path[0]);
    return index < 0 ? this.#rules.parameters.length : index;
  }

  /** `2026` may be meant as text where a schema has both. */
  #acceptsText(texts: Texts): boolean {
    const asText = (text: string, shape: Shape) => (isAmbiguous(shape) ? text : coerce(text, shape));
    return this.#rules.validator.accepts(this.#read(new Reading(texts, asText)));
  }

  #read(reading: Reading): Record<string, unknown> {
    // Without a prototype, so that a parameter may have any name (HTTP-38).
    const value: Record<string, unknown> = Object.create(null);
    for (const parameter of this.#rules.parameters) {
      const read = reading.parameter(parameter);
      if (read !== undefined) value[parameter.name] = read;
    }
    if (this.#rules.others !== "ignore") this.#readOthers(reading, value);
    return value;
  }

  #readOthers(reading: Reading, value: Record<string, unknown>): void {
    for (const name of reading.texts.names()) {
      if (this.#names.has(name) || this.#deep.some((prefix) => name.startsWith(prefix))) continue;
      if (this.#rules.others === "reject") reading.findings.push({ path: [name], issue: UNKNOWN_PARAMETER });
      else value[name] = reading.other(name);
    }
  }
}

const NOTHING: readonly ErrorDetail[] = [];

function ownNames({ name, style, shape }: Parameter): string[] {
  return style.kind === "spread" ? [...(shape.fields?.keys() ?? [])] : [name];
}

function isAmbiguous({ scalars, items }: Shape): boolean {
  return (scalars.has("string") && scalars.size > 1) || (items !== null && isAmbiguous(items));
}

/** One reading of one request's texts. */
class Reading {
  readonly texts: Texts;
  readonly findings: Finding[] = [];
  readonly #coerce: (text: string, shape: Shape) => unknown;

  constructor(texts: Texts, coerceText: (text: string, shape: Shape) => unknown) {
    this.texts = texts;
    this.#coerce = coerceText;
  }

  /** Undefined where it is not there, or not readable. */
  parameter({ name, style, shape }: Parameter): unknown {
    switch (style.kind) {
      case "deep":
        return this.#deep(name, shape);
      case "spread":
        return this.#spread(name, shape);
      case "json":
        return this.#json(name);
      case "list":
        return this.#named(name, [name], shape, style.separator);
    }
  }

  /** One that nobody declared: a text, or the list of them. */
  other(name: string): unknown {
    const texts = this.texts.of(name).map((text) => this.texts.decode(text) ?? text);
    return texts.length === 1 ? texts[0] : texts;
  }

  #named(key: string, path: readonly string[], shape: Shape, separator: string | RegExp | null): unknown {
    const raw = this.texts.of(key);
    if (raw.length === 0) return undefined;
    const { items } = shape;
    const pieces =
      separator === null ? raw : raw.flatMap((text) => (text === "" ? [] : text.split(separator)));
    if (items !== null && (raw.length > 1 || pieces.length > 1 || shape.scalars.size === 0)) {
      const values = pieces.map((text) => this.#scalar(text, path, items));
      return values.includes(undefined) ? undefined : values;
    }
    if (raw.length > 1) return this.#broken(path, REPEATED);
    return this.#scalar(raw[0] as string, path, shape);
  }

  #scalar(raw: string, path: readonly string[], shape: Shape): unknown {
    const text = this.texts.decode(raw);
    return text === null ? this.#broken(path, NOT_ENCODED) : this.#coerce(text, shape);
  }

  #deep(name: string, shape: Shape): unknown {
    const prefix = `${name}[`;
    const given = [...this.texts.names()].filter((key) => key.startsWith(prefix) && key.endsWith("]"));
    const object: Record<string, unknown> = Object.create(null);
    for (const key of given) {
      const field = key.slice(prefix.length, -1);
      const value = this.#named(key, [name, field], shape.fields?.get(field) ?? TEXT, null);
      if (value !== undefined) object[field] = value;
    }
    return given.length === 0 ? undefined : object;
  }

  #spread(name: string, shape: Shape): unknown {
    const object: Record<string, unknown> = Object.create(null);
    for (const [field, inner] of shape.fields ?? []) {
      const value = this.#named(field, [name, field], inner, null);
      if (value !== undefined) object[field] = value;
    }
    return Object.keys(object).length === 0 ? undefined : object;
  }

  #json(name: string): unknown {
    const raw = this.texts.of(name);
    if (raw.length === 0) return undefined;
    if (raw.length > 1) return this.#broken([name], REPEATED);
    const text = this.texts.decode(raw[0] as string);
    if (text === null) return this.#broken([name], NOT_ENCODED);
    try {
      return readJson(Buffer.from(text));
    } catch (error) {
      if (error instanceof JsonError) return this.#broken([name], NOT_JSON);
      throw error;
    }
  }

  #broken(path: readonly string[], issue: string): undefined {
    this.findings.push({ path, issue });
  }
}
