/**
 * W3C Trace Context, level 2 (https://www.w3.org/TR/trace-context-2/), as a participant: every call gets a span id
 * of its own in the caller's trace, or in a new trace where the caller sent none that can be read.
 */
import { randomFillSync } from "node:crypto";
import { type Headers, Kind } from "../core/headers.ts";

/** Where one call stands in its trace, and the two fields that say so upstream. */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** The caller's span, 16 hex digits; undefined where the trace starts here. */
  readonly parentId: string | undefined;
  /** This call's span, 16 hex digits. */
  readonly spanId: string;
  readonly flags: number;
  readonly traceparent: string;
  /** Empty where the field is not sent. */
  readonly tracestate: string;
}

/** §3.2.2.5.1: the caller may have recorded this trace. */
export const SAMPLED = 0x01;
/** §3.2.2.5.2: the right-most 7 bytes of the trace id are random, so samplers may decide on them. */
export const RANDOM = 0x02;

/**
 * A trace that starts here is sampled. The flag says "may have been recorded", and the access log does record
 * every call with its trace id. Zero would do harm: most SDKs follow their parent's decision by default, so a
 * gateway that sent 0 for every client without tracing would switch off the recording of all services behind
 * it. The random flag is set because all 16 bytes of our ids are random (§3.2.2.3 SHOULD).
 */
const START_FLAGS = SAMPLED | RANDOM;
const START_SUFFIX = `-${hex2(START_FLAGS)}`;

/** The trace to work in, from what the caller sent. Never fails: what cannot be read starts a new trace (OBS-2). */
export function continueTrace(headers: Headers): TraceContext {
  // Most clients send none of the fields that a proxy might, and then there is nothing to look for.
  if ((headers.kinds & Kind.provenance) === 0) return startTrace();
  const { names } = headers;
  for (let i = 0; i < names.length; i++) {
    if (names[i]?.lower === "traceparent") return continueFrom(headers, i);
  }
  return startTrace();
}

function startTrace(): TraceContext {
  const ids = randomHex(24);
  const traceId = ids.slice(0, 32);
  const spanId = ids.slice(32);
  const traceparent = `00-${traceId}-${spanId}${START_SUFFIX}`;
  // Tracestate belongs to the trace that was left (§3.3 "MUST NOT attempt to parse"), and an entry of our own
  // would only repeat what traceparent says.
  return { traceId, parentId: undefined, spanId, flags: START_FLAGS, traceparent, tracestate: "" };
}

function continueFrom(headers: Headers, at: number): TraceContext {
  // Two lines: nobody can say which one the caller meant.
  for (let i = at + 1; i < headers.names.length; i++) {
    if (headers.names[i]?.lower === "traceparent") return startTrace();
  }
  const value = trimmed(headers.values[at] ?? "");
  if (!isTraceparent(value)) return startTrace();
  const traceId = value.slice(3, 35);
  const parentId = value.slice(36, 52);
  const spanId = randomHex(8);
  // §3.2.2.5.3: bits without a meaning are zeroed, and these two are passed on as they came.
  const flags = Number.parseInt(value.slice(53, 55), 16) & (SAMPLED | RANDOM);
  // A higher version is answered with the highest that we know (§3.2.4).
  const traceparent = `00-${traceId}-${spanId}-${hex2(flags)}`;
  return { traceId, parentId, spanId, flags, traceparent, tracestate: nextTracestate(headers, spanId) };
}

const TRACEPARENT_LENGTH = 55;
const DASH = 0x2d;

/** §3.2.2 for version 00; §3.2.4 for later ones, which may add fields behind the flags. */
function isTraceparent(value: string): boolean {
  if (value.length < TRACEPARENT_LENGTH) return false;
  if (!isLowerHex(value, 0, 2) || value.startsWith("ff")) return false;
  if (value.length > TRACEPARENT_LENGTH) {
    if (value.startsWith("00") || value.charCodeAt(TRACEPARENT_LENGTH) !== DASH) return false;
  }
  return (
    value.charCodeAt(2) === DASH &&
    value.charCodeAt(35) === DASH &&
    value.charCodeAt(52) === DASH &&
    isId(value, 3, 35) &&
    isId(value, 36, 52) &&
    isLowerHex(value, 53, 55)
  );
}

/** Lower-case hex digits that are not all zero. */
function isId(value: string, from: number, to: number): boolean {
  if (!isLowerHex(value, from, to)) return false;
  for (let i = from; i < to; i++) if (value.charCodeAt(i) !== 0x30) return true;
  return false;
}

