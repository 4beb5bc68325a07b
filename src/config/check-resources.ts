import { anyOf, listOf } from "../core/found.ts";
import type { RoutePlan } from "../core/plan.ts";
import { principal } from "../core/principal.ts";
import type { Resource, Resources } from "../core/resource.ts";
import type { Parts } from "./examine.ts";
import type { ResolvedPolicy } from "./policies.ts";
import type { Path } from "./problem.ts";
import type { Report } from "./report.ts";
import { describeAccess } from "./resources/access.ts";
import { buildResources } from "./resources/index.ts";
import { type Operation, operationsOf } from "./resources/operations.ts";
import { dialectOf } from "./schema-store.ts";
import { destinations, versionsPlan } from "./versions.ts";

/** What resources say of each other, and routes of them. */

export interface ServedRoute {
  readonly policies: readonly ResolvedPolicy[];
  /** As the router looks at it. */
  readonly stub: RoutePlan;
}

export interface Routing {
  find(method: string, host: string, path: string): { readonly kind: string; readonly route?: RoutePlan };
}

/** The resources, as far as they can be made. */
export function checkResources(parts: Parts, report: Report): Resources {
  const { resources, store, versions, routes } = parts;
  const readable = [...resources];
  const made = buildResources(
    new Map(readable.map(([name, one]) => [name, one?.config])),
    {
      unread: new Map(readable.map(([name, one]) => [name, one?.unread ?? new Set<string>()])),
      versions: versions == null ? versions : versionsPlan(versions),
      dialect: store === undefined ? null : dialectOf(store.records),
    },
    report,
  );
  if (resources.size > 0 && store?.records === "none")
    report.error(
      ["store", "records"],
      "resources are kept there; write sqlite: and a file, or postgres://user:password@host:5432/database",
    );
  if (resources.size > 0) return made;
  routes.forEach((route, index) => {
    if (route === undefined) return;
    for (const { version, to } of destinations(route.to))
      if ("service" in to)
        report.error(
          ["routes", index, "to", ...(version === null ? [] : [version])],
          'there are no resources to answer; define them under "resources"',
        );
  });
  return made;
}

/** Paths of the service that are no resource's. */
const OTHER_PATHS = ["/openapi.json"];
/** Segments of a path that no route has as a literal. */
const SOME_ID = "~";

/** Whether routes lead to the resources, and past somebody who learns who is calling. By index of the config's routes. */
export function checkReach(
  resources: Resources,
  routes: ReadonlyMap<number, ServedRoute>,
  router: Routing,
  parts: Parts,
  report: Report,
): void {
  const leads = new Leads(routes, router, parts);
  const used = new Set<number>();
  for (const resource of resources.values()) {
    const at = ["resources", resource.name];
    const reached = operationsOf(resource, resources).map((operation) => ({
      operation,
      by: leads.to(operation.method, operation.path.replace("{id}", SOME_ID)),
    }));
    for (const index of reached.flatMap(({ by }) => by)) used.add(index);
    checkPaths(resource, reached, at, report);
    checkCallers(resource, reached, routes, at, report);
  }
  for (const index of OTHER_PATHS.flatMap((path) => leads.to("GET", path))) used.add(index);
  const paths = [...resources.values()].map(({ path }) => path);
  for (const index of leads.all) {
    if (!used.has(index) && paths.length > 0)
      report.warn(["routes", index, "path"], `leads to no resource; there is ${listOf(paths)}`);
  }
}

interface Reached {
  readonly operation: Operation;
  /** Indexes of routes: on each host another one may be first. */
  readonly by: readonly number[];
}

/** Which routes take a request to the service. */
class Leads {
  /** Those that lead to the service, in any version. */
  readonly all: ReadonlySet<number>;
  readonly #indexes: ReadonlyMap<RoutePlan, number>;
  readonly #hosts: readonly string[];
  readonly #router: Routing;

  constructor(routes: ReadonlyMap<number, ServedRoute>, router: Routing, { routes: configs }: Parts) {
    this.#router = router;
    this.#indexes = new Map([...routes].map(([index, { stub }]) => [stub, index]));
    const bound = [...routes.values()].flatMap(({ stub }) => stub.hosts);
    this.#hosts = [...new Set(["", ...bound.map((host) => host.replace("*", "any"))])];
    const leading = configs.flatMap((route, index) => {
      const serves = route !== undefined && destinations(route.to).some(({ to }) => "service" in to);
      return serves ? [index] : [];
    });
    this.all = new Set(leading);
  }

  to(method: string, path: string): number[] {
    const found = this.#hosts.flatMap((host) => {
      const { kind, route } = this.#router.find(method, host, path);
      const index = kind === "found" && route !== undefined ? this.#indexes.get(route) : undefined;
      return index === undefined || !this.all.has(index) ? [] : [index];
    });
    return [...new Set(found)];
  }
}

/** A route may leave methods out; a path that no route has is a slip. */
function checkPaths(resource: Resource, reached: readonly Reached[], at: Path, report: Report): void {
  const ofItsOwn = reached.filter(({ operation }) => operation.path.startsWith(resource.path));
  const byPath = Map.groupBy(ofItsOwn, ({ operation }) => operation.path);
  const lost = [...byPath].filter(([, all]) => all.every(({ by }) => by.length === 0)).map(([path]) => path);
  if (lost.length === 0) return;
  const remedy = `one such as { path: "${resource.path}/*", to: { service: true } } does`;
  const what = lost.length === byPath.size ? "it" : anyOf(lost);
  report.keyWarn(at, `no route leads to ${what}; ${remedy}`);
}

/** Who has to prove who he is needs somebody on the way who asks. */
function checkCallers(
  resource: Resource,
  reached: readonly Reached[],
  routes: ReadonlyMap<number, ServedRoute>,
  at: Path,
  report: Report,
): void {
  const closed = reached.filter(
    ({ operation, by }) =>
      (resource.owner !== null || operation.access !== "public") &&
      by.length > 0 &&
      !by.some((index) => routes.get(index)?.policies.some(learnsCaller)),
  );
  const [first] = closed;
  if (first === undefined) return;
  const { method, path, access } = first.operation;
  const why =
    resource.owner !== null && access === "public"
      ? "objects have owners"
      : `it takes ${access === "authenticated" ? "somebody who has proved who he is" : `the scope ${describeAccess(access)}`}`;
  const places = [...new Set(closed.flatMap(({ by }) => by))].map((index) => `routes[${index}]`);
  report.keyWarn(
    [...at, resource.owner === null ? "access" : "owner"],
    `nobody can call ${method} ${path}: ${why}, and ${listOf(places)} ${places.length === 1 ? "has" : "have"} no policy that learns who is calling, such as api-key or jwt`,
  );
}

function learnsCaller({ kind, options }: ResolvedPolicy): boolean {
  const facts = [...(kind.learns?.(options) ?? []), ...(kind.mayLearn?.(options) ?? [])];
  return facts.includes(principal);
}
