/** IP addresses and networks of them: the only place that reads either. */

/**
 * An address as four 32-bit numbers, IPv4 in the last: comparing with a network is then four bit operations, and an
 * IPv4-mapped IPv6 address is IPv4 from here on. Not `net.BlockList`: it takes its texts apart natively at every
 * check and cannot say an address' canonical form, which limits per client need (one client, one key).
 */
export interface Address {
  readonly ipv4: boolean;
  readonly words: readonly [number, number, number, number];
  readonly text: string;
}

export interface Network {
  readonly ipv4: boolean;
  readonly words: readonly [number, number, number, number];
  readonly masks: readonly [number, number, number, number];
}

/** Networks that are asked with the text of an address. */
export class Networks {
  readonly #networks: readonly Network[];

  /** @throws Error where an entry is no address and no network in CIDR form. */
  constructor(entries: readonly string[]) {
    this.#networks = entries.map(parseNetwork);
  }

  /** False for what is no address. */
  has(address: string): boolean {
    if (this.#networks.length === 0) return false;
    const parsed = parseAddress(address);
    return parsed !== null && isIn(this.#networks, parsed);
  }
}

export function isIn(networks: readonly Network[], address: Address): boolean {
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

/** @throws Error with one sentence for what is no address and no network in CIDR form. */
export function parseNetwork(text: string): Network {
  const slash = text.indexOf("/");
  const written = slash === -1 ? text : text.slice(0, slash);
  const address = parseAddress(written);
  if (address === null) {
    throw new Error(`"${text}" is no IP address or network; write it like 10.0.0.0/8 or 2001:db8::/32`);
  }
  // The width is of the form that was written: ::ffff:10.0.0.0/104 is 10.0.0.0/8.
  const mapped = address.ipv4 && written.includes(":");
  const width = address.ipv4 && !mapped ? 32 : 128;
  const bits = slash === -1 ? width : prefixLength(text, text.slice(slash + 1), width);
  const prefix = address.ipv4 && !mapped ? bits + 96 : bits;
  if (mapped && prefix < 96) {
    throw new Error(`"${text}" covers more than IPv4; name the IPv4 and IPv6 networks apart`);
  }
  const masks = [maskOf(prefix), maskOf(prefix - 32), maskOf(prefix - 64), maskOf(prefix - 96)] as const;
  return { ipv4: address.ipv4, words: address.words, masks };
}

function prefixLength(network: string, text: string, width: number): number {
  const bits = /^(?:0|[1-9][0-9]{0,2})$/.test(text) ? Number(text) : -1;
  if (bits < 0 || bits > width) {
    throw new Error(`"${network}" has the prefix length "${text}"; it must be a number from 0 to ${width}`);
  }
  return bits;
}

/** The mask of one of the four words, of which so many leading bits count. */
const maskOf = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits));

/** Null for what is no address; an interface (`fe80::1%eth0`) is not part of one. */
export function parseAddress(text: string): Address | null {
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

/**
 * What stands for a client of whom only the address is known: IPv4 as it is, IPv6 by its /64, because a network of
 * IPv6 is given to one customer, who could draw an address of his own for every request (RL-19).
 */
export function addressOfCustomer(text: string): string {
  if (!text.includes(":")) return text;
  const address = parseAddress(text);
  if (address === null || address.ipv4) return address?.text ?? "";
  const [high, low] = address.words;
  return `${hex(high)}${hex(low)}/64`;
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
