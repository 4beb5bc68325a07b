import type { RoutePlan } from "../../core/plan.ts";

export type Params = Readonly<Record<string, string>>;

export interface Found {
  readonly kind: "found";
  readonly route: RoutePlan;
  /** Decoded values by name; under `*`, as it is in the path, what stands for `/*`, without its first slash. */
  readonly params: Params;
}

/** The path has routes, none for this method (`options`: and the method is OPTIONS). */
export interface OtherMethods {
  readonly kind: "options" | "method-not-allowed";
  /** The field value. */
  readonly allow: string;
  /** One of the path's routes: the first with policies that surround this answer, too, if there is one. */
  readonly route: RoutePlan;
}

/** `misdirected`: every route is bound to a host, and none to this one. */
export interface Nothing {
  readonly kind: "not-found" | "misdirected";
}

export type Match = Found | OtherMethods | Nothing;

/**
 * An object that inherits nothing, so that `{constructor}` and `{__proto__}` are names like any other.
 * Made by a constructor because V8 keeps `Object.create(null)` as a hash table, at four times the cost.
 */
export const OwnParams = function OwnParams() {} as unknown as new () => Record<string, string>;
OwnParams.prototype = Object.freeze(Object.create(null));

export const NO_PARAMS: Params = Object.freeze(new OwnParams());
