/**
 * Who the client is and how it reached us, and what the upstream is told about that (FWD-1, 2, 3, 5).
 *
 * `X-Forwarded-*` is believed only from the proxies of `listen.trustedProxies`. What they say is a list that
 * everybody on the way has added to at the right; the left end is whatever the client wrote.
 */

import type { Peer, Request } from "../core/call.ts";
import type { Headers } from "../core/headers.ts";
import { type Address, isIn, type Network, parseAddress, parseNetwork } from "../core/networks.ts";

export interface ClientAddress {
  /** Whether the other end of the connection is a trusted proxy. */
  readonly trusted: boolean;
  /** Canonical text: dotted IPv4, or IPv6 as RFC 5952 writes it. */
  readonly clientIp: string;
  readonly scheme: "http" | "https";
  /** Host, and port if it was given, as the client wrote it in its URL; empty if it said none. */
  readonly host: string;
  /** The port that the client connected to. */
  readonly port: number;
  /** What the upstream is told, but for the host: the same text for every call by this way. */
  readonly fields: string;
}

/** Peers come back; past so many different ones they are looked at afresh. */
const MAX_PEERS = 4096;

/** Ready for every request of a plan. Throws where an entry is no address and no network in CIDR form. */
export function makeClientAddress(trustedProxies: readonly string[]): (request: Request) => ClientAddress {
  const networks = trustedProxies.map(parseNetwork);
  const direct = new Map<string, DirectPeer>();
  return (request) => {
    const { peer } = request;
    let known = direct.get(peer.address);
    if (known === undefined || known.secure !== peer.secure || known.port !== peer.localPort) {
      known = directPeer(peer, networks);
      if (direct.size >= MAX_PEERS) direct.clear();
      direct.set(peer.address, known);
    }
    return known.trusted ? throughProxy(request, known, networks) : fromPeer(request, known);
  };
}

/** What there is to know about the other end of a connection. */
interface DirectPeer {
  readonly trusted: boolean;
  readonly address: string;
  readonly scheme: "http" | "https";
  readonly secure: boolean;
  readonly port: number;
  readonly fields: string;
}

/** Stands for an address that nobody knows (RFC 7239 §6.2). */
const UNKNOWN = "unknown";

function directPeer(peer: Peer, networks: readonly Network[]): DirectPeer {
  const parsed = parseAddress(withoutZone(peer.address));
  // A peer without an address is at the other end of a Unix socket.
  const address = parsed === null ? UNKNOWN : parsed.text;
  const trusted = parsed !== null && isIn(networks, parsed);
  const scheme = peer.secure ? "https" : "http";
  const fields = fieldLines(address, address, scheme, peer.localPort);
  return { trusted, address, scheme, secure: peer.secure, port: peer.localPort, fields };
}

/** The way without a proxy of ours: nothing that the client says about itself is read. */
function fromPeer(request: Request, peer: DirectPeer): ClientAddress {
  return {
    trusted: false,
    clientIp: peer.address,
    scheme: peer.scheme,
    host: request.host,
    port: peer.port,
    fields: peer.fields,
  };
}

function throughProxy(request: Request, peer: DirectPeer, networks: readonly Network[]): ClientAddress {
  const { headers } = request;
  const hops = forwardedFor(headers);
  const clientIp = firstUntrusted(hops, networks) ?? peer.address;
  const proto = schemeOf(lastItem(headers, "x-forwarded-proto"));
  const forwardedHost = hostOf(lastItem(headers, "x-forwarded-host"));
  const host = forwardedHost === "" ? request.host : forwardedHost;
  const scheme = proto ?? peer.scheme;
  const port =
    portOf(lastItem(headers, "x-forwarded-port")) ?? impliedPort(forwardedHost, proto) ?? peer.port;
  const via = hops.length === 0 ? "" : `${hops.map((hop) => hop.text).join(", ")}, `;
  const fields = fieldLines(`${via}${peer.address}`, clientIp, scheme, port);
  return { trusted: true, clientIp, scheme, host, port, fields };
}

const fieldLines = (forwardedFor: string, clientIp: string, scheme: string, port: number): string =>
  `X-Forwarded-For: ${forwardedFor}\r\nX-Real-IP: ${clientIp}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Port: ${port}\r\n`;

/** A host that can stand in a field: no white space, no control character, no list. The wire has checked more. */
const HOST_TEXT = /^[!-+\--~]+$/;

/**
 * The header lines, each with its CRLF, that tell the upstream about the client (FWD-1). Addresses and numbers in
 * them are our own text and the host is checked, so no input can start a line of its own.
 *
 * `Forwarded` (RFC 7239) says the same again in another form, so it is added only where a trusted proxy speaks it,
 * because dropping its list would lose what it knows.
 */
export function forwardedFields(request: Request, client: ClientAddress): string {
  const host = HOST_TEXT.test(client.host) ? `X-Forwarded-Host: ${client.host}\r\n` : "";
  if (!client.trusted) return client.fields + host;
  return client.fields + host + forwardedLine(request);
}

/** Hops looked at: more is an attack, and what was cut off is its own left end. */
const MAX_HOPS = 64;

