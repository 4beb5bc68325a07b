/**
 * Our use of Ajv. It is loaded when a config validates something, and not before: it would double the time to start.
 *
 * Two validators are made of a schema. One only says yes or no, and stops at the first mistake. The other, made when a
 * request first fails, looks for all mistakes: without bounds that would be an attack, because a list of half a million
 * wrong items fits into a megabyte.
 */
import { createRequire } from "node:module";
import type { AnySchema, AnySchemaObject, ErrorObject, Options, ValidateFunction } from "ajv";
import type { Ajv2020 } from "ajv/dist/2020.js";
import type { SchemaEnv } from "ajv/dist/compile/index.js";
import type { AnyValidateFunction, DataValidationCxt } from "ajv/dist/types/index.js";
import type { FormatsPlugin } from "ajv-formats";
import { anyOf } from "../found.ts";
import { containsKeyword, uniqueItems } from "./list-keywords.ts";
import { compilePattern, type TextPattern } from "./pattern.ts";
import { unionKeyword } from "./union-keywords.ts";

const load = createRequire(import.meta.url);

/** Mistakes that one function of a validator collects before it gives up. */
const MOST_ERRORS = 1_000;

export interface Validator {
  accepts(value: unknown): boolean;
  /** What is wrong with a value that was not accepted. */
  errors(value: unknown): readonly ErrorObject[];
}

type Schema = AnySchemaObject | boolean;

/** Makes validators of schemas, which may refer to each other by name. */
export class Compiler {
  readonly #strict = makeAjv({});
  readonly #definitions = new Map<string, Schema>();
  #thorough: Ajv2020 | undefined;

