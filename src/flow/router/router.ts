/**
 * Which route a request takes. Built once per plan; costs about the same for one route and for ten thousand.
 *
 * First a template is chosen, by the path alone, then the route, by the method:
 *
 * 1. Hosts: the templates bound to exactly this host, then those bound to `*.` and its parent, then those without
 *    hosts. The first of the three with a template that matches decides.
 * 2. Priority: among the templates that match, the highest. A template's priority is the highest of its routes'.
 * 3. Specificity: segment by segment from the left, a literal before `{name}` before `*`.
 * 4. Method: among the routes of that template, the highest priority that takes the method; where two are equal, the
 *    one that lists it before the one that takes all; then the first in the config. HEAD goes where GET goes unless
 *    a route lists it. No route is not the end of the choice but an answer: 405. Falling through to a less specific
 *    template would hand `PUT /admin` to the policies of `/*`.
 *
 * `/admin` and `/admin/` are one path to many origins, so each finds the other's route where it has none of its own.
 * Origins that ignore case, `;…`, trailing dots or needless escapes would read a path as another of our templates:
 * `/Admin` must not pass as `/*` where `/admin` is guarded. Such a path is looked up a second time as they read it,
 * and is not found if that leads elsewhere.
 *
 * Expects paths in the normal form of `path.ts` and hosts in lower case.
 */
import type { RoutePlan } from "../../core/plan.ts";
import { foldPath, foldPathDecoded } from "../path.ts";
import { type Match, type Nothing, type OtherMethods, OwnParams, type Params } from "./match.ts";
import { isKnown, nameOf, search } from "./search.ts";
import { type Captures, type Leaf, plant, type Target, type Trees, targetFor } from "./tree.ts";

export interface Router {
  /** `host` is the request's, in lower case, with or without port. */
  find(method: string, host: string, path: string): Match;
}

const NOT_FOUND: Nothing = { kind: "not-found" };
const MISDIRECTED: Nothing = { kind: "misdirected" };

export function buildRouter(routes: readonly RoutePlan[]): Router {
  const { literal, folded } = plant(routes);
  const isBound = literal.exact.size + literal.wildcard.size > 0;
  return {
    find(method, host, path) {
      const name = isBound ? nameOf(host) : "";
      const leaf = search(literal, name, path);
      if (leaf === null) {
        const isOurs = !isBound || literal.any !== null || isKnown(literal, name);
        return isOurs ? NOT_FOUND : MISDIRECTED;
      }
      if (isAmbiguous(leaf, literal, folded, name, path)) return NOT_FOUND;
      return answer(leaf, method, path);
    },
  };
}

/** Whether an origin that reads paths more leniently than we do would serve another template. */
function isAmbiguous(leaf: Leaf, literal: Trees, folded: Trees, name: string, path: string): boolean {
  const lenient = foldPath(path);
  if ((lenient !== path || folded !== literal) && search(folded, name, lenient) !== leaf.folded) return true;
  const decoded = foldPathDecoded(path);
  if (decoded === null) return false;
  // Encoded slashes are data here (`paths.encodedSlash: keep`); but they must not spell a way around a literal.
  const other = search(folded, name, decoded);
  return other !== null && other.literalCount > leaf.literalCount;
}

function answer(leaf: Leaf, method: string, path: string): Match {
  const target = targetFor(leaf, method);
  if (target === undefined) return otherMethods(leaf, method);
  if (target.captures === null) return target.found;
  return { kind: "found", route: target.route, params: capture(target.captures, path) };
}

function otherMethods({ methods, targets }: Leaf, method: string): OtherMethods {
  const { route } = targets.find((target) => target.route.outermost !== null) ?? (targets[0] as Target);
  return { kind: method === "OPTIONS" ? "options" : "method-not-allowed", allow: methods.allow, route };
}

function capture({ start, names, rest }: Captures, path: string): Params {
  const params = new OwnParams();
  let at = start;
  for (const name of names) {
    const slash = path.indexOf("/", at + 1);
    const end = slash === -1 ? path.length : slash;
    if (name !== null) params[name] = decoded(path.slice(at + 1, end));
    at = end;
  }
  // Stays encoded: it is a path, and `%2F` in it is not a slash.
  if (rest) params["*"] = path.slice(at + 1);
  return params;
}

function decoded(text: string): string {
  return text.includes("%") ? decodeURIComponent(text) : text;
}
