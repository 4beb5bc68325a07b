import { listOf, quoted } from "../core/found.ts";
import type { RoutePlan } from "../core/plan.ts";
import type { PolicyKind } from "../core/policy.ts";
import { didYouMean, suggest } from "../core/suggest.ts";
import { checkAddresses } from "./addresses.ts";
import { readCertificates } from "./certificates.ts";
import { checkReach, checkResources, type Routing } from "./check-resources.ts";
import { checkVersions } from "./check-versions.ts";
import type { Parts } from "./examine.ts";
import { routeNames } from "./names.ts";
import { checkFacts, checkNeighbours, checkOutermost, inOrder, resolvePolicies } from "./policies.ts";
import type { Path } from "./problem.ts";
import { checkUpstreams } from "./reliability-checks.ts";
import { checkRepetitions, checkUnkeyed, type GuardedRoute } from "./repetition-checks.ts";
import type { Report } from "./report.ts";
import type { RouteConfig, UpstreamConfig } from "./schema.ts";
import type { Source } from "./source.ts";
import { readTls } from "./tls.ts";
import { type Destination, destinations, upstreamsOf } from "./versions.ts";

/** What the router knows about paths. Passed in, because `config` imports nothing but `core`. */
export interface PathChecks {
  /** Throws an Error of one sentence where the template is not one. */
  parseTemplate(path: string): {
    readonly segments: readonly (
      | { readonly kind: "literal" }
      | { readonly kind: "param"; readonly name: string }
    )[];
    /** Ends in `/*`. */
    readonly rest: boolean;
  };
  /** Routes of which requests, or all requests, certainly go to another one. */
  shadowed(routes: readonly RoutePlan[]): readonly {
    readonly route: string;
    readonly by: string;
    readonly methods: readonly string[];
    readonly unreachable: boolean;
  }[];
  /** What the gateway itself finds routes with. Throws where a path is not a template. */
  buildRouter(routes: readonly RoutePlan[]): Routing;
}

/** What no value can tell alone: names that must exist, routes that hide each other, addresses that meet. */
export function checkParts(
  parts: Parts,
  source: Source,
  policies: readonly PolicyKind[],
  paths: PathChecks,
  report: Report,
): void {
  checkAddresses(parts, report);
  checkCertificates(parts, source, report);
  for (const [name, upstream] of parts.upstreams)
    if (upstream !== undefined) checkTls(name, upstream, source, report);
  checkRoutes(parts, paths, report);
  checkUpstreams(parts, source, report);
  const guarded = checkPolicies(parts, source, policies, report);
  const resources = checkResources(parts, report);
  checkVersions(parts, routeNames(parts.routes), report);
  // Whether an upstream is used is only known if every route could be read.
  if (parts.routes.length === 0 || parts.routes.some((route) => route === undefined)) return;
  checkUnused(parts, report);
  if (report.errors.length > 0 || resources.size === 0) return;
  const routes = guarded.map((one) => ({ ...one, stub: stub(one.route, one.name) }));
  const router = paths.buildRouter(routes.map((route) => route.stub));
  checkReach(resources, new Map(routes.entries()), router, parts, report);
}

function checkCertificates({ listen }: Parts, source: Source, report: Report): void {
  if (listen?.tls === undefined) return;
  const { errors, warnings } = readTls(listen.tls, source.folder, Date.now());
  report.addErrors(errors);
  for (const { path, message } of warnings) report.warn(path, message);
}

function checkTls(name: string, { tls, targets }: UpstreamConfig, source: Source, report: Report): void {
  const at = ["upstreams", name, "tls"];
  const secure = targets.some((target) => target.secure);
  if (tls.ca !== undefined) {
    const read = readCertificates(tls.ca, source.folder);
    if ("problem" in read) report.error([...at, "ca"], read.problem);
  }
  const isSet = tls.ca !== undefined || tls.serverName !== undefined || tls.insecure;
  if (isSet && !secure) report.keyWarn(at, "has no effect: no target of this upstream is https");
  else if (tls.insecure)
    report.warn(
      [...at, "insecure"],
      "the certificates of this upstream are not verified; anybody on the way can pose as it",
    );
}

