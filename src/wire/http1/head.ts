/**
 * The head of a message: start line and header fields.
 *
 * Its law: whatever is accepted here, llhttp in strict mode accepts with the same method, target and fields;
 * whatever two servers could read in two ways is refused. `head.test.ts` and `test/fuzz` hold it to that.
 *
 * Both parsers take all text received so far, decoded as latin1 so that an index is a byte offset, and answer
 * null while the head is not complete. They are called again from the start when another line has come:
 * refusing early matters more than resuming, and the size limits bound the repetition.
 */

import { type ErrorCode, GatewayError } from "../../core/errors.ts";
import { type FieldName, fieldName, Headers, Kind } from "../../core/headers.ts";
import { METHODS } from "../../core/methods.ts";
import {
  CR,
  HTAB,
  isDigit,
  isFieldValueChar,
  isTargetChar,
  isTokenChar,
  LF,
  listMembers,
  parseContentLength,
  SP,
} from "./grammar.ts";

export interface HeadLimits {
  /** Bytes of the request target. */
  readonly uri: number;
  /** Bytes of all field lines with their line ends. */
  readonly headers: number;
  /** Bytes of one field line. */
  readonly header: number;
  readonly headerCount: number;
}

/** Where a message's body ends (RFC 9112 §6.3). */
export interface Framing {
  chunked: boolean;
  /** -1 when there was none. */
  contentLength: number;
}

export interface RequestHead extends Framing {
  readonly method: string;
  readonly target: string;
  readonly minor: 0 | 1;
  readonly headers: Headers;
  /** Bytes of the head, up to where the body starts. */
  end: number;
  /** The connection ends after this exchange; the default of HTTP/1.0. */
  close: boolean;
  /** `Connection: upgrade` was sent: an `Upgrade` field counts. */
  upgrade: boolean;
  expectContinue: boolean;
}

export interface ResponseHead extends Framing {
  readonly status: number;
  readonly minor: 0 | 1;
  readonly headers: Headers;
  end: number;
  close: boolean;
  /** Seconds after which the origin closes an idle connection, from `Keep-Alive: timeout=`; -1 if not said. */
  keepAlive: number;
}

/** Those that may be answered, and the two that are always refused with 405. Case-sensitive: `get` is unknown. */
export const KNOWN_METHODS: ReadonlySet<string> = new Set([...METHODS, "TRACE", "CONNECT"]);

const NO_LENGTH = -1;

/** How a broken rule is reported: a request is the client's mistake, a response the upstream's. */
export type Refuse = (rule: string, code?: ErrorCode) => GatewayError;

export const refuseRequest: Refuse = (rule, code = "MALFORMED_REQUEST") =>
  new GatewayError(code, { message: rule });

export const refuseResponse: Refuse = (rule) =>
  new GatewayError("UPSTREAM_INVALID_RESPONSE", { cause: new Error(rule) });

/** @throws GatewayError for a head that can never become acceptable. */
export function parseRequestHead(text: string, limits: HeadLimits): RequestHead | null {
  const length = text.length;
  const start = skipEmptyLine(text);
  let at = start;
  while (at < length && isTokenChar(text.charCodeAt(at))) at++;
  if (at - start > MAX_METHOD) return fail("The method is unknown.", "METHOD_NOT_IMPLEMENTED");
  if (at === length) return null;
  if (text.charCodeAt(at) !== SP || at === start) {
    return fail("The request line does not start with a method and one space.");
  }
  const method = text.slice(start, at);

  const targetStart = ++at;
  while (at < length && isTargetChar(text.charCodeAt(at))) at++;
  if (at - targetStart > limits.uri) return fail("The request target is too long.", "URI_TOO_LONG");
  if (at === length) return null;
  if (text.charCodeAt(at) !== SP || at === targetStart) {
    return fail("The request target is empty or contains a character that is not allowed.");
  }
  const target = text.slice(targetStart, at);

  const minor = parseVersion(text, ++at);
  if (minor === null) return null;
  at += VERSION_LENGTH;
  if (at + 2 > length) return at === length || text.charCodeAt(at) === CR ? null : fail(BAD_LINE_END);
  if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) return fail(BAD_LINE_END);
  if (!KNOWN_METHODS.has(method)) return fail(`The method ${method} is unknown.`, "METHOD_NOT_IMPLEMENTED");

  const headers = new Headers();
  const end = parseFields(text, at + 2, headers, limits, refuseRequest, false);
  if (end === INCOMPLETE) return null;
  return interpretRequest({
    method,
    target,
    minor,
    headers,
    end,
    chunked: false,
    contentLength: NO_LENGTH,
    close: minor === 0,
    upgrade: false,
    expectContinue: false,
  });
}

