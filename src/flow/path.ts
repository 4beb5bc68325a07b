/**
 * One reading of a path, made before any decision; the result is what is matched and what is forwarded.
 *
 * Servers disagree about dot segments, empty segments, escapes, `\` and `;`. So a path leaves here in a form that
 * nginx, Apache, Node, Tomcat and IIS read alike, or it does not leave: what has no such form is refused.
 *
 * In the normal form, escapes stand only where a plain character cannot, in upper case (RFC 3986 §6.2.2); their bytes
 * are UTF-8 without control characters and do not spell another escape; there is no empty segment but a trailing one,
 * no dot segment, and nothing that becomes one where a server decodes once more, cuts `;…` off, or turns `\` into `/`.
 */
import { GatewayError } from "../core/errors.ts";
import type { PathRules } from "../core/plan.ts";

const SLASH = 0x2f;
const DOT = 0x2e;

const UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

/**
 * RFC 3986 §3.3: `/` and every `pchar` but `%` and `;`, the two that need a second look. Also what browsers leave as it
 * is against the RFC (WHATWG URL, path percent-encode set) and every server takes for itself.
 */
const PLAIN = charactersOf(`${UNRESERVED}/!$&'()*+,=:@|[]`);

/** What an escaped byte becomes: itself where it is unreserved (RFC 3986 §6.2.2.2), else its escape in upper case. */
const ESCAPED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return UNRESERVED.includes(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
});

/*
 * Looked for when escapes are in their normal form. All of them match fixed strings: no input makes them go back.
 */
const ENCODED_CONTROL = /%[01]|%7F/;
const ENCODED_SLASH = /%2F|%5C/;
const ENCODED_TWICE = /%25[0-9A-Fa-f]{2}/;
const SEMICOLON = /;|%3B/;
/**
 * A segment, or a part of one between encoded slashes, that some server takes for a dot segment or for an empty one:
 * Tomcat cuts `;…` off, Windows drops spaces at the end, some rewriting cuts at a decoded `?` or `#`.
 */
const HIDDEN_DOTS = /(?:^|%2F|%5C)(?:\.{0,2}(?:;|%3B)|\.{1,2}(?:$|%2F|%5C|%20|%3F|%23))/;
/** Where a segment may be empty or made of dots. Most paths have none such and need not be taken apart. */
const DOTS_OR_NOTHING = /(?:\/|%2F|%5C)\.{0,2}(?:$|\/|;|%)/;

/** `query` is `?` and what follows, as received; empty if there was no `?`. */
export function splitTarget(target: string): { path: string; query: string } {
  // RFC 9112 §3.2: no form of target has a fragment; servers that get one cut it off, or do not.
  if (target.includes("#")) throw refused("A request target has no fragment.");
  const mark = target.indexOf("?");
  if (mark === -1) return { path: target, query: "" };
  return { path: target.slice(0, mark), query: target.slice(mark) };
}

/** The normal form of a path as received; the same string where it already is one. */
export function normalisePath(raw: string, rules: PathRules): string {
  return isPlain(raw) ? raw : withoutDotSegments(withNormalEscapes(raw, rules));
}

/** True for nearly every path there is: nothing in it that anyone reads in two ways. */
function isPlain(path: string): boolean {
  if (path.charCodeAt(0) !== SLASH) return false;
  let previous = SLASH;
  for (let i = 1; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (PLAIN[code] !== 1) return false;
    if (code === SLASH && (previous === SLASH || (previous === DOT && endsInDotSegment(path, i))))
      return false;
    previous = code;
  }
  return previous !== DOT || !endsInDotSegment(path, path.length);
}

/** Whether the segment before `end`, which ends in a dot, is `.` or `..`. */
function endsInDotSegment(path: string, end: number): boolean {
  const before = path.charCodeAt(end - 2);
  return before === SLASH || (before === DOT && path.charCodeAt(end - 3) === SLASH);
}

function withNormalEscapes(raw: string, rules: PathRules): string {
  if (raw.charCodeAt(0) !== SLASH) throw refused('A path starts with "/".');
  for (let i = 0; i < raw.length; i++) {
    const character = raw.charAt(i);
    if (PLAIN[raw.charCodeAt(i)] !== 1 && character !== "%" && character !== ";") {
      throw refused("The path contains a character that must be percent-encoded.");
    }
  }
  if (!isEncodedUtf8(raw)) throw refused("The path contains a malformed escape or one that is not UTF-8.");
  const path = raw.includes("%") ? unescapeUnreserved(raw) : raw;
  refuseAmbiguous(path, rules);
  return path;
}

