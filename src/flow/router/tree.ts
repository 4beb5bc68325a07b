/** The routes of a plan as a tree of path segments, one for each host. */
import type { RoutePlan } from "../../core/plan.ts";
import { foldSegment } from "../path.ts";
import { type Found, NO_PARAMS } from "./match.ts";
import { type MethodTable, makeMethodTable, NO_METHODS, placeFor } from "./methods.ts";
import { parseTemplate, type Template } from "./template.ts";

/** Below every priority. A 32-bit number, because V8 keeps those in the object and other ones beside it. */
export const LOWEST = -(2 ** 31);

/** One root for each host that routes are bound to. */
export interface Trees {
  readonly exact: Map<string, Node>;
  /** By the parent domain: `example.com` for `*.example.com`. */
  readonly wildcard: Map<string, Node>;
  any: Node | null;
}

/**
 * One step of a path; its children are the steps that some template takes from here.
 *
 * With many routes the price of a search is the memory it touches for the first time. Hence an only child without a
 * map around it, numbers that V8 keeps in the object, and everything that templates have in common kept once.
 */
export class Node {
  /** The child for a literal, if it is the only one; else all of them are in `literals`. */
  text = "";
  next: Node | null = null;
  literals: Map<string, Node> | null = null;
  param: Node | null = null;
  /** Templates that end here: without a slash, with one, with `/*`. */
  plain: Leaf | null = null;
  slashed: Leaf | null = null;
  rest: Leaf | null = null;
  /** The highest priority here and below: what is not above the best one found need not be looked at. */
  top = LOWEST;
}

/** One template at one host, and its routes. */
export class Leaf {
  priority = LOWEST;
  readonly literalCount: number;
  /** The same template in the folded tree. */
  folded: Leaf = this;
  /** In the order of the config. */
  readonly targets: Target[] = [];
  methods = NO_METHODS;

  constructor(literalCount: number) {
    this.literalCount = literalCount;
  }
}

/** What many templates have in common, by its content. */
interface Shared {
  readonly texts: Map<string, string>;
  readonly captures: Map<string, Captures>;
  readonly methods: Map<string, MethodTable>;
}

/** A route as the end of a search. */
export interface Target {
  readonly route: RoutePlan;
  readonly captures: Captures | null;
  /** The answer where nothing is captured, made once. */
  readonly found: Found;
}

/** Where the parameters of a template are in a path that matches it. */
export interface Captures {
  /** Length of the literal beginning, up to the slash before the first parameter. */
  readonly start: number;
  /** From there, segment by segment; null for a literal. Ends with the last parameter, or where the rest begins. */
  readonly names: readonly (string | null)[];
  readonly rest: boolean;
}

export function plant(routes: readonly RoutePlan[]): { literal: Trees; folded: Trees } {
  const templates = routes.map((route) => parseTemplate(route.path));
  const literal = noTrees();
  // Where folding changes no template, both readings share one tree and most paths need one search.
  const folded = templates.some(hasFoldedForm) ? noTrees() : literal;
  const leaves = new Set<Leaf>();
  const shared: Shared = { texts: new Map(), captures: new Map(), methods: new Map() };
  for (const [index, route] of routes.entries()) {
    const template = templates[index] as Template;
    const target = targetOf(route, template, shared);
    for (const host of hostsOf(route)) {
      const leaf = grow(literal, host, template, route.priority, (text) =>
        entry(shared.texts, text, () => text),
      );
      leaf.targets.push(target);
      leaves.add(leaf);
      if (folded !== literal) leaf.folded = grow(folded, host, template, route.priority, foldSegment);
    }
  }
  for (const leaf of leaves) leaf.methods = methodTableOf(leaf.targets, shared);
  return { literal, folded };
}

function noTrees(): Trees {
  return { exact: new Map(), wildcard: new Map(), any: null };
}

/** `null` stands for every host. */
export function hostsOf(route: RoutePlan): Iterable<string | null> {
  return route.hosts.length === 0 ? [null] : route.hosts;
}

export function rootFor(trees: Trees, host: string | null): Node {
  if (host === null) {
    trees.any ??= new Node();
    return trees.any;
  }
  return host.startsWith("*.")
    ? entry(trees.wildcard, host.slice(2), () => new Node())
    : entry(trees.exact, host, () => new Node());
}

/** The leaf of a template at a host, with every node on the way there. */
function grow(
  trees: Trees,
  host: string | null,
  template: Template,
  priority: number,
  spell: (text: string) => string,
): Leaf {
  let node = rootFor(trees, host);
  node.top = Math.max(node.top, priority);
  let literalCount = 0;
  for (const segment of template.segments) {
    if (segment.kind === "literal") {
      node = literalOf(node, spell(segment.text));
      literalCount++;
    } else {
      node.param ??= new Node();
      node = node.param;
    }
    node.top = Math.max(node.top, priority);
  }
  const end = template.rest ? "rest" : template.slashed ? "slashed" : "plain";
  node[end] ??= new Leaf(literalCount);
  node[end].priority = Math.max(node[end].priority, priority);
  return node[end];
}

function literalOf(node: Node, text: string): Node {
  if (node.next !== null && node.text === text) return node.next;
  if (node.next === null && node.literals === null) {
    node.text = text;
    node.next = new Node();
    return node.next;
  }
  node.literals ??= new Map();
  if (node.next !== null) node.literals.set(node.text, node.next);
  node.next = null;
  return entry(node.literals, text, () => new Node());
}

function targetOf(route: RoutePlan, template: Template, shared: Shared): Target {
  const captures = capturesOf(template);
  return {
    route,
    captures: captures && entry(shared.captures, JSON.stringify(captures), () => captures),
    found: { kind: "found", route, params: NO_PARAMS },
  };
}

function capturesOf({ segments, rest }: Template): Captures | null {
  const names = segments.map((segment) => (segment.kind === "param" ? segment.name : null));
  const last = rest ? names.length : names.findLastIndex((name) => name !== null) + 1;
  if (last === 0 && !rest) return null;
  let first = 0;
  let start = 0;
  for (const segment of segments) {
    if (segment.kind === "param") break;
    first++;
    start += 1 + segment.text.length;
  }
  return { start, names: names.slice(first, last), rest };
}

function hasFoldedForm({ segments }: Template): boolean {
  return segments.some((segment) => segment.kind === "literal" && foldSegment(segment.text) !== segment.text);
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function methodTableOf(targets: readonly Target[], shared: Shared): MethodTable {
  const routes = targets.map(({ route }) => route);
  const key = JSON.stringify(routes.map(({ methods, priority }) => [priority, ...methods]));
  return entry(shared.methods, key, () => makeMethodTable(routes));
}

/** The route of a template that takes a method. */
export function targetFor({ methods, targets }: Leaf, method: string): Target | undefined {
  return targets[placeFor(methods, method)];
}
