/**
 * Who the client is and how it reached us, and what the upstream is told about that (FWD-1, 2, 3, 5).
 *
 * `X-Forwarded-*` is believed only from the proxies of `listen.trustedProxies`. What they say is a list that
 * everybody on the way has added to at the right; the left end is whatever the client wrote.
 */

import type { Peer, Request } from "../core/call.ts";
import type { Headers } from "../core/headers.ts";

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

/**
 * An address as four 32-bit numbers, IPv4 in the last: comparing with a network is then four bit operations, and an
 * IPv4-mapped IPv6 address is IPv4 from here on. Not `net.BlockList`: it takes its texts apart natively at every
 * check and cannot say an address' canonical form, which limits per client need (one client, one key).
 */
interface Address {
  readonly ipv4: boolean;
  readonly words: readonly [number, number, number, number];
  readonly text: string;
}

interface Network {
  readonly ipv4: boolean;
  readonly words: readonly [number, number, number, number];
  readonly masks: readonly [number, number, number, number];
}

function isIn(networks: readonly Network[], address: Address): boolean {
  const { words } = address;
  for (const { ipv4, words: base, masks } of networks) {
    if (
      ipv4 === address.ipv4 &&
      ((words[0] ^ base[0]) & masks[0]) === 0 &&
      ((words[1] ^ base[1]) & masks[1]) === 0 &&
      ((words[2] ^ base[2]) & masks[2]) === 0 &&
      ((words[3] ^ base[3]) & masks[3]) === 0
    ) {
      return true;
    }
  }
  return false;
}

function parseNetwork(text: string): Network {
  const slash = text.indexOf("/");
  const written = slash === -1 ? text : text.slice(0, slash);
  const address = parseAddress(written);
  if (address === null) {
    throw new Error(
      `trusted proxy "${text}" is no IP address or network; write it like 10.0.0.0/8 or 2001:db8::/32`,
    );
  }
  // The width is of the form that was written: ::ffff:10.0.0.0/104 is 10.0.0.0/8.
  const mapped = address.ipv4 && written.includes(":");
  const width = address.ipv4 && !mapped ? 32 : 128;
  const bits = slash === -1 ? width : prefixLength(text, text.slice(slash + 1), width);
  const prefix = address.ipv4 && !mapped ? bits + 96 : bits;
  if (mapped && prefix < 96) {
    throw new Error(`trusted proxy "${text}" covers more than IPv4; name the IPv4 and IPv6 networks apart`);
  }
  const masks = [maskOf(prefix), maskOf(prefix - 32), maskOf(prefix - 64), maskOf(prefix - 96)] as const;
  return { ipv4: address.ipv4, words: address.words, masks };
}

function prefixLength(network: string, text: string, width: number): number {
  const bits = /^(?:0|[1-9][0-9]{0,2})$/.test(text) ? Number(text) : -1;
  if (bits < 0 || bits > width) {
    throw new Error(
      `trusted proxy "${network}" has the prefix length "${text}"; it must be a number from 0 to ${width}`,
    );
  }
  return bits;
}

/** The mask of one of the four words, of which so many leading bits count. */
const maskOf = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits));

function parseAddress(text: string): Address | null {
  if (!text.includes(":")) {
    const word = parseIpv4(text);
    return word === -1 ? null : { ipv4: true, words: [0, 0, 0xffff, word | 0], text };
  }
  const groups = parseIpv6(text);
  if (groups === null) return null;
  const word = (at: number): number => ((groups[at] ?? 0) << 16) | (groups[at + 1] ?? 0);
  const words = [word(0), word(2), word(4), word(6)] as const;
  // RFC 4291 §2.5.5.2.
  const ipv4 = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return { ipv4, words, text: ipv4 ? ipv4Text(words[3]) : ipv6Text(groups) };
}

/**
 * An address in dotted form as a number, or -1. Strict (RFC 6943 §3.1.1): `010` is eight to some and ten to
 * others, `1.2.3` an address to a few.
 */
function parseIpv4(text: string): number {
  let word = 0;
  let part = -1;
  let parts = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = i === text.length ? DOT : text.charCodeAt(i);
    if (c === DOT) {
      if (part === -1 || parts === 4) return -1;
      word = word * 256 + part;
      part = -1;
      parts += 1;
    } else if (c < 0x30 || c > 0x39 || part === 0) {
      return -1;
    } else {
      part = (part === -1 ? 0 : part * 10) + c - 0x30;
      if (part > 255) return -1;
    }
  }
  return parts === 4 ? word : -1;
}

const DOT = 0x2e;

/** Eight groups (RFC 4291 §2.2), or null. */
function parseIpv6(text: string): number[] | null {
  const gap = text.indexOf("::");
  if (gap === -1) {
    const groups = parseGroups(text);
    return groups?.length === 8 ? groups : null;
  }
  const head = gap === 0 ? [] : parseGroups(text.slice(0, gap));
  const tail = gap + 2 === text.length ? [] : parseGroups(text.slice(gap + 2));
  // An address in dotted form ends it; in the head it would not.
  if (head === null || tail === null || text.lastIndexOf(".", gap) !== -1) return null;
  const missing = 8 - head.length - tail.length;
  // `::` stands for at least one group.
  return missing < 1 ? null : [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** `a:b:c`, the last possibly dotted. Null for anything else, a second `::` included. */
function parseGroups(text: string): number[] | null {
  const groups: number[] = [];
  const parts = text.split(":");
  if (parts.length > 8) return null;
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const word = i === parts.length - 1 ? parseIpv4(part) : -1;
    if (word === -1) return null;
    groups.push(Math.floor(word / 65536), word % 65536);
  }
  return groups;
}

const ipv4Text = (word: number): string =>
  `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;

/** RFC 5952 §4: lower case, no leading zeros, the first of the longest runs of two or more zero groups as `::`. */
function ipv6Text(groups: readonly number[]): string {
  const { from, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, from).join(":")}::${hex.slice(from + length).join(":")}`;
}

function longestZeroRun(groups: readonly number[]): { from: number; length: number } {
  let best = { from: 0, length: 0 };
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { from: i + 1 - length, length };
  }
  return best;
}
