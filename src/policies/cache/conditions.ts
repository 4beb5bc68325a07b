/** Conditional requests: those of clients, answered from the store, and ours to the upstream (RFC 9111 §4.3). */
import { type FieldName, Headers } from "../../core/headers.ts";
import type { StoredAnswer } from "../../core/stored-answers.ts";
import { httpDate } from "./http-date.ts";

/** What a client already has. */
export interface Condition {
  /** Opaque tags, or `*`; null where only the date counts (RFC 9110 §13.2.2). */
  readonly tags: readonly string[] | null;
  /** Epoch milliseconds. */
  readonly since: number | null;
}

export function conditionOf(headers: Headers): Condition | null {
  const tags = headers.all("if-none-match");
  if (tags.length > 0) return { tags: tags.join(",").match(TAG) ?? [], since: null };
  const since = headers.get("if-modified-since");
  return since === undefined ? null : { tags: null, since: httpDate(since) };
}

/** RFC 9110 §8.8.3: a comma may stand inside the quotes. */
const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"|\*/g;

const opaque = (tag: string): string => (tag.startsWith("W/") ? tag.slice(2) : tag);

/** Whether the client has this answer already. Only what would be a 200 is ever left out (§13.2.1). */
export function holdsAlready({ tags, since }: Condition, { status, headers }: StoredAnswer): boolean {
  if (status !== 200) return false;
  if (tags !== null) {
    const own = headers.get("etag");
    // §13.1.2: the weak comparison.
    return tags.some((tag) => tag === "*" || (own !== undefined && opaque(tag) === opaque(own)));
  }
  const modified = httpDate(headers.get("last-modified") ?? headers.get("date") ?? "");
  return since !== null && modified !== null && modified <= since;
}

/** RFC 9110 §15.4.5. */
const OF_304: ReadonlySet<string> = new Set([
  "cache-control",
  "content-location",
  "date",
  "etag",
  "expires",
  "last-modified",
  "vary",
]);

/** What is left of the fields of an answer in a 304 for it. */
export function notModifiedFields(headers: Headers): Headers {
  const left = new Headers();
  for (let i = 0; i < headers.size; i++) {
    const field = headers.names[i] as FieldName;
    if (OF_304.has(field.lower)) left.received(field, headers.values[i] as string);
  }
  return left;
}

export const hasValidator = (headers: Headers): boolean =>
  headers.has("etag") || httpDate(headers.get("last-modified") ?? "") !== null;

/** Asks for the answer only if it is another one than ours; what the client has is compared later. */
export function askIfChanged(request: Headers, { headers }: StoredAnswer): void {
  dropConditions(request);
  const tag = headers.get("etag");
  const modified = headers.get("last-modified");
  if (tag !== undefined) request.append("If-None-Match", tag);
  if (modified !== undefined) request.append("If-Modified-Since", modified);
}

export function dropConditions(request: Headers): void {
  for (const lower of ["if-none-match", "if-modified-since"]) request.delete(lower);
}

/** §4.3.4: whether a 304 is about the answer that we have. */
export function isAbout(fields: Headers, { headers }: StoredAnswer): boolean {
  const tag = fields.get("etag");
  if (tag === undefined) return true;
  const own = headers.get("etag");
  return own !== undefined && opaque(own) === opaque(tag);
}

/** §3.2: what describes the content that we have stays; so does the framing, which is not ours to keep. */
const STAYS: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "set-cookie",
]);

/** The stored fields as a 304 brings them up to date. Its own age and date count, also where it has none. */
export function freshened(stored: Headers, news: Headers): Headers {
  const merged = stored.without(0);
  for (const lower of ["age", "date"]) merged.delete(lower);
  const replaced = new Set<string>();
  for (let i = 0; i < news.size; i++) {
    const field = news.names[i] as FieldName;
    if (STAYS.has(field.lower)) continue;
    if (!replaced.has(field.lower)) merged.delete(field.lower);
    replaced.add(field.lower);
    merged.received(field, news.values[i] as string);
  }
  return merged;
}
