/** The directives of `Cache-Control` (RFC 9111 §5.2), read so that what is doubtful keeps less. */
import type { Headers } from "../../core/headers.ts";

/** By lower-case name, every value that was given; "" for none. */
export type Directives = ReadonlyMap<string, readonly string[]>;

const NO_DIRECTIVES: Directives = new Map();

export function readDirectives(headers: Headers): Directives {
  const fields = headers.all("cache-control");
  if (fields.length === 0) return NO_DIRECTIVES;
  const found = new Map<string, string[]>();
  for (const item of fields.flatMap(items)) {
    const [, name = "", value = ""] = ITEM.exec(item.trim()) ?? [];
    if (name === "") continue;
    const lower = name.toLowerCase();
    found.set(lower, [...(found.get(lower) ?? []), unquoted(value.trim())]);
  }
  return found;
}

const ITEM = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:=(.*))?/s;

/** Split at the commas outside quotes. Quotes that are never closed hide nothing: the commas behind them count. */
function items(field: string): string[] {
  const found: string[] = [];
  let start = 0;
  let quotedFrom = -1;
  for (let i = 0; i < field.length; i++) {
    const char = field[i];
    if (char === "\\" && quotedFrom >= 0) i++;
    else if (char === '"') quotedFrom = quotedFrom < 0 ? i : -1;
    else if (char === "," && quotedFrom < 0) {
      found.push(field.slice(start, i));
      start = i + 1;
    }
  }
  const rest = field.slice(start);
  return quotedFrom < 0 ? [...found, rest] : [...found, ...rest.split(",")];
}

const unquoted = (value: string): string =>
  value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;

/** RFC 9111 §1.2.2: what is beyond counts as this. */
const MOST_SECONDS = 2 ** 31;

/**
 * A delta-seconds in milliseconds; null where there is none. Of several the smallest counts, and what is no number is
 * 0 (§4.2.1: "encouraged to consider responses that have invalid freshness information to be stale").
 */
export function span(directives: Directives, name: string): number | null {
  const values = directives.get(name);
  if (values === undefined) return null;
  return Math.min(...values.map((value) => seconds(value) ?? 0)) * 1000;
}

/** A delta-seconds (§1.2.2), or null for what is none. */
export function seconds(text: string): number | null {
  return /^\d+$/.test(text) ? Math.min(Number(text), MOST_SECONDS) : null;
}
