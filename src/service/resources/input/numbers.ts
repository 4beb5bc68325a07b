/** Numbers, and what is written as text because no double holds it. */
import { sentenceOf } from "../../../core/json-schema/issues.ts";
import type { FieldRules } from "../../../core/resource.ts";
import type { Check } from "./check.ts";
import { inexactness, isInexact } from "./exact.ts";
import type { Issues } from "./issues.ts";
import { MOST_DIGITS } from "./limits.ts";

const NOT_INTEGER = sentenceOf("type", "integer");
const NOT_NUMBER = sentenceOf("type", "number");
const UNSAFE = `must be an integer between -${Number.MAX_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER}`;
const NOT_BIGINT = 'must be a string of digits such as "9223372036854775807", a signed integer of 64 bits';
const NOT_DECIMAL = `must be a string such as "12.50", of at most ${MOST_DIGITS} digits`;

/** RFC 8259 has one kind of number: `1.0` and `1e2` are integers. */
export function integerCheck(rules: FieldRules): Check {
  const inside = boundsCheck(rules);
  return (value, issues) => {
    if (value === Number.POSITIVE_INFINITY) issues.say(UNSAFE);
    else if (typeof value !== "number" || !Number.isInteger(value)) issues.say(NOT_INTEGER);
    else if (!Number.isSafeInteger(value)) issues.say(UNSAFE);
    else if (inside(value, issues)) return value === 0 ? 0 : value;
    return undefined;
  };
}

export function numberCheck(rules: FieldRules): Check {
  const inside = boundsCheck(rules);
  return (value, issues) => {
    if (isInexact(value)) issues.say(inexactness(value));
    else if (typeof value !== "number") issues.say(NOT_NUMBER);
    // Databases differ about −0.
    else if (inside(value, issues)) return value === 0 ? 0 : value;
    return undefined;
  };
}

function boundsCheck({ minimum, maximum, enum: values }: FieldRules) {
  const tooSmall = minimum === undefined ? "" : sentenceOf("minimum", minimum);
  const tooLarge = maximum === undefined ? "" : sentenceOf("maximum", maximum);
  const other = values === undefined ? "" : sentenceOf("enum", values);
  return (value: number, issues: Issues): boolean => {
    const before = issues.count;
    if (values !== undefined && !values.includes(value)) issues.say(other);
    if (minimum !== undefined && value < minimum) issues.say(tooSmall);
    if (maximum !== undefined && value > maximum) issues.say(tooLarge);
    return issues.count === before;
  };
}

const BIGINT = /^-?(?:0|[1-9][0-9]{0,18})$/;

export function bigintCheck({ minimum, maximum }: FieldRules): Check {
  return (value, issues) => {
    if (
      typeof value !== "string" ||
      !BIGINT.test(value) ||
      BigInt.asIntN(64, BigInt(value)) !== BigInt(value)
    ) {
      issues.say(NOT_BIGINT);
      return undefined;
    }
    const before = issues.count;
    // A bigint and a number are compared as what they are.
    if (minimum !== undefined && BigInt(value) < minimum) issues.say(sentenceOf("minimum", minimum));
    if (maximum !== undefined && BigInt(value) > maximum) issues.say(sentenceOf("maximum", maximum));
    return issues.count === before ? String(BigInt(value)) : undefined;
  };
}

const DECIMAL = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;
const ZERO = /^-0(?:\.0+)?$/;

/** Kept as it is written: `12.50` has two places. */
export function decimalCheck({ minimum, maximum }: FieldRules): Check {
  return (value, issues) => {
    if (typeof value !== "string" || value.length > MOST_DIGITS + 2 || !DECIMAL.test(value)) {
      issues.say(NOT_DECIMAL);
      return undefined;
    }
    const before = issues.count;
    if (minimum !== undefined && compareDecimals(value, String(minimum)) < 0) {
      issues.say(sentenceOf("minimum", minimum));
    }
    if (maximum !== undefined && compareDecimals(value, String(maximum)) > 0) {
      issues.say(sentenceOf("maximum", maximum));
    }
    if (issues.count !== before) return undefined;
    return ZERO.test(value) ? value.slice(1) : value;
  };
}

/** Below 0, 0 or above 0, without a rounding. The second may be written with an exponent. */
export function compareDecimals(a: string, b: string): number {
  const [one, other] = [scaled(a), scaled(b)];
  const places = Math.max(one.places, other.places);
  const difference =
    one.digits * 10n ** BigInt(places - one.places) - other.digits * 10n ** BigInt(places - other.places);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function scaled(text: string): { digits: bigint; places: number } {
  const [mantissa = "0", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const places = fraction.length - Number(exponent);
  const digits = BigInt(whole + fraction);
  return places >= 0 ? { digits, places } : { digits: digits * 10n ** BigInt(-places), places: 0 };
}