/** @throws GatewayError (UPSTREAM_INVALID_RESPONSE) for anything that could be split or misread. */
export function parseResponseHead(text: string, limits: HeadLimits): ResponseHead | null {
  const length = text.length;
  const minor = parseVersion(text, 0, refuseResponse);
  if (minor === null || length < STATUS_LINE_MIN) return null;
  if (text.charCodeAt(8) !== SP) throw refuseResponse("The status line is malformed.");
  const status = parseStatus(text);
  let at = 12;
  // The reason phrase may be empty, and some origins leave out the space before it.
  if (text.charCodeAt(at) !== SP && text.charCodeAt(at) !== CR)
    throw refuseResponse("The status line is malformed.");
  while (at < length && isFieldValueChar(text.charCodeAt(at))) at++;
  if (at > MAX_STATUS_LINE) throw refuseResponse("The status line is too long.");
  if (at + 1 >= length) return null;
  if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) {
    throw refuseResponse("The status line contains a control character or does not end with CR LF.");
  }
  const headers = new Headers();
  const end = parseFields(text, at + 2, headers, limits, refuseResponse, true);
  if (end === INCOMPLETE) return null;
  return interpretResponse({
    status,
    minor,
    headers,
    end,
    chunked: false,
    contentLength: NO_LENGTH,
    close: minor === 0,
    keepAlive: -1,
  });
}

const MAX_STATUS_LINE = 1024;
const STATUS_LINE_MIN = 14;
const VERSION_LENGTH = 8;
const BAD_LINE_END = "The request line does not end with CR LF right after the version.";

function parseStatus(text: string): number {
  const hundreds = text.charCodeAt(9) - ZERO;
  const tens = text.charCodeAt(10) - ZERO;
  const ones = text.charCodeAt(11) - ZERO;
  // RFC 9110 §15: the first digit is the class, 1 to 5.
  if (hundreds < 1 || hundreds > 5 || tens < 0 || tens > 9 || ones < 0 || ones > 9) {
    throw refuseResponse("The status is not a number from 100 to 599.");
  }
  return hundreds * 100 + tens * 10 + ones;
}

/** RFC 9112 §2.2: one empty line before a request line is a known client mistake and harmless. */
function skipEmptyLine(text: string): number {
  if (text.charCodeAt(0) !== CR) return 0;
  if (text.length === 1) return 1;
  return text.charCodeAt(1) === LF ? 2 : 0;
}

const MAX_METHOD = 32;

function fail(rule: string, code?: ErrorCode): never {
  throw refuseRequest(rule, code);
}

/** Null while it is not complete; what is there already must fit. */
function parseVersion(text: string, at: number, refuse: Refuse = refuseRequest): 0 | 1 | null {
  const available = Math.min(text.length - at, VERSION_LENGTH);
  for (let i = 0; i < available; i++) {
    const code = text.charCodeAt(at + i);
    const fits = i === 5 || i === 7 ? isDigit(code) : code === PROTOCOL.charCodeAt(i);
    if (!fits) throw refuse("The line does not carry an HTTP version where one belongs.");
  }
  if (available < VERSION_LENGTH) return null;
  const minor = text.charCodeAt(at + 7);
  if (text.charCodeAt(at + 5) !== ONE || minor > ONE) {
    throw refuse("Only HTTP/1.1 and HTTP/1.0 are spoken here.", "HTTP_VERSION_NOT_SUPPORTED");
  }
  return minor === ONE ? 1 : 0;
}

const PROTOCOL = "HTTP/x.x";
const ZERO = 0x30;
const ONE = 0x31;
const COLON = 0x3a;
const UNDERSCORE = 0x5f;
const INCOMPLETE = -1;

/**
 * Field lines up to and including the empty line; used for trailers too. Returns the offset behind it, or
 * INCOMPLETE. Names with `_` are refused in requests: CGI-style origins read `X_User` and `X-User` as one.
 */
