/**
 * Pieces of the log's lines: one JSON object a line, in ASCII.
 *
 * ASCII because a client chooses much of what stands in a line: what is not printable is written as `\uXXXX`, so no
 * byte of a line can end it early, move a terminal's cursor or be cut in half, and its length in characters is its
 * length in bytes. Built by hand because it is made for every call: `JSON.stringify` of an object takes half as long
 * again, before anything is redacted or made ASCII.
 */

/** Node's AggregateError of a failed connect has a code and no message. */
export const messageOf = (error: Error): string => error.message || codeOf(error) || error.name;

export function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

export const clipped = (text: string, length: number): string =>
  text.length > length ? text.slice(0, length) : text;

/** `start` is the comma, the name and the opening quote: fewer pieces make a cheaper string. */
export const field = (start: string, value: string): string =>
  value === "" ? "" : `${start}${safe(value)}"`;

/** Everything but printable ASCII, and the two characters that mean something in a JSON string. */
const UNSAFE = /[^ !#-[\]-~]/;

/** What stands between the quotes of a JSON string. */
export const safe = (text: string): string => (UNSAFE.test(text) ? escaped(text) : text);

function escaped(text: string): string {
  const json = JSON.stringify(text).slice(1, -1);
  return json.replace(/[^ -~]/g, (char) => `\\u${hex4(char.charCodeAt(0))}`);
}

export const quoted = (text: string): string => `"${safe(text)}"`;

const hex4 = (code: number): string => code.toString(16).padStart(4, "0");

const THREE_DIGITS: readonly string[] = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, "0"));
let second = Number.NaN;
let secondText = "";

/** RFC 3339, UTC, milliseconds. The calendar is consulted once a second. */
export function timestamp(wall: number): string {
  const at = Math.floor(wall / 1000);
  if (at !== second) {
    second = at;
    secondText = new Date(at * 1000).toISOString().slice(0, -4);
  }
  return `${secondText}${THREE_DIGITS[Math.floor(wall - at * 1000)]}Z`;
}

/** With microseconds, from integers: printing a double with its binary noise costs more and says less. */
export function milliseconds(value: number): string {
  const micros = value > 0 ? Math.round(value * 1000) : 0;
  const whole = Math.floor(micros / 1000);
  return `${whole}.${THREE_DIGITS[micros - whole * 1000]}`;
}

/** Texts that are remembered of one kind, and the longest of them: clients choose them, so both are bounded. */
const MOST_REMEMBERED = 256;
const LONGEST_REMEMBERED = 512;

/** `make`, which depends on nothing but the text, with what it made of the last few hundred. */
export function remembered(make: (text: string) => string): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const made = make(text);
    if (text.length > LONGEST_REMEMBERED) return made;
    if (known.size >= MOST_REMEMBERED) known.clear();
    // What is cut out of a received head would keep all of it in memory; the copy does not.
    known.set(Buffer.from(text, "latin1").toString("latin1"), made);
    return made;
  };
}
