import { anyOf, found, quoted } from "../../core/found.ts";
import { compilePattern } from "../../core/json-schema/pattern.ts";
import type { FieldRules, FieldType } from "../../core/resource.ts";
import type { Path } from "../problem.ts";
import type { Report } from "../report.ts";
import type { FieldConfig, InputFieldConfig } from "./schema-field.ts";
import { NOUNS, readValue, schemaValidator, whole } from "./values.ts";

/** What a field holds, from what the config says of it. */

type RuleName = keyof FieldRules;
type Config = FieldConfig | InputFieldConfig;

const NUMERIC: readonly FieldType[] = ["integer", "number", "bigint", "decimal"];

/** Which rules are about which types. */
const ABOUT: Readonly<Record<RuleName, readonly FieldType[]>> = {
  minLength: ["string", "array"],
  maxLength: ["string", "array"],
  pattern: ["string"],
  format: ["string"],
  minimum: NUMERIC,
  maximum: NUMERIC,
  enum: ["string", "integer", "number"],
  schema: ["object", "array"],
};
const RULES = Object.keys(ABOUT) as readonly RuleName[];

/** The type, as far as `type`, `enum`, `format` or `schema` says it. Reports what says none, or two. */
export function typeOf(config: Config, at: Path, report: Report): FieldType {
  const { type, enum: words, format, schema } = config;
  if (type !== undefined) return type;
  if (words !== undefined) return typeOfEnum(words, [...at, "enum"], report);
  if (format !== undefined) return "string";
  if (schema !== undefined) {
    const named = schema["type"];
    if (named === "array" || "items" in schema) return "array";
    if (named === "object" || "properties" in schema) return "object";
  }
  report.error(at, "has no type; write one such as type: string, or enum, ref or format");
  return "string";
}

function typeOfEnum(words: readonly (string | number)[], at: Path, report: Report): FieldType {
  const texts = words.filter((value) => typeof value === "string");
  if (texts.length === words.length) return "string";
  if (texts.length > 0) report.error(at, "holds texts and numbers; all of them have to be one or the other");
  return words.every((value) => Number.isSafeInteger(value)) ? "integer" : "number";
}

/** The rules that go with the type; others are reported. */
export function rulesOf(config: Config, type: FieldType, at: Path, report: Report): FieldRules {
  const rules: Record<string, unknown> = {};
  for (const name of RULES) {
    const value = config[name];
    if (value === undefined) continue;
    const place = [...at, name];
    if (!ABOUT[name].includes(type))
      report.keyError(place, `is about ${anyOf(ABOUT[name])}, and this is ${article(type)}`);
    else if (isSound(name, value, type, place, report)) rules[name] = value;
    else if (name === "enum") rules[name] = readableWords(value as readonly (string | number)[], type);
  }
  checkTogether(rules, config, at, report);
  return rules;
}

/** For sentences. */
export const article = (word: string): string => `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`;

function isSound(name: RuleName, value: unknown, type: FieldType, at: Path, report: Report): boolean {
  const before = report.errors.length;
  if (name === "pattern") checkPattern(value as string, at, report);
  if (name === "enum") checkEnum(value as readonly (string | number)[], type, at, report);
  if (name === "schema") checkSchema(value as Readonly<Record<string, unknown>>, type, at, report);
  if ((name === "minimum" || name === "maximum") && type === "integer" && !Number.isSafeInteger(value))
    report.error(at, `expected ${NOUNS.integer}, ${found(value)}`);
  return report.errors.length === before;
}

export function checkPattern(pattern: string, at: Path, report: Report): void {
  if (/^\^|(?<!\\)(?:\\\\)*\$$/.test(pattern)) {
    report.error(at, "is about the whole text anyway; leave ^ and $ out");
    return;
  }
  try {
    compilePattern(whole(pattern));
  } catch (error) {
    report.error(at, `the pattern ${quoted(pattern)} ${(error as Error).message}`);
  }
}

function checkEnum(words: readonly (string | number)[], type: FieldType, at: Path, report: Report): void {
  words.forEach((word, index) => {
    if (words.indexOf(word) !== index)
      report.error([...at, index], `${quoted(String(word))} is listed twice`);
    const read = readValue({ type, rules: {}, nullable: false }, word);
    if ("problem" in read) report.error([...at, index], read.problem);
  });
}

/** What values are held to all the same; anything goes where it is nothing. */
function readableWords(
  words: readonly (string | number)[],
  type: FieldType,
): readonly (string | number)[] | undefined {
  const read = words.filter((word) => "value" in readValue({ type, rules: {}, nullable: false }, word));
  return read.length === 0 ? undefined : [...new Set(read)];
}

function checkSchema(
  schema: Readonly<Record<string, unknown>>,
  type: FieldType,
  at: Path,
  report: Report,
): void {
  const named = schema["type"];
  if (named !== undefined && named !== type) {
    report.error([...at, "type"], `the field is ${article(type)}; write ${type} here or leave it out`);
    return;
  }
  try {
    schemaValidator(schema);
  } catch (error) {
    report.error(at, oneLine((error as Error).message));
  }
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").replace(/\.$/, "");

function checkTogether(rules: FieldRules, config: Config, at: Path, report: Report): void {
  const { minLength = 0, maxLength = Infinity, minimum = -Infinity, maximum = Infinity } = rules;
  if (minLength > maxLength) report.error([...at, "minLength"], `is more than maxLength (${maxLength})`);
  if (minimum > maximum) report.error([...at, "minimum"], `is more than maximum (${maximum})`);
  if (config.enum === undefined) return;
  for (const name of RULES) {
    if (name !== "enum" && name in rules)
      report.keyWarn([...at, name], "has no effect: enum says which values there are");
  }
}
