/** From a value of JSON to what stands in a row, for each type of field. Nothing is coerced (ERR-8). */
import { hasFormat, readDate, readDatetime } from "../../../core/field-formats.ts";
import { sentenceOf } from "../../../core/json-schema/issues.ts";
import { compilePattern } from "../../../core/json-schema/pattern.ts";
import type { FieldFormat, FieldRules, FieldType } from "../../../core/resource.ts";
import type { Check } from "./check.ts";
import { HALF_PAIR, NUL_REFUSED } from "./exact.ts";
import { jsonCheck } from "./json-values.ts";
import { bigintCheck, decimalCheck, integerCheck, numberCheck } from "./numbers.ts";

/** What a check is made of: a field that is stored, computed, or of an action's input. */
export interface Checked {
  readonly type: FieldType;
  readonly rules: FieldRules;
}

export function checkOf({ type, rules }: Checked): Check {
  switch (type) {
    case "string":
      return stringCheck(rules);
    case "uuid":
      return textCheck(sentenceOf("format", "uuid"), (text) =>
        hasFormat("uuid", text) ? text.toLowerCase() : null,
      );
    case "integer":
      return integerCheck(rules);
    case "bigint":
      return bigintCheck(rules);
    case "number":
      return numberCheck(rules);
    case "decimal":
      return decimalCheck(rules);
    case "boolean":
      return booleanCheck;
    case "datetime":
      return textCheck(sentenceOf("format", "date-time"), readDatetime);
    case "date":
      return textCheck(sentenceOf("format", "date"), readDate);
    case "object":
    case "array":
      return jsonCheck(type, rules);
  }
}

const NOT_STRING = sentenceOf("type", "string");
const NOT_BOOLEAN = sentenceOf("type", "boolean");

const booleanCheck: Check = (value, issues) => {
  if (typeof value === "boolean") return value;
  issues.say(NOT_BOOLEAN);
  return undefined;
};

/** Of a text that has one normal form. */
function textCheck(issue: string, read: (text: string) => string | null): Check {
  return (value, issues) => {
    const normal = typeof value === "string" ? read(value) : null;
    if (normal !== null) return normal;
    issues.say(issue);
    return undefined;
  };
}

/** Formats that JSON Schema has no words for. */
const FORMATS: Readonly<Partial<Record<FieldFormat, string>>> = {
  phone: 'must be a phone number such as "+493012345678"',
  currency: 'must be a currency (ISO 4217) such as "EUR"',
  country: 'must be a country (ISO 3166-1) such as "DE"',
};

/** A rule that a string may break. */
interface TextRule {
  holds(text: string): boolean;
  readonly issue: string;
}

function stringCheck(rules: FieldRules): Check {
  const all = textRules(rules);
  return (value, issues) => {
    if (typeof value !== "string") {
      issues.say(NOT_STRING);
      return undefined;
    }
    const before = issues.count;
    for (const rule of all) if (!rule.holds(value)) issues.say(rule.issue);
    return issues.count === before ? value : undefined;
  };
}

function textRules(rules: FieldRules): TextRule[] {
  const all: TextRule[] = [
    { holds: (text) => !text.includes("\0"), issue: NUL_REFUSED },
    // Only from hooks: JSON and queries have none by the time they get here.
    { holds: (text) => text.isWellFormed(), issue: HALF_PAIR },
  ];
  const { minLength, maxLength, pattern, format } = rules;
  if (rules.enum !== undefined) {
    const values: ReadonlySet<unknown> = new Set(rules.enum);
    all.push({ holds: (text) => values.has(text), issue: sentenceOf("enum", rules.enum) });
  }
  if (minLength !== undefined) {
    all.push({ holds: (text) => !isShorter(text, minLength), issue: sentenceOf("minLength", minLength) });
  }
  if (maxLength !== undefined) {
    all.push({ holds: (text) => !isLonger(text, maxLength), issue: sentenceOf("maxLength", maxLength) });
  }
  if (pattern !== undefined) {
    const whole = compilePattern(`^(?:${pattern})$`);
    all.push({ holds: (text) => whole.test(text), issue: sentenceOf("pattern", pattern) });
  }
  if (format !== undefined) {
    all.push({
      holds: (text) => hasFormat(format, text),
      issue: FORMATS[format] ?? sentenceOf("format", format),
    });
  }
  return all;
}

/** In code points, of which each is one or two units of the string: most texts need no count. */
function isLonger(text: string, most: number): boolean {
  if (text.length <= most) return false;
  return text.length > 2 * most || codePoints(text) > most;
}

function isShorter(text: string, least: number): boolean {
  if (text.length < least) return true;
  return text.length < 2 * least && codePoints(text) < least;
}

function codePoints(text: string): number {
  let points = 0;
  for (const _ of text) points++;
  return points;
}
