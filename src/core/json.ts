/**
 * JSON that every reader understands alike (RFC 8259; RFC 7493, I-JSON): where parsers differ, one of them is wrong
 * about what was allowed, so what they differ on is refused.
 *
 * The scanner below decides, in one pass and without building anything; `JSON.parse` then builds the value from text of
 * which nothing surprising is left. Numbers become doubles: `1.0` and `1e3` are integers, `9007199254740993` (2^53 + 1)
 * is seen as its nearest double, and `1e400`, which has none, is refused.
 */
import { isUtf8 } from "node:buffer";

export interface JsonLimits {
  /** Objects and arrays within each other. */
  readonly depth: number;
  /** Members of all objects together: names are what hash tables can be attacked with. */
  readonly names: number;
  /** Objects and arrays together: empty ones cost a parser far more than their two bytes. */
  readonly containers: number;
}

export const JSON_LIMITS: JsonLimits = { depth: 64, names: 10_000, containers: 100_000 };

/** Why a text is not JSON, and where. Its message never quotes the text. */
export class JsonError extends Error {
  readonly reason: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;

  /** `before` is the text up to the place. */
  constructor(reason: string, before: string) {
    const { line, column } = placeBehind(before);
    super(`line ${line}, column ${column}: ${reason}`);
    this.name = "JsonError";
    this.reason = reason;
    this.line = line;
    this.column = column;
  }
}

function placeBehind(text: string): { line: number; column: number } {
  let line = 1;
  let column = 1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === LINE_FEED) {
      line++;
      column = 1;
    } else if (code < 0xdc_00 || code > 0xdf_ff) {
      // The second half of a surrogate pair is no character of its own.
      column++;
    }
  }
  return { line, column };
}

/** @throws JsonError for what is not JSON, is ambiguous, or exceeds the limits. */
export function readJson(bytes: Buffer, limits: JsonLimits = JSON_LIMITS): unknown {
  if (!isUtf8(bytes)) throw new JsonError("the text is not UTF-8", utf8Prefix(bytes));
  const text = bytes.toString("utf8");
  new Scanner(text, limits).scan();
  return JSON.parse(text);
}