export function parseFields(
  text: string,
  from: number,
  into: Headers,
  limits: HeadLimits,
  refuse: Refuse,
  allowUnderscore: boolean,
): number {
  const length = text.length;
  let at = from;
  for (;;) {
    if (at - from > limits.headers)
      throw refuse("The header fields are too large together.", "HEADERS_TOO_LARGE");
    if (at >= length) return INCOMPLETE;
    const first = text.charCodeAt(at);
    if (first === CR) {
      if (at + 1 >= length) return INCOMPLETE;
      if (text.charCodeAt(at + 1) !== LF) throw refuse("A CR is not followed by LF.");
      return at + 2;
    }
    if (into.names.length >= limits.headerCount)
      throw refuse("There are too many header fields.", "HEADERS_TOO_LARGE");

    const nameStart = at;
    let underscore = false;
    let code = first;
    while (isTokenChar(code)) {
      if (code === UNDERSCORE) underscore = true;
      if (++at >= length) {
        checkSize(at - nameStart, at - from, limits, refuse);
        return INCOMPLETE;
      }
      code = text.charCodeAt(at);
    }
    // Size before form, as while the line is incomplete: the code must not depend on where the packets were cut.
    checkSize(at - nameStart, at - from, limits, refuse);
    if (code !== COLON || at === nameStart) throw refuse(describeBadName(code, at === nameStart));
    if (underscore && !allowUnderscore) throw refuse("A header name contains an underscore.");
    const name = text.slice(nameStart, at);

    at++;
    while (at < length && (text.charCodeAt(at) === SP || text.charCodeAt(at) === HTAB)) at++;
    const valueStart = at;
    while (at < length && isFieldValueChar(text.charCodeAt(at))) at++;
    checkSize(at - nameStart, at - from, limits, refuse);
    if (at >= length) return INCOMPLETE;
    if (text.charCodeAt(at) !== CR)
      throw refuse("A header value contains a control character or a line ends without CR.");
    if (at + 1 >= length) return INCOMPLETE;
    if (text.charCodeAt(at + 1) !== LF) throw refuse("A CR is not followed by LF.");
    let valueEnd = at;
    while (
      valueEnd > valueStart &&
      (text.charCodeAt(valueEnd - 1) === SP || text.charCodeAt(valueEnd - 1) === HTAB)
    )
      valueEnd--;
    const field = fieldName(name);
    // RFC 9112 §5.1 allows it and llhttp takes a tab there for part of the coding: no two opinions about framing.
    if (valueEnd < at && field.lower === "transfer-encoding")
      throw refuse("Transfer-Encoding is followed by white space.");
    at += 2;
    into.received(field, text.slice(valueStart, valueEnd));
  }
}

/** An unfinished line may already be too long. */
function checkSize(line: number, all: number, limits: HeadLimits, refuse: Refuse): void {
  if (line > limits.header) throw refuse("A header field is too large.", "HEADERS_TOO_LARGE");
  if (all > limits.headers) throw refuse("The header fields are too large together.", "HEADERS_TOO_LARGE");
}

function describeBadName(code: number, empty: boolean): string {
  // RFC 9112 §5.2 (obs-fold) and §2.2 (white space before the first field) both look like this.
  if (empty && (code === SP || code === HTAB)) return "A header line starts with white space.";
  if (empty && code === COLON) return "A header name is empty.";
  // RFC 9112 §5.1: the classic way to hide a field from one of two servers.
  if (code === SP || code === HTAB) return "There is white space between a header name and its colon.";
  if (code === LF || code === CR) return "A header line has no colon, or a line ends without CR LF.";
  return "A header name contains a character that is not allowed.";
}

/** What the fields say about framing and connection; RFC 9112 §6.1–6.3 and §9.3. */
function interpretRequest(head: RequestHead): RequestHead {
  const { names, values } = head.headers;
  let codings: string | null = null;
  let options = "";
  for (let i = 0; i < names.length; i++) {
    const field = names[i] as FieldName;
    if ((field.kind & (Kind.hop | Kind.framing)) === 0) continue;
    const value = values[i] as string;
    switch (field.lower) {
      case "content-length":
        if (head.contentLength !== NO_LENGTH) return fail("Content-Length is repeated.");
        head.contentLength = parseContentLength(value);
        if (head.contentLength === NO_LENGTH) return fail("Content-Length is not one decimal number.");
        break;
      case "transfer-encoding":
        if (codings !== null) return fail("Transfer-Encoding is repeated.");
        codings = value;
        break;
      case "connection":
        options = options === "" ? value : `${options},${value}`;
        break;
      case "proxy-connection":
        // RFC 9112 C.2.2: a mistake of old clients. llhttp ends the connection for it; whoever reads on is looser.
        if (listMembers(value).includes("close")) head.close = true;
        break;
      case "expect":
        if (value.toLowerCase() !== "100-continue") {
          return fail("Only `Expect: 100-continue` is known.", "EXPECTATION_FAILED");
        }
        // RFC 9110 §10.1.1: an HTTP/1.0 client cannot mean it.
        head.expectContinue = head.minor === 1;
        break;
    }
  }
  if (options !== "") applyConnection(head, options);
  if (codings !== null) requireChunked(head, codings);
  return head;
}