function isLowerHex(value: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = value.charCodeAt(i);
    if (!((c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66))) return false;
  }
  return true;
}

const VENDOR = "turnpike";
const MAX_MEMBERS = 32;
const MAX_KEY = 256;
const MAX_VALUE = 256;

/**
 * The caller's list with our entry to the left of it: who wrote traceparent comes first (§3.3.3). A list that
 * breaks a rule is dropped as a whole, and the trace goes on without it (§3.3).
 */
function nextTracestate(headers: Headers, spanId: string): string {
  const own = `${VENDOR}=${spanId}`;
  const members: string[] = [];
  for (let i = 0; i < headers.names.length; i++) {
    if (headers.names[i]?.lower === "tracestate" && !collectMembers(headers.values[i] ?? "", members))
      return own;
  }
  // One entry per vendor, the latest: ours of an earlier passage goes (§3.3.3, §3.5).
  const others = members.filter((member) => !member.startsWith(`${VENDOR}=`));
  // A full list loses its oldest entry to make room (§3.3.3.1).
  if (others.length === MAX_MEMBERS) others.pop();
  return others.length === 0 ? own : `${own},${others.join(",")}`;
}

/** Adds the members of one line; false if the whole list is to be dropped. Empty members are skipped (§3.3.2.1). */
function collectMembers(line: string, members: string[]): boolean {
  for (const part of line.split(",")) {
    const member = trimmed(part);
    if (member === "") continue;
    if (members.length === MAX_MEMBERS || !isMember(member)) return false;
    members.push(member);
  }
  return true;
}

/** `key=value`. Keys in the wider form of level 2 (§3.3.2.2.1): `@` is a character like others. */
function isMember(member: string): boolean {
  const equals = member.indexOf("=");
  if (equals < 1 || equals > MAX_KEY) return false;
  const valueLength = member.length - equals - 1;
  if (valueLength < 1 || valueLength > MAX_VALUE) return false;
  if (!isKeyStart(member.charCodeAt(0))) return false;
  for (let i = 1; i < equals; i++) if (!isKeyChar(member.charCodeAt(i))) return false;
  for (let i = equals + 1; i < member.length; i++) if (!isValueChar(member.charCodeAt(i))) return false;
  return true;
}

const isKeyStart = (c: number): boolean => (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39);
/** `_`, `-`, `*`, `/`, `@` besides letters and digits. */
const isKeyChar = (c: number): boolean =>
  isKeyStart(c) || c === 0x5f || c === DASH || c === 0x2a || c === 0x2f || c === 0x40;
/** Printable ASCII without `,` and `=`. */
const isValueChar = (c: number): boolean => c >= 0x20 && c <= 0x7e && c !== 0x2c && c !== 0x3d;

/** Without the optional white space around it (RFC 9110 §5.6.3): space and tab, not what `trim` takes for white. */
function trimmed(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && isBlank(value.charCodeAt(from))) from += 1;
  while (to > from && isBlank(value.charCodeAt(to - 1))) to -= 1;
  return to - from === value.length ? value : value.slice(from, to);
}

const isBlank = (c: number): boolean => c === 0x20 || c === 0x09;

function hex2(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

const pool = Buffer.allocUnsafeSlow(4080);
let unread = pool.length;
/** A slice keeps the string that it was cut from alive for as long as its call (a WebSocket's: days): short pages. */
const PAGE_BYTES = 240;
let page = "";
let used = 0;

/** Hex digits of so many random bytes. All zero, which §3.2.2.3 forbids, is less likely than a fault of the machine. */
function randomHex(bytes: number): string {
  const digits = bytes * 2;
  if (used + digits > page.length) turnPage();
  used += digits;
  return page.slice(used - digits, used);
}

function turnPage(): void {
  if (unread === pool.length) {
    randomFillSync(pool);
    unread = 0;
  }
  page = pool.toString("hex", unread, unread + PAGE_BYTES);
  unread += PAGE_BYTES;
  used = 0;
}

const MAX_BAGGAGE = 8192;

/**
 * Whether the caller's `baggage` goes upstream (OBS-5): services act on it, so only from a trusted peer, and within
 * the size that every participant must carry (https://www.w3.org/TR/baggage/, Limits), all lines taken together.
 */
export function forwardsBaggage(headers: Headers, trustedPeer: boolean): boolean {
  if (!trustedPeer || (headers.kinds & Kind.baggage) === 0) return false;
  let size = -1;
  for (const value of headers.all("baggage")) size += value.length + 1;
  return size >= 0 && size <= MAX_BAGGAGE;
}