/** The bytes before the first that breaks UTF-8. A prefix that ends within a character is not broken yet. */
function utf8Prefix(bytes: Buffer): string {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (startsUtf8(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return new TextDecoder().decode(bytes.subarray(0, good), { stream: true });
}

function startsUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
const BYTE_ORDER_MARK = 0xfe_ff;

/** RFC 8259 §7, without `\u`. */
const ESCAPES: ReadonlySet<number> = new Set([...'"\\/bfnrt'].map((letter) => letter.charCodeAt(0)));
const HEX = /^[0-9a-fA-F]{4}$/;

/** Recursive descent; `limits.depth` bounds the recursion. */
class Scanner {
  readonly #text: string;
  readonly #limits: JsonLimits;
  #at = 0;
  #depth = 0;
  #names = 0;
  #containers = 0;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  scan(): void {
    // RFC 8259 §8.1: a sender must not add one, and not every reader skips it.
    if (this.#text.charCodeAt(0) === BYTE_ORDER_MARK) throw this.#error("a byte order mark is not allowed");
    this.#space();
    this.#value("");
    this.#space();
    if (this.#at < this.#text.length) throw this.#error("expected the end of the text");
  }

  #error(reason: string, at = this.#at): JsonError {
    return new JsonError(reason, this.#text.slice(0, at));
  }

  /** The error for anything but what is `expected` here. */
  #unexpected(expected: string): JsonError {
    return this.#at < this.#text.length
      ? this.#error(`expected ${expected}`)
      : this.#error(`expected ${expected}, found the end of the text`);
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  /** `name` is that of the member whose value this is; empty elsewhere. */
  #value(name: string): void {
    const code = this.#text.charCodeAt(this.#at);
    switch (code) {
      case QUOTE:
        this.#string();
        return;
      case OPEN_OBJECT:
        this.#enter();
        this.#object(name);
        this.#depth--;
        return;
      case OPEN_ARRAY:
        this.#enter();
        this.#array();
        this.#depth--;
        return;
      case 0x74:
        this.#literal("true");
        return;
      case 0x66:
        this.#literal("false");
        return;
      case 0x6e:
        this.#literal("null");
        return;
      default:
        if (code !== MINUS && !isDigit(code)) throw this.#unexpected("a value");
        this.#number();
    }
  }

  #enter(): void {
    if (++this.#depth > this.#limits.depth) {
      throw this.#error(`nested more than ${this.#limits.depth} levels deep`);
    }
    if (++this.#containers > this.#limits.containers) {
      throw this.#error(`more than ${this.#limits.containers} objects and arrays`);
    }
    this.#at++;
    this.#space();
  }

  #array(): void {
    if (this.#take(CLOSE_ARRAY)) return;
    for (;;) {
      this.#value("");
      this.#space();
      if (this.#take(CLOSE_ARRAY)) return;
      if (!this.#take(COMMA)) throw this.#unexpected('"," or "]"');
      this.#space();
    }
  }

  #object(under: string): void {
    if (this.#take(CLOSE_OBJECT)) return;
    const seen = new Set<string>();
    for (;;) {
      const name = this.#name(under, seen);
      this.#space();
      if (!this.#take(COLON)) throw this.#unexpected('":"');
      this.#space();
      this.#value(name);
      this.#space();
      if (this.#take(CLOSE_OBJECT)) return;
      if (!this.#take(COMMA)) throw this.#unexpected('"," or "}"');
      this.#space();
    }
  }

  #name(under: string, seen: Set<string>): string {
    const start = this.#at;
    if (this.#text.charCodeAt(start) !== QUOTE) throw this.#unexpected("a name in double quotes");
    if (++this.#names > this.#limits.names) throw this.#error(`more than ${this.#limits.names} names`);
    const escaped = this.#string();
    const name = escaped
      ? (JSON.parse(this.#text.slice(start, this.#at)) as string)
      : this.#text.slice(start + 1, this.#at - 1);
    if (seen.has(name)) throw this.#error("a name stands twice in one object", start);
    seen.add(name);
    // What pollutes prototypes where a reader copies objects carelessly (HTTP-38).
    if (name === "__proto__" || (name === "prototype" && under === "constructor")) {
      throw this.#error("a name that changes prototypes is not allowed", start);
    }
    return name;
  }

  /** Whether the string has escapes. */
  #string(): boolean {
    const text = this.#text;
    const start = this.#at;
    let escaped = false;
    let at = start + 1;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        escaped = true;
        at = this.#escape(at);
      } else if (code >= 0x20) {
        at++;
      } else {
        this.#at = at;
        // NaN, past the end, is not below 0x20 either: it ends here.
        throw code < 0x20
          ? this.#error("a control character in a string must be escaped")
          : this.#error("a string has no end", start);
      }
    }
    this.#at = at + 1;
    return escaped;
  }

  /** Where the escape that begins at `at` ends. */
  #escape(at: number): number {
    const code = this.#text.charCodeAt(at + 1);
    if (ESCAPES.has(code)) return at + 2;
    if (code !== LOWER_U) throw this.#error("no such escape", at);
    const unit = this.#hex(at);
    if (unit < 0xd8_00 || unit > 0xdf_ff) return at + 6;
    // RFC 8259 §8.2: what a reader makes of half a pair is unpredictable.
    const low = unit < 0xdc_00 && this.#text.startsWith("\\u", at + 6) ? this.#hex(at + 6) : 0;
    if (low < 0xdc_00 || low > 0xdf_ff) throw this.#error("an escape is half of a surrogate pair", at);
    return at + 12;
  }

  #hex(at: number): number {
    const digits = this.#text.slice(at + 2, at + 6);
    if (!HEX.test(digits)) throw this.#error('"\\u" is followed by four hexadecimal digits', at);
    return Number.parseInt(digits, 16);
  }

  #number(): void {
    const start = this.#at;
    this.#take(MINUS);
    if (!this.#take(ZERO)) this.#digits();
    else if (isDigit(this.#text.charCodeAt(this.#at)))
      throw this.#error("a number has no leading zeros", start);
    if (this.#take(POINT)) this.#digits();
    const exponent = this.#exponent();
    // A hundred digits times 10^99 are far from the largest double: most numbers need no second look.
    if (
      (exponent > 2 || this.#at - start > 100) &&
      !Number.isFinite(Number(this.#text.slice(start, this.#at)))
    ) {
      throw this.#error("a number is too large for a double", start);
    }
  }

  /** How many digits it has; 0 where there is none. */
  #exponent(): number {
    // Lower case and upper case differ in one bit.
    if ((this.#text.charCodeAt(this.#at) | 0x20) !== LOWER_E) return 0;
    this.#at++;
    if (!this.#take(PLUS)) this.#take(MINUS);
    const start = this.#at;
    this.#digits();
    return this.#at - start;
  }

  #digits(): void {
    if (!isDigit(this.#text.charCodeAt(this.#at))) throw this.#unexpected("a digit");
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #literal(word: string): void {
    if (!this.#text.startsWith(word, this.#at)) throw this.#error("expected a value");
    this.#at += word.length;
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }
}

const isDigit = (code: number): boolean => code >= ZERO && code <= NINE;
