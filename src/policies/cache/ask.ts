import type { Call } from "../../core/call.ts";
import type { FieldName } from "../../core/headers.ts";
import type { Principal } from "../../core/principal.ts";
import { type Condition, conditionOf } from "./conditions.ts";
import type { Key, KeyRules } from "./key.ts";
import { keysBy } from "./key.ts";
import type { Forwarded } from "./status-field.ts";
import { type Wishes, wishesOf } from "./wishes.ts";

/** A request that a cache may answer. */
export interface Ask {
  readonly call: Call;
  readonly key: Key;
  readonly wishes: Wishes;
  /** What the client has already; null where it asks for the answer in any case. */
  readonly condition: Condition | null;
  /** Who was calling when the cache was asked: if somebody behind it finds out more, the cache stands too far out. */
  readonly principal: Principal | null;
  /** No client waits: it is for the cache alone, and only the upstream's own answer will do. */
  readonly behind: boolean;
}

export function askedBy(
  rules: KeyRules & { readonly clientControl: "respect" | "ignore" },
): (call: Call, behind?: boolean) => Ask {
  const keyOf = keysBy(rules);
  const heard = rules.clientControl === "respect";
  return (call, behind = false) => ({
    call,
    key: keyOf(call),
    wishes: wishesOf(call.request.headers, heard),
    condition: conditionOf(call.request.headers),
    principal: call.principal,
    behind,
  });
}

/**
 * Fields that make a request one for the upstream: parts of an answer, conditions on its state, and other methods in
 * disguise, which a careless upstream obeys and whose answers would be taken for those to GET.
 */
const FOR_THE_UPSTREAM: ReadonlySet<string> = new Set([
  ...["range", "if-range", "if-match", "if-unmodified-since"],
  ...["x-http-method-override", "x-http-method", "x-method-override"],
]);

/** Why a request is none for a cache, or null. */
export function passes({ request, unclaimed, closed }: Call): Forwarded | null {
  if (request.method !== "GET" && request.method !== "HEAD") return "method";
  // What is not settled yet may still be refused, by those behind us.
  if (request.upgrade !== null || unclaimed !== null || closed) return "bypass";
  if (request.body !== null && request.body.size !== 0) return "bypass";
  const { names } = request.headers;
  return names.some(({ lower }: FieldName) => FOR_THE_UPSTREAM.has(lower)) ? "bypass" : null;
}