function checkRoutes(parts: Parts, paths: PathChecks, report: Report): void {
  const { routes } = parts;
  if (routes.length === 0)
    report.error(
      ["routes"],
      'there are no routes; one such as { path: "/*", to: { upstream: … } } is needed',
    );
  const names = routeNames(routes);
  checkNames(routes, report);
  const sound = routes.map(
    (route, index) => route !== undefined && checkRoute(route, ["routes", index], parts, paths, report),
  );
  if (new Set(names).size === names.length) checkShadows(routes, names, sound, paths, report);
}

function checkNames(routes: Parts["routes"], report: Report): void {
  const first = new Map<string, number>();
  for (const [index, route] of routes.entries()) {
    if (route?.name === undefined) continue;
    const before = first.get(route.name);
    if (before === undefined) first.set(route.name, index);
    else {
      const message = `routes[${before}] is called ${quoted(route.name)} already; logs and metrics need names apart`;
      report.error(["routes", index, "name"], message);
    }
  }
}

/** False if the path is not a template: what would follow is not worth saying. */
function checkRoute(route: RouteConfig, at: Path, parts: Parts, paths: PathChecks, report: Report): boolean {
  const upstreams = destinations(route.to).flatMap((destination) =>
    upstreamsOf(destination.to).map((one) => ({ ...one, at: [...placeOf(destination, at), ...one.at] })),
  );
  for (const { upstream, at: place } of upstreams)
    checkReference(upstream, [...place, "upstream"], parts, report);
  if (upstreams.length === 0) warnUnused(route, at, report);
  try {
    const template = paths.parseTemplate(route.path);
    const params = template.segments.flatMap((segment) => (segment.kind === "param" ? segment.name : []));
    for (const { rewrite, at: place } of upstreams) {
      if (rewrite === undefined) continue;
      const problem = refuseRewrite(rewrite, route.path, params, template.rest);
      if (problem !== undefined) report.error([...place, "rewrite"], problem);
    }
    return true;
  } catch (thrown) {
    report.error([...at, "path"], asPart(thrown instanceof Error ? thrown.message : String(thrown)));
    return false;
  }
}

const placeOf = ({ version }: Destination, route: Path): Path =>
  version === null ? [...route, "to"] : [...route, "to", version];

/** Other people's sentences begin and end like sentences. */
const asPart = (sentence: string): string =>
  sentence.replace(/\.$/, "").replaceAll(/(^|: )([A-Z])(?=[a-z])/g, (start) => start.toLowerCase());

function checkReference(name: string, path: Path, { upstreams }: Parts, report: Report): void {
  if (upstreams.has(name)) return;
  const known = [...upstreams.keys()];
  const suggestion = didYouMean(name, known);
  const list = known.length === 0 ? "; no upstreams are defined" : `; there is ${listOf(known.slice(0, 5))}`;
  report.error(path, `there is no upstream ${quoted(name)}${suggestion || list}`);
}

/** What only an upstream makes use of. */
function warnUnused({ headers }: RouteConfig, at: Path, report: Report): void {
  const { set, remove } = headers.request;
  if (Object.keys(set).length + remove.length > 0) {
    report.keyWarn([...at, "headers", "request"], "has no effect: this route answers without an upstream");
  }
}

