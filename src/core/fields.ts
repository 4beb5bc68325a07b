import { isIP } from "node:net";
import { z } from "zod";
import { anyOf, found, quoted } from "./found.ts";
import { fieldName, Kind } from "./headers.ts";
import { METHODS } from "./methods.ts";
import { parseNetwork } from "./networks.ts";
import { suggest } from "./suggest.ts";

/** Single values of a config that have rules of their own. Each refuses with one sentence. */

/** Text that passes `refuse`, which gives the sentence for what does not. */
export function text(expected: string, refuse: (value: string) => string | undefined) {
  return z
    .string({ error: ({ input }) => `expected ${expected}, ${found(input)}${quoteIt(input)}` })
    .check((context) => {
      const message = refuse(context.value);
      if (message !== undefined) context.issues.push({ code: "custom", input: context.value, message });
    });
}

/** YAML reads `1.0` as a number; in quotes it is text. */
const quoteIt = (input: unknown): string =>
  typeof input === "number" || typeof input === "boolean" ? "; put it in quotes" : "";

/** One of a few words. */
export function word<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: ({ input }) => notOneOf(words, input) });
}

export function notOneOf(words: readonly string[], input: unknown): string {
  const expected = `expected ${anyOf(words)}, ${found(input)}`;
  const meant = typeof input === "string" ? suggest(input, words) : undefined;
  return meant === undefined ? expected : `${expected}; did you mean "${meant}"?`;
}

export const method = word(METHODS);

// Underscores are not for host names, but container networks give such names out.
const LABEL = "(?!-)[a-z0-9_-]{1,63}(?<!-)";
const HOST_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`, "i");

/** A name that DNS could resolve. */
export function isHostName(host: string): boolean {
  // All digits and dots looks like an address, and is not one: isIP has said so before.
  return HOST_NAME.test(host) && host.length <= 253 && !/^[\d.]+$/.test(host);
}

/** What a socket can listen on. */
export const listenHost = text('an address such as "127.0.0.1"', (host) => {
  if (isIP(host) !== 0 || isHostName(host)) return undefined;
  const base = `expected an IP address or a host name, ${found(host)}`;
  if (host === "*" || host === "") return `${base}; write 0.0.0.0 for all addresses of this machine`;
  if (/^\[.*\]$/.test(host)) return `${base}; write IPv6 addresses without brackets`;
  if (/:\d+$/.test(host)) return `${base}; the port has a key of its own`;
  return base;
});

/** A host that a route answers for. */
export const routeHost = text('a host such as "api.example.com"', (host) => {
  const bare = host.replace(/^\*\./, "").replace(/\.$/, "");
  if (isIP(bare) === 4 || isHostName(bare) || (/^\[.*\]$/.test(bare) && isIP(bare.slice(1, -1)) === 6))
    return undefined;
  const base = `expected a host such as "api.example.com" or "*.example.com", ${found(host)}`;
  if (host === "*") return `${base}; leave "hosts" out to answer for every host`;
  if (host.includes("/")) return `${base}; write the host alone, without scheme and path`;
  if (/:\d+$/.test(host)) return `${base}; write it without the port`;
  if (host.includes("*")) return `${base}; a * can only stand for the first label`;
  return base;
}).transform((host) => host.toLowerCase().replace(/\.$/, ""));

/** The addresses of a network; a single address is a network of one. */
export const cidr = text('a network such as "10.0.0.0/8"', (network) => {
  const [address = "", bits, ...rest] = network.split("/");
  const family = isIP(address);
  const base = `expected a network such as "10.0.0.0/8" or an IP address, ${found(network)}`;
  if (family === 0 || rest.length > 0) return base;
  const most = family === 4 ? 32 : 128;
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)) {
    return `${base}; behind the slash stand 0 to ${most} bits`;
  }
  try {
    parseNetwork(network);
  } catch (thrown) {
    return (thrown as Error).message;
  }
  return undefined;
}).transform((network) => (network.includes("/") ? network : `${network}/${isIP(network) === 4 ? 32 : 128}`));

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** RFC 9110 §5.6.2: what names of headers, methods and schemes are made of. */
export const isToken = (value: string): boolean => TOKEN.test(value);

/** The sentence for a header that a config may not touch. */
export function refuseFieldName(name: string): string | undefined {
  if (!TOKEN.test(name)) return `${quoted(name)} is not a header name: letters, digits and - make one`;
  const { lower, kind } = fieldName(name);
  if (lower === "host") return `Host is set with "host" of the upstream`;
  if ((kind & Kind.framing) !== 0) return `${name} frames the message; the gateway generates it`;
  if ((kind & Kind.hop) !== 0) return `${name} is about one connection and is never passed on`;
  if ((kind & Kind.provenance) !== 0) return `${name} is set by the gateway and cannot be changed`;
  return undefined;
}

/** Values that would end the line, or that bytes on the wire cannot say. */
export const fieldValue = text("text", (value) => {
  if (/[\r\n\0]/.test(value)) return "a header value cannot hold line breaks or NUL";
  if (/[\x01-\x08\x0b-\x1f\x7f]/.test(value)) return "a header value cannot hold control characters";
  if (/[^\x00-\xff]/.test(value))
    return `a header value cannot hold ${quoted(/[^\x00-\xff]/u.exec(value)?.[0] ?? "")}; only Latin-1 can be sent`;
  if (value.trim() !== value) return "a header value cannot start or end with a space";
  return undefined;
});

const UPSTREAM_HOST = /^(.*?)(?::(\d{1,5}))?$/;

/** A fixed Host for an upstream: a name or an address, and perhaps a port. */
export const hostHeader = text('a host such as "api.internal"', (value) => {
  const [, host = "", port] = UPSTREAM_HOST.exec(value) ?? [];
  const named =
    isHostName(host) || isIP(host) === 4 || (/^\[.*\]$/.test(host) && isIP(host.slice(1, -1)) === 6);
  if (named && (port === undefined || isPort(Number(port)))) return undefined;
  return `expected a host such as "api.internal" or "api.internal:8443", ${found(value)}`;
});

export const isPort = (port: number): boolean => port >= 1 && port <= 65_535;

export const whole = (min: number, max: number) => z.int().min(min).max(max);

/** A part of a whole, such as `0.5`, from `min` to 1. */
export const share = (min: number) =>
  z
    .number({ error: ({ input }) => `expected a number from ${min} to 1 such as 0.5, ${found(input)}` })
    .min(min)
    .max(1);

/** A list without repetitions, which would be slips. */
export function distinct<Item extends z.ZodType>(item: Item) {
  return z.array(item).check(({ value, issues }) => {
    value.forEach((entry, index) => {
      if (value.indexOf(entry) === index) return;
      issues.push({
        code: "custom",
        input: entry,
        path: [index],
        message: `${quoted(String(entry))} is listed twice`,
      });
    });
  });
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/i;

export const isName = (value: string): boolean => NAME.test(value);

/** What a config calls a thing of its own. */
export const name = text("a name", (value) =>
  isName(value) ? undefined : `expected a name of letters, digits, ".", "_" and "-", ${found(value)}`,
);
