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
import type { RoutePlan } from "../core/plan.ts";
import { foldPath, foldPathDecoded, foldSegment, normalisePath } from "./path.ts";

export type Params = Readonly<Record<string, string>>;

export interface Found {
  readonly kind: "found";
  readonly route: RoutePlan;
  /** Decoded values by name; under `*`, as it is in the path, what stands for `/*`, without its first slash. */
  readonly params: Params;
}

/** The path has routes, none for this method (`options`: and the method is OPTIONS). `allow` is the field value. */
export interface OtherMethods {
  readonly kind: "options" | "method-not-allowed";
  readonly allow: string;
}

/** `misdirected`: every route is bound to a host, and none to this one. */
export interface Nothing {
  readonly kind: "not-found" | "misdirected";
}

export type Match = Found | OtherMethods | Nothing;

export interface Router {
  /** `host` is the request's, in lower case, with or without port. */
  find(method: string, host: string, path: string): Match;
}

export interface Template {
  readonly segments: readonly Segment[];
  /** Ends in `/*`. */
  readonly rest: boolean;
  /** Ends in `/`, and is more than that. */
  readonly slashed: boolean;
}

export type Segment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "param"; readonly name: string };

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

/** Throws an Error of one sentence where the template is not one. */
export function parseTemplate(path: string): Template {
  if (!path.startsWith("/")) throw malformed(path, 'must start with "/"');
  const parts = path.slice(1).split("/");
  const last = parts.at(-1);
  const rest = last === "*";
  const slashed = last === "" && parts.length > 1;
  if (rest || last === "") parts.pop();
  const segments = parts.map((part) => parseSegment(part, path));
  checkNames(segments, path);
  checkNormal(path);
  return { segments, rest, slashed };
}

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

/** Which routes, or which methods of them, can never be chosen. Reports nothing that a request could disprove. */
export function shadowed(routes: readonly RoutePlan[]): Shadow[] {
  const { literal } = plant(routes);
  const depth = routes.reduce((most, route) => Math.max(most, route.path.split("/").length), 0);
  return routes.flatMap((route) => shadowsOf(route, literal, depth));
}

// ---- Templates -------------------------------------------------------------------------------------------------

function parseSegment(part: string, path: string): Segment {
  if (part.includes("*")) throw malformed(path, 'may have "*" only as its whole last segment');
  if (!part.includes("{") && !part.includes("}")) return { kind: "literal", text: part };
  const name = part.slice(1, -1);
  if (part !== `{${name}}` || name.includes("{") || name.includes("}")) {
    throw malformed(path, `must give a parameter a whole segment, not a part of "${part}"`);
  }
  if (name === "") throw malformed(path, "has a parameter without a name");
  if (!/^[\w-]+$/.test(name))
    throw malformed(path, `names a parameter "${name}": use letters, digits, "_" and "-"`);
  return { kind: "param", name };
}

function checkNames(segments: readonly Segment[], path: string): void {
  const seen = new Set<string>();
  for (const segment of segments) {
    if (segment.kind === "literal") continue;
    if (seen.has(segment.name)) throw malformed(path, `names two parameters "${segment.name}"`);
    seen.add(segment.name);
  }
}

/** A template that is not in normal form would match nothing: requests are. */
function checkNormal(path: string): void {
  const parts = path.split("/").map((part) => (part.startsWith("{") ? "p" : part));
  const example = parts.join("/");
  let normal: string;
  try {
    normal = normalisePath(example, { encodedSlash: "keep", semicolon: "keep" });
  } catch (error) {
    throw malformed(path, `can match no path: ${error instanceof Error ? error.message : error}`);
  }
  if (normal !== example) {
    throw malformed(
      path,
      'is not in normal form: no "//", no dot segments, no needless or lower-case escapes',
    );
  }
}

function malformed(path: string, why: string): Error {
  return new Error(`The path template "${path}" ${why}`);
}

// ---- The tree --------------------------------------------------------------------------------------------------

/** Below every priority. A 32-bit number, because V8 keeps those in the object and other ones beside it. */
const LOWEST = -(2 ** 31);

