import { isHostName, isPort } from "../../core/fields.ts";
import { found, quoted } from "../../core/found.ts";

/** Every origin. */
export const ANY = "*";

/**
 * The origins of a config, ready for every request. A `*` in one stands for letters, digits, `-` and `_`, at least one
 * and never a dot, and all around it has to be there: `https://*.a.com` is neither `https://eviLa.com` nor
 * `https://x.a.com.evil.io` (CORS-8).
 */
export class Origins {
  /** Everybody is answered alike. */
  readonly any: boolean;
  readonly #exact: ReadonlySet<string>;
  readonly #patterns: readonly Pattern[];

  /** Of entries that `readOrigin` has taken. */
  constructor(entries: readonly string[], nullOrigin: boolean) {
    this.any = entries.includes(ANY);
    this.#exact = new Set([
      ...entries.filter((entry) => !entry.includes("*")),
      ...(nullOrigin ? ["null"] : []),
    ]);
    this.#patterns = entries.filter((entry) => entry.includes("*") && entry !== ANY).map(patternOf);
  }

  /** Compares with what browsers send byte for byte: they write an origin in one way only. */
  allow(origin: string): boolean {
    if (this.any || this.#exact.has(origin)) return true;
    for (const pattern of this.#patterns) if (matches(pattern, origin)) return true;
    return false;
  }
}

interface Pattern {
  readonly before: string;
  readonly after: string;
}

function patternOf(entry: string): Pattern {
  const star = entry.indexOf("*");
  return { before: entry.slice(0, star), after: entry.slice(star + 1) };
}

const PART_OF_LABEL = /^[a-z0-9_-]+$/;

function matches({ before, after }: Pattern, origin: string): boolean {
  if (!origin.startsWith(before) || !origin.endsWith(after)) return false;
  return PART_OF_LABEL.test(origin.slice(before.length, origin.length - after.length));
}

export type ReadOrigin = { readonly origin: string } | { readonly problem: string };

/** An origin of a config in the form in which browsers send it (RFC 6454 §6.2), or what is wrong with it. */
export function readOrigin(text: string): ReadOrigin {
  if (text === ANY) return { origin: ANY };
  if (text === "null") {
    return {
      problem:
        '"null" is the origin of every sandboxed page; write nullOrigin: true if such pages may read answers',
    };
  }
  const base = `expected an origin such as "https://shop.example", ${found(text)}`;
  const [, scheme = "", authority = "", rest = ""] =
    /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(text) ?? [];
  if (authority === "") return { problem: `${base}; it starts with a scheme such as https://` };
  const written = `${scheme}://${authority}`.toLowerCase();
  if (rest !== "") return { problem: `${base}; an origin has no path, write ${quoted(written)}` };
  const host = readHost(authority.toLowerCase(), scheme.toLowerCase());
  return "problem" in host
    ? { problem: `${base}; ${host.problem}` }
    : { origin: `${scheme.toLowerCase()}://${host.host}` };
}

type ReadHost = { readonly host: string } | { readonly problem: string };

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** A host and perhaps a port, which a browser leaves out where it is the scheme's own. */
function readHost(authority: string, scheme: string): ReadHost {
  if (authority.indexOf("*") !== authority.lastIndexOf("*")) return { problem: "it can have one * only" };
  const [, host = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(authority) ?? [];
  if (port !== undefined && port !== "*" && !(/^[0-9]{1,5}$/.test(port) && isPort(Number(port)))) {
    return { problem: "the port is a number, or * for any" };
  }
  const name = host.includes("*") ? starredHost(host) : plainHost(host);
  if ("problem" in name || port === undefined) return name;
  if (port === "*") return { host: `${name.host}:*` };
  return Number(port) === DEFAULT_PORTS[scheme] ? name : { host: `${name.host}:${Number(port)}` };
}

const NO_HOST: ReadHost = { problem: "it needs the name of a host" };

/** Names with other letters are sent in Punycode, IPv6 addresses in their shortest form. */
function plainHost(host: string): ReadHost {
  const { hostname } = URL.parse(`http://${host}`) ?? { hostname: "" };
  const isAddress = hostname.startsWith("[") || /^[0-9.]+$/.test(hostname);
  // Other spellings of an address (`0x7f.1`) are slips.
  const taken = isAddress ? hostname === host || hostname.startsWith("[") : isHostName(hostname);
  // URLs read over white space and user names.
  return taken && !/[\s@]/.test(host) ? { host: hostname } : NO_HOST;
}

/** `*.a.com`, `pr-*.a.com`: the `*` belongs to the first label, which is not the one that people register. */
function starredHost(host: string): ReadHost {
  const dot = host.indexOf(".");
  const label = host.slice(0, dot === -1 ? undefined : dot);
  if (!/^[a-z0-9-]*\*[a-z0-9-]*$/.test(label)) {
    return { problem: "a * can only be in the first label of the host, or stand for the port" };
  }
  const parent: ReadHost = dot === -1 ? NO_HOST : plainHost(host.slice(dot + 1));
  if ("problem" in parent || /^[[0-9.]+$/.test(parent.host))
    return { problem: "behind a * comes a domain: https://*.shop.example" };
  if (label !== "*" && !parent.host.includes(".")) {
    return { problem: "anybody could register such a name; a * within a label needs two labels behind it" };
  }
  return { host: `${label}.${parent.host}` };
}