/** ECMA-262 `Decode` refuses what we refuse: half escapes, overlong forms, surrogates, lone bytes. */
function isEncodedUtf8(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

function unescapeUnreserved(path: string): string {
  let text = "";
  let copied = 0;
  for (let at = path.indexOf("%"); at !== -1; at = path.indexOf("%", copied)) {
    text += path.slice(copied, at) + ESCAPED[Number.parseInt(path.slice(at + 1, at + 3), 16)];
    copied = at + 3;
  }
  return text + path.slice(copied);
}

function refuseAmbiguous(path: string, rules: PathRules): void {
  if (ENCODED_CONTROL.test(path)) throw refused("The path contains an encoded control character.");
  if (ENCODED_TWICE.test(path)) throw refused("The path is percent-encoded twice.");
  if (rules.encodedSlash === "refuse" && ENCODED_SLASH.test(path)) {
    throw refused("The path contains an encoded slash or backslash.");
  }
  // An encoded semicolon becomes a plain one behind any proxy that decodes and does not encode it again.
  if (rules.semicolon === "refuse" && SEMICOLON.test(path)) throw refused("The path contains a semicolon.");
}

/** RFC 3986 §5.2.4, with empty segments left out first, as nginx and Apache do. */
function withoutDotSegments(path: string): string {
  if (!DOTS_OR_NOTHING.test(path)) return path;
  const kept: string[] = [];
  const segments = path.split("/");
  for (const segment of segments) {
    if (segment === "..") {
      if (kept.pop() === undefined) throw refused("The path goes above the root.");
    } else if (segment !== "" && segment !== ".") {
      if (HIDDEN_DOTS.test(segment)) throw refused("The path hides a dot segment or an empty one.");
      kept.push(segment);
    }
  }
  if (kept.length === 0) return "/";
  const last = segments.at(-1);
  return `/${kept.join("/")}${last === "" || last === "." || last === ".." ? "/" : ""}`;
}

/*
 * Folding: the same path as the most lenient origin would read it. Nothing folded is ever forwarded or matched for
 * its own sake; the router compares what it finds with and without, and refuses where they differ.
 */

const UPPER = 1;
const OTHER = 2;
const FOLDS = foldTable();

/** Case ignored, escapes decoded, path parameters and trailing dots and spaces of a segment dropped. */
export function foldPath(path: string): string {
  const folds = foldsIn(path);
  if (folds === 0) return path;
  return folds === UPPER ? path.toLowerCase() : path.split("/").map(foldSegment).join("/");
}

export function foldSegment(segment: string): string {
  const semicolon = segment.search(SEMICOLON);
  const text = decodeURIComponent(semicolon === -1 ? segment : segment.slice(0, semicolon));
  // What is left must still be one segment.
  return (withoutTail(text) || text).toLowerCase().replaceAll("/", "%2f");
}

/** The folded path of an origin for which `%2F` and `%5C` separate and `%3F` and `%23` end a path; null without them. */
export function foldPathDecoded(path: string): string | null {
  if (!path.includes("%") || !/%(?:2F|5C|3F|23)/.test(path)) return null;
  const end = path.search(/%3F|%23/);
  const decoded = (end === -1 ? path : path.slice(0, end)).replace(/%2F|%5C/g, "/").replace(/\/\/+/g, "/");
  return foldPath(decoded);
}

function foldsIn(path: string): number {
  let folds = 0;
  let previous = SLASH;
  for (let i = 1; i < path.length; i++) {
    const code = path.charCodeAt(i);
    folds |= FOLDS[code] ?? 0;
    if (code === SLASH && previous === DOT) folds |= OTHER;
    previous = code;
  }
  return previous === DOT ? folds | OTHER : folds;
}

function foldTable(): Uint8Array {
  const table = charactersOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  for (const character of "%;") table[character.charCodeAt(0)] = OTHER;
  return table;
}

/** Windows opens `admin.` and `admin ` as `admin`. */
function withoutTail(segment: string): string {
  let end = segment.length;
  while (end > 0 && (segment.charAt(end - 1) === "." || segment.charAt(end - 1) === " ")) end--;
  return segment.slice(0, end);
}

function charactersOf(text: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of text) table[character.charCodeAt(0)] = 1;
  return table;
}

function refused(message: string): GatewayError {
  return new GatewayError("INVALID_PATH", { message });
}
