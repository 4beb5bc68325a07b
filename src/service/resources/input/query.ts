/** The parameters of a query: `name=value` and `name[operator]=value`, decoded, in the order in which they stand. */

import { NUL_REFUSED } from "./exact.ts";
import type { Issues } from "./issues.ts";
import { MOST_PARAMETERS } from "./limits.ts";

export interface Parameter {
  /** Decoded, without its brackets. */
  readonly name: string;
  /** What stands in the brackets; null where there are none. */
  readonly operator: string | null;
  /** More than one where it is repeated. */
  readonly values: string[];
}

const NOT_ENCODED = "is not percent-encoded UTF-8";
const BRACKETS = /^([^[\]]+)\[([^[\]]*)\]$/;
/** What a query may hold unencoded: visible ASCII (RFC 3986 §3.4, and what browsers leave as it is). */
const VISIBLE = /^[\x21-\x7e]*$/;
const NONE: readonly Parameter[] = [];

/** `query` with its `?`, or empty. What cannot be decoded is said, and left out. */
export function readQuery(query: string, issues: Issues): readonly Parameter[] {
  if (query.length < 2) return NONE;
  const found = new Map<string, Parameter>();
  const pairs = query.slice(1).split("&", MOST_PARAMETERS + 1);
  if (pairs.length > MOST_PARAMETERS) {
    issues.at([], "query").say(`must have at most ${MOST_PARAMETERS} parameters`);
    return NONE;
  }
  for (const pair of pairs) if (pair !== "") addPair(found, pair, issues);
  return [...found.values()];
}

function addPair(found: Map<string, Parameter>, pair: string, issues: Issues): void {
  const sign = pair.indexOf("=");
  const rawName = sign < 0 ? pair : pair.slice(0, sign);
  const name = decode(rawName);
  if (name === null) {
    issues.at([rawName], "query").say(NOT_ENCODED);
    return;
  }
  const value = sign < 0 ? "" : decode(pair.slice(sign + 1));
  if (value === null) issues.at(pathOf(name), "query").say(NOT_ENCODED);
  else if (value.includes("\0")) issues.at(pathOf(name), "query").say(NUL_REFUSED);
  else {
    const known = found.get(name);
    if (known !== undefined) known.values.push(value);
    else found.set(name, { ...parted(name), values: [value] });
  }
}

function parted(name: string): { name: string; operator: string | null } {
  const [, base, operator] = BRACKETS.exec(name) ?? [];
  return base === undefined ? { name, operator: null } : { name: base, operator: operator ?? "" };
}

function pathOf(decoded: string): string[] {
  const { name, operator } = parted(decoded);
  return operator === null ? [name] : [name, operator];
}

/** Null for what is no percent-encoded UTF-8: overlong forms and surrogates are none either. */
function decode(text: string): string | null {
  if (!VISIBLE.test(text)) return null;
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return null;
  }
}

const REPEATED = "must be given once";

/** The one value of a parameter that is not a list; undefined, after that has been said, where there are several. */
export function onlyValue({ values }: Parameter, issues: Issues): string | undefined {
  if (values.length === 1) return values[0];
  issues.say(REPEATED);
  return undefined;
}

const WHOLE = /^(?:0|[1-9][0-9]{0,14})$/;

/** A whole number that is written in the shortest way; undefined after it has been said that there is none. */
export function wholeNumber(
  parameter: Parameter,
  least: number,
  issue: string,
  issues: Issues,
): number | undefined {
  const text = onlyValue(parameter, issues);
  if (text === undefined) return undefined;
  if (WHOLE.test(text) && Number(text) >= least) return Number(text);
  issues.say(issue);
  return undefined;
}
