import type { Headers } from "../../core/headers.ts";

const JSON_TYPE = /^application\/(?:[^;\s]+\+)?json\s*(?:;|$)/i;

/** `application/json` and what builds on it (RFC 6839 §3.1); a stream of JSON texts is none. */
export function isJsonType(headers: Headers): boolean {
  return JSON_TYPE.test(headers.get("content-type") ?? "");
}

/** RFC 6902. */
export function isJsonPatch(headers: Headers): boolean {
  return /^application\/json-patch\+json\b/i.test(headers.get("content-type") ?? "");
}

const LONG_NUMBER = /\d{16}/;
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The value of a JSON text, in which numbers that a double cannot hold are kept as they are written: ids of 64 bits
 * must come out of a conversion as they went in.
 *
 * @throws SyntaxError or TypeError for what is not JSON in UTF-8.
 */
export function parseExactly(bytes: Buffer): unknown {
  const text = UTF8.decode(bytes);
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  const parse = JSON.parse as ParseWithSource;
  return parse(text, (_, value, { source }) =>
    typeof value === "number" && LONG_NUMBER.test(source) && String(value) !== source
      ? rawJson(source)
      : value,
  );
}

/** In V8 since 11.4, not in TypeScript's library yet. */
type ParseWithSource = (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source: string }) => unknown,
) => unknown;

const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
