import type { RoutePlan } from "../../core/plan.ts";
import { ANOTHER_METHOD, listedBy } from "./methods.ts";
import { searchRoot } from "./search.ts";
import { parseTemplate, type Template } from "./template.ts";
import { hostsOf, type Leaf, plant, rootFor, type Target, type Trees, targetFor } from "./tree.ts";

/** A route that loses requests to another one with certainty, whatever the request. */
export interface Shadow {
  /** Name of the route that loses. */
  readonly route: string;
  /** Name of the route that is chosen in its place. */
  readonly by: string;
  /** The methods it loses to that route; empty for a route that takes every method. */
  readonly methods: readonly string[];
  /** Whether no request at all reaches the route. */
  readonly unreachable: boolean;
}

/** Which routes, or which methods of them, can never be chosen. Reports nothing that a request could disprove. */
export function shadowed(routes: readonly RoutePlan[]): Shadow[] {
  const { literal } = plant(routes);
  const depth = routes.reduce((most, route) => Math.max(most, route.path.split("/").length), 0);
  return routes.flatMap((route) => shadowsOf(route, literal, depth));
}

/** A segment that no template has as a literal. */
const ANOTHER_SEGMENT = "{}";

/**
 * Asks the tree with paths that have a strange segment for every parameter and, one after the other, every number of
 * strange segments for `*`. A route that loses all of these loses everything: what beats it does so through
 * parameters and `*`, which match any other segment as well, and literals only add to its rivals.
 */
function shadowsOf(route: RoutePlan, trees: Trees, depth: number): Shadow[] {
  const leaves = leavesAsked(route, trees, depth);
  // Losing some methods to routes that list them is what a route for every method is for.
  const asked = route.methods.length === 0 ? [ANOTHER_METHOD] : listedBy(route);
  const lost = asked.filter((method) => leaves.every((leaf) => targetFor(leaf, method)?.route !== route));
  const byWinner = Map.groupBy(lost, (method) => decisive(leaves[0] as Leaf, method));
  return [...byWinner].map(([winner, methods]) => ({
    route: route.name,
    by: winner.name,
    methods: methods.filter((method) => method !== ANOTHER_METHOD),
    unreachable: lost.length === asked.length,
  }));
}

/** What the paths find that only this route's template is sure to match, the most telling first. */
function leavesAsked(route: RoutePlan, trees: Trees, depth: number): Leaf[] {
  const paths = strangePaths(parseTemplate(route.path), depth);
  return [...hostsOf(route)].flatMap((host) => {
    const root = rootFor(trees, host);
    return paths.flatMap((path) => searchRoot(root, path) ?? []);
  });
}

function strangePaths({ segments, rest, slashed }: Template, depth: number): string[] {
  const texts = segments.map((segment) => (segment.kind === "literal" ? segment.text : ANOTHER_SEGMENT));
  const paths: string[] = [];
  for (let more = rest ? Math.max(0, depth - segments.length) + 1 : 0; more >= 0; more--) {
    const path = ["", ...texts, ...Array<string>(more).fill(ANOTHER_SEGMENT)].join("/");
    if (path === "") paths.push("/");
    else paths.push(...(slashed ? [`${path}/`, path] : [path, `${path}/`]));
  }
  return paths;
}

/** The route that takes the request, or stands for the template that refuses its method. */
function decisive(leaf: Leaf, method: string): RoutePlan {
  return (targetFor(leaf, method) ?? (leaf.targets[0] as Target)).route;
}
