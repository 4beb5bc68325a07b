/**
 * JSON numbers that a double does not hold. The reader of JSON rounds `9007199254740993` (2^53 + 1) without a word; an
 * object that is stored must not differ from what was sent, so such a number is found and refused.
 */

import type { FieldPath } from "../../../core/field-path.ts";
import { readJson } from "../../../core/json.ts";
import type { Issues } from "./issues.ts";

/** Sixteen digits, or a far exponent, wherever they stand. */
const SUSPICIOUS = /[0-9][0-9.]{15}|[eE][+-]?[0-9]{3}/;
/** Without a sign, of a text that is known to be JSON. */
const NUMBER = /[0-9][0-9.eE+-]*/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Become infinite numbers, of which the reader of JSON leaves no others. */
const LOST_INTEGER = "1e999";
const LOST_FRACTION = "-1e999";
const MINUS = 0x2d;
/** More than a refusal tells of. */
const MOST_MARKS = 200;

/**
 * As `readJson`, with Infinity wherever an integer stands that no double holds, and -Infinity for a fraction of which
 * nothing is left.
 *
 * @throws JsonError as `readJson`.
 */
export function readExactJson(bytes: Buffer): unknown {
  const value = readJson(bytes);
  if (!SUSPICIOUS.test(bytes.toString("latin1"))) return value;
  const text = bytes.toString("utf8");
  const marked = marksIn(text);
  return marked === text ? value : JSON.parse(marked);
}

/** The text with what nobody sends (1e999 is no JSON here) for the first numbers that are not exact. */
function marksIn(text: string): string {
  let marked = "";
  let done = 0;
  let marks = 0;
  for (let i = 0; i < text.length && marks < MOST_MARKS; ) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = behindString(text, i);
    else if (isDigit(code)) {
      const number = numberAt(text, i);
      if (!isExact(Number(number), number)) {
        const start = text.charCodeAt(i - 1) === MINUS ? i - 1 : i;
        marked += text.slice(done, start) + (isFraction(number) ? LOST_FRACTION : LOST_INTEGER);
        done = i + number.length;
        marks++;
      }
      i += number.length;
    } else i++;
  }
  return marked + text.slice(done);
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

function numberAt(text: string, start: number): string {
  NUMBER.lastIndex = start;
  return NUMBER.exec(text)?.[0] as string;
}

function behindString(text: string, start: number): number {
  let i = start + 1;
  for (let code = text.charCodeAt(i); code !== QUOTE; code = text.charCodeAt(i))
    i += code === BACKSLASH ? 2 : 1;
  return i + 1;
}

export const isInexact = (value: unknown): boolean => typeof value === "number" && !Number.isFinite(value);

/** What is to be said of an inexact number. */
export const inexactness = (value: unknown): string =>
  value === Number.NEGATIVE_INFINITY ? LOST_ITS_FRACTION : NOT_EXACT;

/**
 * Whether the double is what was meant. Fractions are rounded, to about sixteen digits: that is what doubles are for.
 * An integer is not, and a fraction does not become one.
 */
function isExact(value: number, source: string): boolean {
  if (!Number.isInteger(value) || (source.length < 16 && value !== 0)) return true;
  return String(value) === source || decimalOf(String(value)) === decimalOf(source);
}

/** The power of ten behind the digits is negative. */
const isFraction = (source: string): boolean => decimalOf(source).includes("e-");

/** The same text for the same number: digits without zeros at the ends, and the power of ten behind them. */
function decimalOf(source: string): string {
  const [mantissa = "", exponent = "0"] = source.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  const shortest = withoutZeros(digits);
  if (shortest === "") return "0";
  return `${shortest}e${Number(exponent) - fraction.length + digits.length - shortest.length}`;
}

/** At the end. A regular expression would take the square of the length. */
function withoutZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}

export const NUL_REFUSED = "must not contain NUL";
export const HALF_PAIR = "must not contain half a surrogate pair";
const NOT_EXACT = "has more digits than a number keeps: round it, or send a string";
const LOST_ITS_FRACTION = "is a fraction of which a number keeps nothing: round it, or send a string";

/** Says what no database keeps of a value that came from JSON, or from a hook. */
export function refuseOdd(value: unknown, issues: Issues): void {
  walk(value, issues, []);
}

/** `path` is one list for the whole walk. */
function walk(value: unknown, issues: Issues, path: (string | number)[]): void {
  if (typeof value === "string") refuseText(value, issues, path);
  else if (isInexact(value)) issues.say(inexactness(value), path);
  else if (Array.isArray(value)) walkItems(value, issues, path);
  else if (typeof value === "object" && value !== null) walkMembers(value, issues, path);
}

function walkItems(items: readonly unknown[], issues: Issues, path: (string | number)[]): void {
  const level = path.length;
  for (let i = 0; i < items.length && !issues.full; i++) {
    path[level] = i;
    walk(items[i], issues, path);
  }
  path.length = level;
}

function walkMembers(members: object, issues: Issues, path: (string | number)[]): void {
  const level = path.length;
  for (const [name, member] of Object.entries(members)) {
    path[level] = name;
    refuseText(name, issues, path, "has a name that ");
    walk(member, issues, path);
  }
  path.length = level;
}

function refuseText(text: string, issues: Issues, path: FieldPath, whose = ""): void {
  if (text.includes("\0")) issues.say(`${whose}${NUL_REFUSED}`, path);
  if (!text.isWellFormed()) issues.say(`${whose}${HALF_PAIR}`, path);
}
