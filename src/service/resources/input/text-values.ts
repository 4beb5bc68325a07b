/** From a text, of a query or a path, to a value of a field's type: what is compared with rows. */
import { sentenceOf } from "../../../core/json-schema/issues.ts";
import type { Field } from "../../../core/resource.ts";
import type { Check } from "./check.ts";
import { checkOf } from "./field-checks.ts";
import type { Issues } from "./issues.ts";

/** Reads a text as a value to compare with; undefined after it has been said that it is none. */
export type TextReader = (text: string, issues: Issues) => ReturnType<Check>;

const INTEGER = /^-?(?:0|[1-9][0-9]{0,15})$/;
/** RFC 8259 §6. */
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
/** A plus sign that nobody encoded has become a space. */
const LOST_PLUS = / (?=\d\d:\d\d$)/;

/** Bounds, lengths, patterns and formats are no conditions of what may be compared; the type is, and what an enum lists. */
export function textReader({ type, rules }: Pick<Field, "type" | "rules">): TextReader {
  const check = checkOf({ type, rules: rules.enum === undefined ? {} : { enum: rules.enum } });
  switch (type) {
    case "integer":
      return (text, issues) => check(INTEGER.test(text) ? Number(text) : text, issues);
    case "number":
      return (text, issues) => check(NUMBER.test(text) ? Number(text) : text, issues);
    case "boolean":
      return (text, issues) => check(text === "true" ? true : text === "false" ? false : text, issues);
    case "datetime":
      return (text, issues) => check(text.replace(LOST_PLUS, "+"), issues);
    default:
      return check;
  }
}

export const truth = (text: string, issues: Issues): boolean | undefined => {
  if (text === "true" || text === "false") return text === "true";
  issues.say(sentenceOf("type", "boolean"));
  return undefined;
};