/**
 * The addresses of `X-Forwarded-For`, all lines joined in order (RFC 9110 §5.3). The walk goes from the right and
 * stops at the first that is no address: whoever wrote that did not know who came before, so nobody vouches for the rest.
 */
function forwardedFor(headers: Headers): Address[] {
  const hops: Address[] = [];
  const line = headers.all("x-forwarded-for").join(",");
  let end = line.length;
  for (let step = 0; end > 0 && step < MAX_HOPS; step++) {
    const comma = line.lastIndexOf(",", end - 1);
    const item = line.slice(comma + 1, end).trim();
    end = comma;
    // §5.6.1.2: empty items are none.
    if (item === "") continue;
    const hop = parseAddress(withoutPort(item));
    if (hop === null) break;
    hops.unshift(hop);
  }
  return hops;
}

/** The client: the right-most address that is not a proxy of ours; with proxies only, the farthest of them (FWD-3). */
function firstUntrusted(hops: readonly Address[], networks: readonly Network[]): string | undefined {
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = hops[i];
    if (hop !== undefined && !isIn(networks, hop)) return hop.text;
  }
  return hops[0]?.text;
}

/** The last item of a list field: the one that our own peer wrote, whatever came in from before it. */
function lastItem(headers: Headers, lower: string): string {
  const line = headers.all(lower).at(-1) ?? "";
  return line.slice(line.lastIndexOf(",") + 1).trim();
}

function schemeOf(value: string): "http" | "https" | undefined {
  const lower = value.toLowerCase();
  return lower === "http" || lower === "https" ? lower : undefined;
}

/** `name`, `name:port`, `1.2.3.4:port`, `[::1]:port`; lower-case and without the trailing dot, like `Request.host`. */
function hostOf(value: string): string {
  const match = /^(\[[0-9a-f:.]{2,45}\]|[0-9a-z](?:[0-9a-z._-]{0,253}))(?::([0-9]{1,5}))?$/i.exec(value);
  const name = match?.[1]?.toLowerCase().replace(/\.$/, "") ?? "";
  const port = match?.[2];
  if (name === "" || name.includes("..")) return "";
  if (name.startsWith("[") && parseAddress(name.slice(1, -1)) === null) return "";
  if (port === undefined) return name;
  return portOf(port) === undefined ? "" : `${name}:${port}`;
}

function portOf(value: string): number | undefined {
  const port = /^[0-9]{1,5}$/.test(value) ? Number(value) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** A proxy that names no port named one with the host, or means the scheme's own. */
function impliedPort(host: string, scheme: "http" | "https" | undefined): number | undefined {
  const written = /:([0-9]+)$/.exec(host)?.[1];
  if (written !== undefined) return Number(written);
  return scheme === undefined ? undefined : scheme === "https" ? 443 : 80;
}

const MAX_FORWARDED = 4096;

/** The list of a trusted proxy with an element for that proxy, as it came to us (RFC 7239 §4). */
function forwardedLine(request: Request): string {
  const lines = request.headers.all("forwarded");
  if (lines.length === 0) return "";
  const before = lines.join(", ");
  const kept = before !== "" && before.length <= MAX_FORWARDED && closesItsQuotes(before);
  return `Forwarded: ${kept ? `${before}, ` : ""}${forwardedElement(request)}\r\n`;
}

function forwardedElement(request: Request): string {
  const { peer, host } = request;
  const address = parseAddress(withoutZone(peer.address))?.text ?? UNKNOWN;
  // §6: IPv6 is bracketed, and a value that is no token is quoted.
  const node = address.includes(":") ? `"[${address}]"` : address;
  const named = HOST_TEXT.test(host) && !/["\\]/.test(host) ? `;host="${host}"` : "";
  return `for=${node};proto=${peer.secure ? "https" : "http"}${named}`;
}

/** Whether our element, put behind this list, would be read as one: an open quote would swallow it. */
function closesItsQuotes(list: string): boolean {
  let quoted = false;
  for (let i = 0; i < list.length; i++) {
    const c = list.charCodeAt(i);
    if ((c < 0x20 && c !== 0x09) || c > 0x7e) return false;
    if (c === 0x22) quoted = !quoted;
    else if (c === 0x5c && quoted) i += 1;
  }
  return !quoted;
}

/** `1.2.3.4:567`, `[::1]:5` and `[::1]` without the port and brackets. A bare IPv6 address has no port. */
function withoutPort(text: string): string {
  if (text.startsWith("[")) return /^\[([^\]]*)\](?::[0-9]{1,5})?$/.exec(text)?.[1] ?? "";
  const colon = text.indexOf(":");
  if (colon === -1 || text.includes(":", colon + 1)) return text;
  return /^[0-9]{1,5}$/.test(text.slice(colon + 1)) ? text.slice(0, colon) : "";
}

/** The interface of a link-local address (`fe80::1%eth0`, RFC 4007) means nothing outside this machine. */
const withoutZone = (address: string): string => {
  const percent = address.indexOf("%");
  return percent === -1 ? address : address.slice(0, percent);
};
