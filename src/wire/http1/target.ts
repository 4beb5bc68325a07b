/** Request target and Host (RFC 9112 §3.2, RFC 9110 §7.2): which authority and which path were asked for. */
import { isIPv6 } from "node:net";
import { GatewayError } from "../../core/errors.ts";
import type { Headers } from "../../core/headers.ts";
import type { RequestHead } from "./head.ts";

export interface Target {
  /** Origin form: path and query, or `*`. */
  readonly target: string;
  /** Lower-case, without a trailing dot; with the port if one was given. */
  readonly host: string;
}

const SLASH = 0x2f;

/** The Host of a connection's last request: the next one nearly always has the same. */
export interface HostMemory {
  field: string;
  host: string;
}

/** @throws GatewayError INVALID_HOST, MALFORMED_REQUEST. */
export function resolveTarget(head: RequestHead, last: HostMemory): Target {
  const { target, method } = head;
  const field = hostField(head.headers, head.minor);
  // An empty field is what the memory starts with: it must be refused like any other that names no host.
  if (field !== undefined && (field !== last.field || field === "")) {
    last.host = normaliseHost(field);
    last.field = field;
  }
  const host = field === undefined ? "" : last.host;
  // RFC 9112 §3.2.3: authority form belongs to CONNECT and to nothing else. No route offers it: the flow answers 405.
  if (method === "CONNECT") return { target: "/", host: normaliseHost(target) };
  if (target.charCodeAt(0) === SLASH) return { target, host };
  if (target === "*" && method === "OPTIONS") return { target, host };
  return absoluteForm(target);
}

/** RFC 9112 §3.2.2: an absolute target decides; Host is checked to be well-formed and otherwise ignored. */
function absoluteForm(target: string): Target {
  const match = /^https?:\/\/([^/?]*)(.*)$/i.exec(target);
  if (match === null)
    throw new GatewayError("MALFORMED_REQUEST", { message: "The request target is not a path." });
  const rest = match[2] as string;
  const origin = rest.charCodeAt(0) === SLASH ? rest : `/${rest}`;
  return { target: origin, host: normaliseHost(match[1] as string) };
}

function hostField(headers: Headers, minor: 0 | 1): string | undefined {
  let host: string | undefined;
  for (let i = 0; i < headers.names.length; i++) {
    if (headers.names[i]?.lower !== "host") continue;
    if (host !== undefined) throw new GatewayError("INVALID_HOST", { message: "Host is repeated." });
    host = headers.values[i];
  }
  // RFC 9112 §3.2: HTTP/1.1 without Host must be refused.
  if (host === undefined && minor === 1)
    throw new GatewayError("INVALID_HOST", { message: "Host is missing." });
  return host;
}

/** A registered name keeps to letters, digits, `-`, `.` and `_`: percent-encoding in a host has no honest use. */
const NAME_AND_PORT = /^([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::([0-9]{1,5}))?$/;
const ADDRESS_AND_PORT = /^\[([0-9a-f:.]+)\](?::([0-9]{1,5}))?$/;
const MAX_HOST = 255;

/** @throws GatewayError INVALID_HOST. */
export function normaliseHost(value: string): string {
  if (value.length > 0 && value.length <= MAX_HOST + 6) {
    const host = value.toLowerCase();
    const named = NAME_AND_PORT.exec(host);
    if (named !== null && (named[1] as string).length <= MAX_HOST)
      return withPort(named[1] as string, named[2]);
    const address = ADDRESS_AND_PORT.exec(host);
    if (address !== null && isIPv6(address[1] as string)) return withPort(`[${address[1]}]`, address[2]);
  }
  throw new GatewayError("INVALID_HOST", {
    message: "Host is not a host name or address with an optional port.",
  });
}

function withPort(name: string, port: string | undefined): string {
  if (port === undefined) return name;
  if (Number(port) > 65535)
    throw new GatewayError("INVALID_HOST", { message: "The port in Host does not exist." });
  return `${name}:${Number(port)}`;
}
