/**
 * The head of an HTTP/2 request, held to the grammar of HTTP/1.1: it is forwarded as HTTP/1.1, and whatever an origin
 * could read there in another way is refused here (RFC 9113 §8.2, §8.3, §10.3).
 */
import { GatewayError } from "../../core/errors.ts";
import { fieldName, Headers, Kind } from "../../core/headers.ts";
import {
  isFieldValueChar,
  isTargetChar,
  isTokenChar,
  parseContentLength,
  trimOws,
} from "../http1/grammar.ts";
import { type HeadLimits, KNOWN_METHODS, refuseRequest } from "../http1/head.ts";
import { normaliseHost } from "../http1/target.ts";

export interface Http2RequestHead {
  readonly method: string;
  /** Origin form, or `*`. */
  readonly target: string;
  readonly host: string;
  readonly headers: Headers;
  /** -1 when there was none. */
  readonly contentLength: number;
  readonly expectContinue: boolean;
}

/** As much of a head as could be read, for the log of what is refused. */
export interface Pseudo {
  method: string;
  path: string;
  authority: string | undefined;
}

/** The pseudo-header fields, unchecked. `raw` is names and values in turn, as they came. */
export function readPseudo(raw: readonly string[]): Pseudo {
  const pseudo: Pseudo = { method: "", path: "", authority: undefined };
  for (let i = 0; i < raw.length && raw[i]?.charCodeAt(0) === COLON; i += 2) {
    const value = raw[i + 1] as string;
    if (raw[i] === ":method") pseudo.method = value;
    else if (raw[i] === ":path") pseudo.path = value;
    else if (raw[i] === ":authority") pseudo.authority = value;
  }
  return pseudo;
}

/** @throws GatewayError for what is no request, or too large a one. */
export function readRequestHead(
  raw: readonly string[],
  { method, path, authority }: Pseudo,
  limits: HeadLimits,
): Http2RequestHead {
  if (!KNOWN_METHODS.has(method))
    throw refuseRequest(`The method ${method.slice(0, MAX_METHOD)} is unknown.`, "METHOD_NOT_IMPLEMENTED");
  if (path.length > limits.uri) throw refuseRequest("The request target is too long.", "URI_TOO_LONG");
  const headers = readFields(raw, limits);
  const host = hostOf(authority, headers);
  const target = method === "CONNECT" ? "/" : checkTarget(path, method);
  return { method, target, host, headers, ...interpret(headers) };
}

const MAX_METHOD = 32;
const COLON = 0x3a;
const UNDERSCORE = 0x5f;
/** Colon, space and line end: what a field line has beside name and value in HTTP/1.1, where the limits come from. */
const LINE_EXTRA = 4;

function readFields(raw: readonly string[], limits: HeadLimits): Headers {
  const headers = new Headers();
  let size = 0;
  let cookie = "";
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (name.charCodeAt(0) === COLON) continue;
    const line = name.length + value.length + LINE_EXTRA;
    size += line;
    if (line > limits.header) throw refuseRequest("A header field is too large.", "HEADERS_TOO_LARGE");
    if (size > limits.headers)
      throw refuseRequest("The header fields are too large together.", "HEADERS_TOO_LARGE");
    checkName(name);
    checkValue(value);
    if (name === "cookie") {
      // RFC 9113 §8.2.3: one field again, because HTTP/1.1 may have only one.
      cookie = cookie === "" ? value : `${cookie}; ${value}`;
      continue;
    }
    if (headers.size >= limits.headerCount)
      throw refuseRequest("There are too many header fields.", "HEADERS_TOO_LARGE");
    headers.received(fieldName(name), value);
  }
  if (cookie === "") return headers;
  if (headers.size >= limits.headerCount || cookie.length + "cookie".length + LINE_EXTRA > limits.header)
    throw refuseRequest("The cookies are too large.", "HEADERS_TOO_LARGE");
  headers.received(fieldName("cookie"), cookie);
  return headers;
}

function checkName(name: string): void {
  if (name.length === 0) throw refuseRequest("A header name is empty.");
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (!isTokenChar(code) || (code >= 0x41 && code <= 0x5a))
      throw refuseRequest("A header name contains a character that is not allowed.");
    if (code === UNDERSCORE) throw refuseRequest("A header name contains an underscore.");
  }
}

function checkValue(value: string): void {
  for (let i = 0; i < value.length; i++) {
    if (!isFieldValueChar(value.charCodeAt(i)))
      throw refuseRequest("A header value contains a control character.");
  }
  if (trimOws(value) !== value) throw refuseRequest("A header value begins or ends with white space.");
}

/** RFC 9113 §8.3.1: what `:authority` says is what counts; a `host` that says something else is an attack. */
function hostOf(authority: string | undefined, headers: Headers): string {
  const fields = headers.all("host");
  if (fields.length > 1) throw new GatewayError("INVALID_HOST", { message: "Host is repeated." });
  const field = fields[0];
  if (authority === undefined) {
    if (field === undefined)
      throw new GatewayError("INVALID_HOST", { message: "Neither :authority nor Host is there." });
    return normaliseHost(field);
  }
  const host = normaliseHost(authority);
  if (field !== undefined && normaliseHost(field) !== host)
    throw new GatewayError("INVALID_HOST", { message: ":authority and Host do not agree." });
  return host;
}

function checkTarget(path: string, method: string): string {
  for (let i = 0; i < path.length; i++) {
    if (!isTargetChar(path.charCodeAt(i)))
      throw refuseRequest("The request target contains a character that is not allowed.");
  }
  if (path.startsWith("/") || (path === "*" && method === "OPTIONS")) return path;
  throw refuseRequest("The request target is not a path.");
}

function interpret(headers: Headers): { contentLength: number; expectContinue: boolean } {
  let contentLength = -1;
  let expectContinue = false;
  if ((headers.kinds & (Kind.hop | Kind.framing)) === 0) return { contentLength, expectContinue };
  for (const [name, value] of headers) {
    switch (name) {
      case "content-length":
        if (contentLength >= 0) throw refuseRequest("Content-Length is repeated.");
        contentLength = parseContentLength(value);
        if (contentLength < 0) throw refuseRequest("Content-Length is not one decimal number.");
        break;
      case "expect":
        if (value.toLowerCase() !== "100-continue")
          throw refuseRequest("Only `Expect: 100-continue` is known.", "EXPECTATION_FAILED");
        expectContinue = true;
        break;
      case "te":
        if (value.toLowerCase() !== "trailers") throw refuseRequest("TE says more than `trailers`.");
        break;
      case "connection":
      case "keep-alive":
      case "proxy-connection":
      case "transfer-encoding":
      case "upgrade":
        throw refuseRequest(`HTTP/2 has no ${name} header.`);
    }
  }
  return { contentLength, expectContinue };
}
