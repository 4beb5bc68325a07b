/** Which of a template's routes takes which method, and what is said where none does. */
import type { RoutePlan } from "../../core/plan.ts";

/** Which of a template's routes takes which method, by its place among them. */
export interface MethodTable {
  readonly listed: ReadonlyMap<string, number>;
  /** For methods that no route lists; -1 for none. */
  readonly others: number;
  /** Of the answer where no route takes the method. */
  readonly allow: string;
}

const COMMON_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** RFC 9110 §9.3.6 and §9.3.8: a tunnel through the gateway, and an echo that gives credentials away. */
const NEVER_ROUTED: ReadonlySet<string> = new Set(["CONNECT", "TRACE"]);

/** A method that no route lists. */
export const ANOTHER_METHOD = "";

/** Until all routes of a template are known. */
export const NO_METHODS = makeMethodTable([]);

export function makeMethodTable(routes: readonly RoutePlan[]): MethodTable {
  const listed = new Map<string, number>();
  for (const method of new Set(routes.flatMap(listedBy))) listed.set(method, chosenFor(routes, method));
  // RFC 9110 §9.3.2: HEAD is GET without the content, so it passes the same policies.
  const get = listed.get("GET");
  if (get !== undefined && !listed.has("HEAD")) listed.set("HEAD", get);
  const others = chosenFor(routes, ANOTHER_METHOD);
  const allow = allowOf([...listed.keys(), ...(others === -1 ? [] : COMMON_METHODS), "OPTIONS"]);
  return { listed, others, allow };
}

export function listedBy(route: RoutePlan): string[] {
  return route.methods.filter((method) => !NEVER_ROUTED.has(method));
}

function chosenFor(routes: readonly RoutePlan[], method: string): number {
  let chosen = -1;
  for (const [index, route] of routes.entries()) {
    if (route.methods.length > 0 && !route.methods.includes(method)) continue;
    const earlier = routes[chosen];
    if (earlier === undefined || precedes(route, earlier)) chosen = index;
  }
  return chosen;
}

/** Of two routes of one template that both take a method: whether the later one is chosen all the same. */
function precedes(later: RoutePlan, earlier: RoutePlan): boolean {
  if (later.priority !== earlier.priority) return later.priority > earlier.priority;
  return later.methods.length > 0 && earlier.methods.length === 0;
}

/** RFC 9110 §10.2.1, always in the same order. */
function allowOf(methods: readonly string[]): string {
  const allowed = new Set(methods);
  const common = COMMON_METHODS.filter((method) => allowed.delete(method));
  return [...common, ...[...allowed].sort()].join(", ");
}

/** The place of the route that takes the method; -1 for none. */
export function placeFor(table: MethodTable, method: string): number {
  const listed = table.listed.get(method);
  if (listed !== undefined) return listed;
  return NEVER_ROUTED.has(method) ? -1 : table.others;
}