function refuseRewrite(
  rewrite: string,
  path: string,
  params: readonly string[],
  rest: boolean,
): string | undefined {
  const plain = rewrite.replaceAll(/\{[^{}]*\}/g, "");
  if (/[{}]/.test(plain)) return `the braces in ${quoted(rewrite)} do not match`;
  if (/[?#\s\\]/.test(plain) || /[^\x21-\x7e]/.test(plain))
    return `${quoted(rewrite)} is not a path: it has a ?, #, \\, space or other character that a path cannot hold`;
  for (const [, name = ""] of rewrite.matchAll(/\{([^{}]*)\}/g)) {
    const meant = suggest(name, params);
    if (!params.includes(name))
      return `there is no {${name}} in the path ${path}${meant === undefined ? "" : `; did you mean {${meant}}?`}`;
  }
  if (plain.slice(0, -1).includes("*") || /[^/]\*$/.test(plain))
    return 'a * can only be the whole last segment: "/v2/*"';
  if (plain.endsWith("*") && !rest)
    return `the * stands for what the path's own * matched, and ${path} has none`;
  return undefined;
}

function checkShadows(
  routes: Parts["routes"],
  names: readonly string[],
  sound: readonly boolean[],
  paths: PathChecks,
  report: Report,
): void {
  const stubs = routes.flatMap((route, index) =>
    route !== undefined && sound[index] ? stub(route, names[index] ?? "") : [],
  );
  const indexOf = new Map(names.map((name, index) => [name, index]));
  const shadows = Map.groupBy(paths.shadowed(stubs), ({ route }) => route);
  for (const [route, lost] of shadows) {
    const at = ["routes", indexOf.get(route) ?? 0];
    const winner = (name: string): string => `routes[${indexOf.get(name)}] (${name})`;
    if (lost.some(({ unreachable }) => unreachable)) {
      const winners = listOf(lost.map(({ by }) => winner(by)));
      report.error(
        at,
        `no request ever gets to this route: ${winners} ${lost.length === 1 ? "takes" : "take"} them all`,
      );
    } else {
      for (const { by, methods } of lost) {
        report.warn(
          [...at, "methods"],
          `no ${methods.join(", ")} request gets to this route: ${winner(by)} takes them`,
        );
      }
    }
  }
}

/** As much of a route as the router looks at. */
function stub(route: RouteConfig, name: string): RoutePlan {
  return {
    name,
    path: route.path,
    hosts: route.hosts ?? [],
    methods: route.methods ?? [],
    priority: route.priority,
    limits: { body: 0 },
    handler: () => {
      throw new Error("a route in the making was called");
    },
    outermost: null,
    announcements: [],
    steps: [],
  };
}

/** The policies of each route that could be read. */
function checkPolicies(
  parts: Parts,
  source: Source,
  kinds: readonly PolicyKind[],
  report: Report,
): readonly GuardedRoute[] {
  const everywhere = resolvePolicies(parts.policies, ["policies"], kinds, source, report);
  const names = routeNames(parts.routes);
  const guarded: GuardedRoute[] = [];
  checkOutermost(everywhere, report);
  parts.routes.forEach((route, index) => {
    if (route === undefined) return;
    const own = resolvePolicies(route.policies, ["routes", index, "policies"], kinds, source, report);
    for (const { methods, path } of own) {
      if (methods === undefined || route.methods === undefined) continue;
      if (!methods.some((method) => route.methods?.includes(method as never))) {
        report.keyWarn(
          [...path.slice(0, -1), "when"],
          "this policy never runs: the route offers none of these methods",
        );
      }
    }
    checkOutermost(own, report);
    const ordered = inOrder(everywhere, own);
    checkFacts(ordered, route.methods, report);
    checkNeighbours(ordered, route.methods, report);
    checkRepetitions(route, ["routes", index], ordered, parts, report);
    guarded.push({ name: names[index] ?? "", route, policies: ordered });
  });
  checkUnkeyed(guarded, parts, report);
  return guarded;
}

function checkUnused(parts: Parts, report: Report): void {
  const used = new Set(
    parts.routes
      .flatMap((route) => (route === undefined ? [] : destinations(route.to)))
      .flatMap(({ to }) => upstreamsOf(to).map(({ upstream }) => upstream)),
  );
  for (const name of parts.upstreams.keys()) {
    if (!used.has(name)) report.keyWarn(["upstreams", name], "no route uses this upstream");
  }
}