/** One root for each host that routes are bound to. */
interface Trees {
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
class Node {
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
class Leaf {
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

/** Which of a template's routes takes which method, by its place among them. */
interface MethodTable {
  readonly listed: ReadonlyMap<string, number>;
  /** For methods that no route lists; -1 for none. */
  readonly others: number;
  readonly options: OtherMethods;
  readonly notAllowed: OtherMethods;
}

/** A route as the end of a search. */
interface Target {
  readonly route: RoutePlan;
  readonly captures: Captures | null;
  /** The answer where nothing is captured, made once. */
  readonly found: Found;
}

/** Where the parameters of a template are in a path that matches it. */
interface Captures {
  /** Length of the literal beginning, up to the slash before the first parameter. */
  readonly start: number;
  /** From there, segment by segment; null for a literal. Ends with the last parameter, or where the rest begins. */
  readonly names: readonly (string | null)[];
  readonly rest: boolean;
}

function plant(routes: readonly RoutePlan[]): { literal: Trees; folded: Trees } {
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
function hostsOf(route: RoutePlan): Iterable<string | null> {
  return route.hosts.length === 0 ? [null] : route.hosts;
}

function rootFor(trees: Trees, host: string | null): Node {
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

// ---- Methods ---------------------------------------------------------------------------------------------------

const COMMON_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** RFC 9110 §9.3.6 and §9.3.8: a tunnel through the gateway, and an echo that gives credentials away. */
const NEVER_ROUTED: ReadonlySet<string> = new Set(["CONNECT", "TRACE"]);

/** A method that no route lists. */
const ANOTHER_METHOD = "";

/** Until all routes of a template are known. */
const NO_METHODS = makeMethodTable([]);

function methodTableOf(targets: readonly Target[], shared: Shared): MethodTable {
  const routes = targets.map(({ route }) => route);
  const key = JSON.stringify(routes.map(({ methods, priority }) => [priority, ...methods]));
  return entry(shared.methods, key, () => makeMethodTable(routes));
}

function makeMethodTable(routes: readonly RoutePlan[]): MethodTable {
  const listed = new Map<string, number>();
  for (const method of new Set(routes.flatMap(listedBy))) listed.set(method, chosenFor(routes, method));
  // RFC 9110 §9.3.2: HEAD is GET without the content, so it passes the same policies.
  const get = listed.get("GET");
  if (get !== undefined && !listed.has("HEAD")) listed.set("HEAD", get);
  const others = chosenFor(routes, ANOTHER_METHOD);
  const allow = allowOf([...listed.keys(), ...(others === -1 ? [] : COMMON_METHODS), "OPTIONS"]);
  return {
    listed,
    others,
    options: { kind: "options", allow },
    notAllowed: { kind: "method-not-allowed", allow },
  };
}

function listedBy(route: RoutePlan): string[] {
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

function targetFor({ methods, targets }: Leaf, method: string): Target | undefined {
  const listed = methods.listed.get(method);
  if (listed !== undefined) return targets[listed];
  return methods.others === -1 || NEVER_ROUTED.has(method) ? undefined : targets[methods.others];
}

// ---- The search ------------------------------------------------------------------------------------------------

const NOT_FOUND: Nothing = { kind: "not-found" };
const MISDIRECTED: Nothing = { kind: "misdirected" };

/** `Host` without its port; an IPv6 address keeps its brackets. */
function nameOf(host: string): string {
  const colon = host.indexOf(":", host.startsWith("[") ? host.indexOf("]") : 0);
  return colon === -1 ? host : host.slice(0, colon);
}

function search(trees: Trees, name: string, path: string): Leaf | null {
  return (
    searchRoot(trees.exact.get(name), path) ??
    searchRoot(wildcardRoot(trees, name), path) ??
    searchRoot(trees.any, path)
  );
}

function searchRoot(root: Node | null | undefined, path: string): Leaf | null {
  return root ? best(root, path, 0, LOWEST) : null;
}

/** `*` stands for exactly one label. */
function wildcardRoot(trees: Trees, name: string): Node | undefined {
  if (trees.wildcard.size === 0) return undefined;
  const dot = name.indexOf(".");
  return dot > 0 ? trees.wildcard.get(name.slice(dot + 1)) : undefined;
}

function isKnown(trees: Trees, name: string): boolean {
  return trees.exact.has(name) || wildcardRoot(trees, name) !== undefined;
}

/**
 * The best leaf below `node` whose priority is above `above`; `at` is the slash before the next segment.
 * Goes from specific to general, so that among equals the first one found stays. Visits a node at most once.
 */
function best(node: Node, path: string, at: number, above: number): Leaf | null {
  if (node.top <= above) return null;
  let found: Leaf | null = null;
  if (at >= path.length - 1) {
    const leaf = at === path.length ? (node.plain ?? node.slashed) : (node.slashed ?? node.plain);
    if (leaf !== null && leaf.priority > above) found = leaf;
  } else {
    const slash = path.indexOf("/", at + 1);
    const end = slash === -1 ? path.length : slash;
    const literal = literalChild(node, path, at + 1, end);
    if (literal !== undefined) found = best(literal, path, end, above);
    if (node.param !== null) found = best(node.param, path, end, found?.priority ?? above) ?? found;
  }
  const { rest } = node;
  return rest !== null && rest.priority > (found?.priority ?? above) ? rest : found;
}

function literalChild(
  { next, text, literals }: Node,
  path: string,
  from: number,
  to: number,
): Node | undefined {
  if (next !== null) return to - from === text.length && path.startsWith(text, from) ? next : undefined;
  return literals?.get(path.slice(from, to));
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
  if (target === undefined) return method === "OPTIONS" ? leaf.methods.options : leaf.methods.notAllowed;
  if (target.captures === null) return target.found;
  return { kind: "found", route: target.route, params: capture(target.captures, path) };
}

/**
 * An object that inherits nothing, so that `{constructor}` and `{__proto__}` are names like any other.
 * Made by a constructor because V8 keeps `Object.create(null)` as a hash table, at four times the cost.
 */
const OwnParams = function OwnParams() {} as unknown as new () => Record<string, string>;
OwnParams.prototype = Object.freeze(Object.create(null));

const NO_PARAMS: Params = Object.freeze(new OwnParams());

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

// ---- Shadows ---------------------------------------------------------------------------------------------------

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