function requireChunked(head: RequestHead, codings: string): void {
  // RFC 9112 §6.1 allows "close and process"; two servers that disagree on it are a smuggling pair.
  if (head.contentLength !== NO_LENGTH) fail("Both Content-Length and Transfer-Encoding are present.");
  if (head.minor === 0) fail("Transfer-Encoding is not part of HTTP/1.0.");
  if (codings.toLowerCase() !== "chunked") {
    const known = /^[a-z]+(?:[ \t]*,[ \t]*[a-z]+)*[ \t]*,[ \t]*chunked$/i.test(codings);
    if (known) fail("Only the transfer coding `chunked` is supported.", "TRANSFER_CODING_UNSUPPORTED");
    fail("Transfer-Encoding is not `chunked`.");
  }
  head.chunked = true;
}

function applyConnection(
  head: { close: boolean; upgrade?: boolean; minor: 0 | 1; headers: Headers },
  value: string,
): void {
  if (value === "keep-alive" && head.minor === 1) return;
  const options = listMembers(value);
  // RFC 9112 §9.3: `close` beats `keep-alive`, wherever it stands.
  if (options.includes("close")) head.close = true;
  else if (head.minor === 0) head.close = !options.includes("keep-alive");
  if (options.includes("upgrade")) head.upgrade = true;
  nominate(head.headers, options);
}

/**
 * RFC 9110 §7.6.1: fields that `Connection` names are for this connection only. It must not be able to strip what
 * decisions are based on (HTTP-22): fields of kind `secured` stay.
 */
function nominate(headers: Headers, options: readonly string[]): void {
  const secured = (lower: string) =>
    headers.names.some((field) => field.lower === lower && (field.kind & Kind.secured) !== 0);
  const names = options.filter((option) => !CONNECTION_OPTIONS.has(option) && !secured(option));
  if (names.length > 0) headers.nominated = names;
}

const CONNECTION_OPTIONS: ReadonlySet<string> = new Set(["close", "keep-alive", "upgrade", "te"]);

function interpretResponse(head: ResponseHead): ResponseHead {
  const { names, values } = head.headers;
  let codings: string | null = null;
  let options = "";
  for (let i = 0; i < names.length; i++) {
    const field = names[i] as FieldName;
    if ((field.kind & (Kind.hop | Kind.framing)) === 0) continue;
    const value = values[i] as string;
    switch (field.lower) {
      case "content-length":
        if (head.contentLength !== NO_LENGTH) throw refuseResponse("Content-Length is repeated.");
        head.contentLength = parseContentLength(value);
        if (head.contentLength === NO_LENGTH)
          throw refuseResponse("Content-Length is not one decimal number.");
        break;
      case "transfer-encoding":
        if (codings !== null) throw refuseResponse("Transfer-Encoding is repeated.");
        codings = value.toLowerCase();
        break;
      case "keep-alive":
        head.keepAlive = keepAliveSeconds(value);
        break;
      case "connection":
        options = options === "" ? value : `${options},${value}`;
        break;
      case "proxy-connection":
        if (listMembers(value).includes("close")) head.close = true;
        break;
    }
  }
  if (options !== "") applyConnection(head, options);
  if (codings === null) return head;
  if (head.contentLength !== NO_LENGTH)
    throw refuseResponse("Both Content-Length and Transfer-Encoding are present.");
  if (head.minor === 0) throw refuseResponse("Transfer-Encoding is not part of HTTP/1.0.");
  if (codings !== "chunked") throw refuseResponse("Transfer-Encoding is not `chunked`.");
  head.chunked = true;
  return head;
}

function keepAliveSeconds(value: string): number {
  const timeout = /(?:^|[,\s])timeout=([0-9]{1,6})/i.exec(value);
  return timeout === null ? -1 : Number(timeout[1]);
}