  /** Adds what `$ref` may name. Nothing is compiled yet: what it refers to may come later. */
  define(name: string, schema: Schema): void {
    this.#definitions.set(name, schema);
    define(this.#strict, name, schema);
  }

  /** @throws Error for a definition with keywords that nobody knows, or that make no sense together. */
  compileDefinition(name: string): void {
    compileDefinition(this.#strict, name);
  }

  /** @throws Error as `compileDefinition`. */
  compile(schema: Schema): Validator {
    const accepts = this.#strict.compile(schema);
    let explain: AnyValidateFunction | undefined;
    return {
      accepts: (value) => accepts(value) as boolean,
      errors: (value) => {
        explain ??= this.#explainer(schema);
        void explain(value);
        return explain.errors ?? [];
      },
    };
  }

  #explainer(schema: Schema): AnyValidateFunction {
    if (this.#thorough === undefined) {
      this.#thorough = makeThorough(this.#strict);
      for (const [name, definition] of this.#definitions) define(this.#thorough, name, definition);
    }
    return this.#thorough.compile(schema);
  }
}

/**
 * Ajv compiles what a schema refers to while it compiles the schema, and so on: in an API of some hundred schemas that
 * refer to each other the stack ends before they do. So each gets a function that compiles it when it is first called.
 */
function define(ajv: Ajv2020, name: string, schema: Schema): void {
  ajv.addSchema(schema as AnySchemaObject, name);
  const environment = ajv.schemas[name] as SchemaEnv;
  function call(this: unknown, value: unknown, context?: DataValidationCxt): boolean {
    if (environment.validate === late) compileDefinition(ajv, name);
    const compiled = environment.validate as ValidateFunction;
    const valid = compiled.call(this as never, value, context);
    late.errors = compiled.errors ?? null;
    if (compiled.evaluated !== undefined) late.evaluated = compiled.evaluated;
    return valid;
  }
  const late = Object.assign(call, { schema, schemaEnv: environment }) as ValidateFunction;
  environment.validate = late;
}

function compileDefinition(ajv: Ajv2020, name: string): void {
  delete (ajv.schemas[name] as SchemaEnv).validate;
  ajv.getSchema(name);
}

let schemaSchema: Ajv2020 | undefined;

/**
 * What the schema of schemas has against one, and where in it; null for nothing. It takes far longer to compile than all
 * others: there is one for the thread.
 */
export function schemaMistake(schema: Schema): { readonly pointer: string; readonly message: string } | null {
  const { Ajv2020 } = load("ajv/dist/2020.js") as typeof import("ajv/dist/2020.js");
  schemaSchema ??= new Ajv2020({ logger: false, validateFormats: false });
  if (schemaSchema.validateSchema(schema) === true) return null;
  const { instancePath: pointer = "", message = "is no schema", params } = schemaSchema.errors?.[0] ?? {};
  const allowed = params?.["allowedValues"] as readonly string[] | undefined;
  return { pointer, message: allowed === undefined ? message : `must be ${anyOf(allowed)}` };
}

/** `judge` decides where only yes or no matters; by default the one that is made. */
function makeAjv(options: Options, judge?: Ajv2020): Ajv2020 {
  const { Ajv2020 } = load("ajv/dist/2020.js") as typeof import("ajv/dist/2020.js");
  const ajv = new Ajv2020({
    strictTypes: false,
    strictTuples: false,
    // A request has what it has, not what every object has (HTTP-38).
    ownProperties: true,
    // 19.99 is a multiple of 0.01, whatever doubles say.
    multipleOfPrecision: 5,
    messages: false,
    logger: false,
    // See `schemaMistake`.
    meta: false,
    validateSchema: false,
    ...options,
    code: { ...options.code, regExp: Object.assign(rememberedPattern, { code: "" }) },
  });
  addFormats(ajv);
  ajv.addVocabulary(["example", "xml", "externalDocs", "discriminator", "declaredFields"]);
  const explains = judge !== undefined;
  const compile = (schema: AnySchema) => (judge ?? ajv).compile(schema);
  for (const keyword of [
    uniqueItems,
    containsKeyword(compile),
    unionKeyword("anyOf", explains),
    unionKeyword("oneOf", explains),
  ]) {
    ajv.removeKeyword(keyword.keyword as string);
    ajv.addKeyword(keyword);
  }
  return ajv;
}

function makeThorough(judge: Ajv2020): Ajv2020 {
  const options = { allErrors: true, verbose: true, code: { process: bounded } };
  return makeAjv(options, judge);
}

const patterns = new Map<string, TextPattern>();

/** Ajv takes two patterns whose `toString` is the same for the same pattern. */
function rememberedPattern(source: string): TextPattern {
  const known = patterns.get(source);
  if (known !== undefined) return known;
  const made = Object.assign(compilePattern(source), { toString: () => source });
  patterns.set(source, made);
  return made;
}

/** Formats of short texts: longer ones are none, and need not be looked at. */
const SHORT: readonly string[] = [
  ...[
    "date",
    "time",
    "date-time",
    "duration",
    "iso-time",
    "iso-date-time",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
  ],
  ...["uuid", "regex"],
];
const LONGEST_SHORT = 1_024;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function addFormats(ajv: Ajv2020): void {
  const { default: addAll } = load("ajv-formats") as { readonly default: FormatsPlugin };
  addAll(ajv as never);
  // Theirs takes a text of several lines of which one is base64.
  ajv.addFormat("byte", BASE64);
  // Theirs backtracks for ever (D-05).
  ajv.addFormat("url", ajv.formats["uri"] as RegExp);
  for (const name of SHORT) {
    const fits = checkOf(ajv.formats[name]);
    ajv.addFormat(name, (text: string) => text.length <= LONGEST_SHORT && fits(text));
  }
}

function checkOf(format: unknown): (text: string) => boolean {
  if (format instanceof RegExp) return (text) => format.test(text);
  if (typeof format === "function") return format as (text: string) => boolean;
  return checkOf((format as { validate: unknown }).validate);
}

/** Formats that are checked; others say something to people only. */
export function knownFormats(): ReadonlySet<string> {
  const { formatNames } = load("ajv-formats/dist/formats.js") as typeof import("ajv-formats/dist/formats.js");
  return new Set(formatNames);
}

/**
 * Has each function of a validator return once it has seen enough. Done on the generated text because Ajv collects all
 * errors or one; `code.process` is its own hook for that.
 */
function bounded(code: string): string {
  const name = /function (validate\d+)\(/.exec(code)?.[1];
  const giveUp = `if(errors > ${MOST_ERRORS}){${name}.errors = vErrors;return false;}`;
  return code.replaceAll(
    /\berrors\+\+;|\berrors = vErrors\.length;/g,
    (statement) => `${statement}${giveUp}`,
  );
}
