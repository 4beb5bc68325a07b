/** What tokens say, as text that the rest of the gateway can work with. */
import { claimAt } from "../../core/claims.ts";
import { TokenRefusal } from "./refusal.ts";

type Claims = Readonly<Record<string, unknown>>;

/** A list of words: an array of texts, or one text with spaces between them (RFC 8693 §4.2, RFC 9068 §2.2.3). */
export function wordsAt(claims: Claims, name: string): string[] {
  const value = claimAt(claims, name);
  if (value === undefined) return [];
  const words: unknown[] =
    typeof value === "string" ? value.split(" ") : Array.isArray(value) ? value : [value];
  if (!words.every((word) => typeof word === "string"))
    throw new TokenRefusal(`${name} is neither a text nor a list of texts`);
  return words.filter((word) => word !== "");
}

/** One name, such as whose the token is. */
export function nameAt(claims: Claims, name: string): string {
  const value = claimAt(claims, name);
  if (typeof value === "number" || typeof value === "string") return String(value);
  if (value === undefined) return "";
  throw new TokenRefusal(`${name} is not a text`);
}

/** Bytes of a header that a claim may fill: whoever reads it has limits, too. */
const MAX_FIELD = 4096;

/** Unlike a list's, the text of a single value may hold commas, and spaces within. */
const UNSAFE_IN_TEXT = /[^\x20-\x24\x26-\x7e]|^ | $/gu;
const UNSAFE_IN_LIST = /[^\x21-\x24\x26-\x2b\x2d-\x7e]/gu;

/**
 * Field lines for the upstream (JWT-14), each header with the claim that it holds; what is not there or empty gets
 * none. What is not printable ASCII, and `%`, is percent-encoded as UTF-8, so that no value can end its line and
 * decoding gives it back. Lists are joined by commas, those within encoded; objects are JSON.
 */
export function claimFields(
  claims: Claims,
  headers: readonly (readonly [name: string, claim: string])[],
): string {
  let lines = "";
  for (const [header, name] of headers) {
    const value = claimAt(claims, name);
    const text = value === undefined ? "" : fieldText(value);
    if (text.length > MAX_FIELD) throw new TokenRefusal(`${name} is too long for a header`);
    if (text !== "") lines += `${header}: ${text}\r\n`;
  }
  return lines;
}

const fieldText = (value: unknown): string =>
  Array.isArray(value)
    ? value.map((one) => encoded(plain(one), UNSAFE_IN_LIST)).join(",")
    : encoded(plain(value), UNSAFE_IN_TEXT);

const plain = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

function encoded(text: string, unsafe: RegExp): string {
  return text.replace(unsafe, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}
