import { z } from "zod";
import { cidr, distinct, method, name, text } from "./fields.ts";
import { found } from "./found.ts";
import { KEY_ENVIRONMENTS } from "./keys.ts";
import { parseDuration } from "./values.ts";

/** What may be said of an API key, wherever it is said: config, command line, admin API. */

const MAX_CONSUMER = 128;

/** It goes into a header and into log lines as it is. */
export const consumer = text("the name of a consumer", (value) => {
  if (/^[!-~](?:[ -~]{0,126}[!-~])?$/.test(value)) return undefined;
  if (value.length > MAX_CONSUMER) return `must have at most ${MAX_CONSUMER} characters`;
  return `expected a name of printable ASCII characters, ${found(value)}`;
});

/** RFC 6749 §3.3: what a scope is made of. */
export const scope = text("a scope such as orders:read", (value) =>
  /^[!#-[\]-~]{1,128}$/.test(value)
    ? undefined
    : `expected a scope such as orders:read, without spaces, quotes and backslashes, ${found(value)}`,
);

export const scopes = distinct(scope).max(100);
export const ipRanges = distinct(cidr).max(100);
export const methods = distinct(method);
export const routes = distinct(name).max(100);
export const plan = name;
export const environment = z.enum(KEY_ENVIRONMENTS);

/** What people call a key. */
export const label = text("a name", (value) =>
  /^[^\p{C}]{0,200}$/u.test(value) ? undefined : "must be one line of at most 200 characters",
);

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** Milliseconds since the epoch of a date (its first moment in UTC) or an RFC 3339 time; undefined for neither. */
export function parseMoment(value: string): number | undefined {
  if (!DATE.test(value) && !TIME.test(value)) return undefined;
  const at = Date.parse(value);
  // Date.parse takes 2027-02-31 for a day in March.
  const day = new Date(`${value.slice(0, 10)}T00:00:00Z`);
  return Number.isNaN(at) || day.toISOString().slice(0, 10) !== value.slice(0, 10) ? undefined : at;
}

/** When a new key ends: a date, a time, or so long from now (`90d`). */
export function expiry(now: number) {
  const read = (value: string): number | undefined => {
    const lasts = parseDuration(value);
    return lasts === undefined ? parseMoment(value) : now + lasts;
  };
  return text("a duration such as 90d or a date such as 2027-01-31", (value) => {
    const at = read(value);
    if (at === undefined)
      return `expected a duration such as 90d, a date such as 2027-01-31 or a time such as 2027-01-31T18:00:00Z, ${found(value)}`;
    if (at <= now) return `${value} is in the past`;
    return at > LATEST ? `${value} is further away than dates go` : undefined;
  }).transform((value) => read(value) as number);
}

/** The last second that fits into 32 bits, unsigned: what the table of keys holds. */
const LATEST = 0xffff_ffff * 1000;

/** A date or a time, read into milliseconds since the epoch. */
export const moment = text("a date such as 2027-01-31", (value) =>
  parseMoment(value) === undefined
    ? `expected a date such as 2027-01-31 or a time such as 2027-01-31T18:00:00Z, ${found(value)}`
    : undefined,
).transform((value) => parseMoment(value) as number);
