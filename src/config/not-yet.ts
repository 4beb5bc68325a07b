import { suggest } from "../core/suggest.ts";

/** Policies to come, which the documentation of the whole product knows. One that exists is found before anybody looks here. */
const LATER: readonly string[] = ["circuit-breaker", "oauth", "retry", "timeout"];

export function policyNotYet(name: string): string | undefined {
  const meant = suggest(name, LATER);
  return meant === undefined ? undefined : `"${meant}" is not available in this version yet`;
}
