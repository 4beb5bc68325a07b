import { suggest } from "../core/suggest.ts";
import type { Path } from "./problem.ts";

/**
 * Keys and words that the documentation of the whole product knows and this version does not:
 * `*` stands for any one key. Whoever adds one of them to the schema removes it here.
 */
export const LATER: readonly string[] = [
  "keys",
  "versions",
  "store",
  "resources",
  "listen.tls",
  "listen.http2",
  "upstreams.*.circuitBreaker",
  "upstreams.*.retry",
  "upstreams.*.healthCheck",
  "upstreams.*.targets.*.weight",
  "upstreams.*.balance.least-connections",
  "upstreams.*.balance.consistent-hash",
  "routes.*.to.service",
];

/** Policies to come. One that exists is found before anybody looks here. */
const LATER_POLICIES: readonly string[] = [
  "api-key",
  "body-limit",
  "circuit-breaker",
  "cors",
  "idempotency",
  "jwt",
  "oauth",
  "rate-limit",
  "retry",
  "timeout",
  "version",
];

const later = LATER.map((pattern) => pattern.split("."));

/** The sentence for a key or word that a later version has, or undefined. */
export function notYet(path: Path): string | undefined {
  if (path.length === 4 && isVersion(String(path[3])) && path[2] === "to")
    return "an answer for each API version is not available yet";
  const planned = later.some(
    (pattern) =>
      pattern.length === path.length && pattern.every((part, i) => part === "*" || part === path[i]),
  );
  return planned ? unavailable(String(path.at(-1))) : undefined;
}

const isVersion = (key: string): boolean => /^\d+$/.test(key);

export function policyNotYet(name: string): string | undefined {
  const meant = suggest(name, LATER_POLICIES);
  return meant === undefined ? undefined : unavailable(meant);
}

const unavailable = (name: string): string => `"${name}" is not available in this version yet`;
