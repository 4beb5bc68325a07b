import { suggest } from "../core/suggest.ts";
import type { Path } from "./problem.ts";

/**
 * Keys and words that the documentation of the whole product knows and this version does not:
 * `*` stands for any one key. Whoever adds one of them to the schema removes it here.
 */
export const LATER: readonly string[] = ["resources", "routes.*.to.service"];

/** Policies to come. One that exists is found before anybody looks here. */
const LATER_POLICIES: readonly string[] = ["circuit-breaker", "oauth", "retry", "timeout"];

const later = LATER.map((pattern) => pattern.split("."));

/** The sentence for a key or word that a later version has, or undefined. */
export function notYet(path: Path): string | undefined {
  const planned = later.some(
    (pattern) =>
      pattern.length === path.length && pattern.every((part, i) => part === "*" || part === path[i]),
  );
  return planned ? unavailable(String(path.at(-1))) : undefined;
}

export function policyNotYet(name: string): string | undefined {
  const meant = suggest(name, LATER_POLICIES);
  return meant === undefined ? undefined : unavailable(meant);
}

const unavailable = (name: string): string => `"${name}" is not available in this version yet`;
