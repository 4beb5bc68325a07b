import { count } from "../core/found.ts";
import type { Plan, RoutePlan, Step } from "../core/plan.ts";
import { formatSize as size, formatDuration as time } from "../core/values.ts";
import { SEPARATOR } from "./describe.ts";
import { explainResource } from "./explain-resources.ts";
import { reliabilityPlan } from "./reliability.ts";
import { dialectOf } from "./schema-store.ts";
import { describeSelection, describeVersions } from "./versions.ts";

/** What a plan does, for people. */

/** What runs for each of the routes, in order, with the numbers in force, and the resources behind them. */
export function explain(plan: Plan, routes: readonly RoutePlan[] = plan.routes): string {
  const resources = [...plan.resources.values()];
  const parts = [
    ...routes.map((route) => explainRoute(plan, route)),
    ...resources.map((resource) => explainResource(resource, plan.resources)),
  ];
  return [gateway(plan), ...parts].join("\n");
}

function gateway({ listen, admin, limits, drain, lanes, store, versions, resources }: Plan): string {
  const trusted = listen.trustedProxies.length === 0 ? "nobody" : listen.trustedProxies.join(", ");
  return lines([
    `Turnpike on ${address(listen)}, admin on ${address(admin)}`,
    `  ${lanes === 0 ? "a lane for each core, eight at most" : count(lanes, "lane")}; counts are kept in ${countersText(store.counters)}`,
    `  ${limits.connections} connections, ${limits.connectionsPerIp} from one address, ${limits.requestsPerConnection} requests on each`,
    `  forwarded headers are believed from ${trusted}`,
    ...versionLines(versions),
    ...storeLines(resources, store),
    `  stops ${time(drain.delay)} after SIGTERM, then waits ${time(drain.timeout)} for requests in flight`,
  ]);
}

function versionLines(versions: Plan["versions"]): string[] {
  if (versions === null) return [];
  return [`  versions ${describeVersions(versions)}`, `    ${describeSelection(versions)}`];
}

/** Without the place, which may hold a password. */
function storeLines(
  resources: Plan["resources"],
  { records, connections, migrate }: Plan["store"],
): string[] {
  if (resources.size === 0 || records === null) return [];
  const where =
    dialectOf(records) === "sqlite" ? "SQLite" : `PostgreSQL (${count(connections, "connection")})`;
  const start =
    migrate === "auto" ? "the start adds what tables lack" : "turnpike db apply adds what tables lack";
  return [`  ${count(resources.size, "resource")} in ${where}; ${start}`];
}

/** Without what may be a password. */
function countersText(counters: string): string {
  return counters === "memory" ? "memory, for all lanes together" : `Redis at ${new URL(counters).host}`;
}

/** One route, as a numbered list of stages. */
export function explainRoute(plan: Plan, route: RoutePlan): string {
  const stages = [
    stage("accept", accept(plan, route)),
    stage("route", [where(route)]),
    ...route.steps.map((step) => stage(step.kind, stepLines(step))),
    stage("respond", [
      `client may pause ${time(plan.timeouts.write)} while it reads, ${time(plan.timeouts.keepAlive)} between requests`,
    ]),
    stage("record", [record(plan)]),
  ];
  const numbered = stages.map((text, index) => `  ${String(index + 1).padStart(2)} ${text}`);
  return lines([route.name, ...numbered, ...reliability(plan, route)]);
}

function reliability(plan: Plan, route: RoutePlan): string[] {
  const numbered = reliabilityPlan(plan, route).map(({ name, lines: [first = "", ...more] }, index) => {
    const rest = more.map((line) => `\n${" ".repeat(21)}${line}`);
    return `  ${String(index + 1).padStart(2)} ${name.padEnd(15)} ${first}${rest.join("")}`;
  });
  return ["  reliability plan", ...numbered];
}

/** A stage with several lines has them one below the other. */
function stage(name: string, [first = "", ...more]: readonly string[]): string {
  return [`${name.padEnd(8)} ${first}`, ...more.map((line) => `${" ".repeat(14)}${line}`)].join("\n");
}

function accept({ limits, timeouts, paths }: Plan, route: RoutePlan): string[] {
  return [
    `header ${size(limits.headers)} in ${limits.headerCount} fields of ${size(limits.header)}, target ${size(limits.uri)}, body ${size(route.limits.body)}`,
    `header within ${time(timeouts.head)}, pauses in the body up to ${time(timeouts.body)}`,
    `encoded slashes: ${paths.encodedSlash}, semicolons: ${paths.semicolon}`,
  ];
}

function where({ methods, path, hosts, priority }: RoutePlan): string {
  const host = hosts.length === 0 ? "" : ` on ${hosts.join(", ")}`;
  return `${methods.length === 0 ? "every method" : methods.join(", ")} ${path}${host}${priority === 0 ? "" : `, priority ${priority}`}`;
}

function stepLines({ kind, name, version, summary, fallback }: Step): string[] {
  const [first = "", ...more] = summary.split(SEPARATOR);
  if (kind === "version") return [first, ...more];
  const instead = fallback === undefined ? [] : [`fallback: ${fallback}`];
  return [`${version === undefined ? "" : `${version} → `}${name}: ${first}`, ...more, ...instead];
}

function record({ log }: Plan): string {
  return log.requests ? `one JSON line to ${log.to}` : "nothing: log.requests is false";
}

/** A Mermaid flowchart: client → gateway, with the policies in order → upstreams. */
export function explainMermaid(plan: Plan): string {
  const upstreams = new Map<string, string>();
  const inside: string[] = [];
  const outside: string[] = [];
  plan.routes.forEach((route, index) => {
    const id = `r${index}`;
    inside.push(`    accept --> ${id}{{${label(route.name, where(route))}}}`);
    let last = id;
    for (const [position, step] of route.steps.entries()) {
      const [first = ""] = step.summary.split(SEPARATOR);
      // What the gateway answers by itself.
      const isUpstream = step.kind === "backend" && step.name !== "fixed" && step.name !== "service";
      const next = isUpstream ? upstreamId(upstreams, step.name, first) : `${id}s${position}`;
      const arrow = step.version === undefined ? "-->" : `-->|${step.version}|`;
      if (isUpstream) outside.push(`  ${last} ${arrow} ${next}`);
      else inside.push(`    ${last} ${arrow} ${next}[${label(step.name, first)}]`);
      // Backends stand side by side, one for each version.
      if (step.kind !== "backend") last = next;
    }
  });
  return lines([
    "flowchart LR",
    "  client([client]) --> accept",
    `  subgraph gateway[${label("Turnpike", address(plan.listen))}]`,
    "    accept[accept]",
    ...inside,
    "  end",
    ...[...upstreams.values()].map((node) => `  ${node}`),
    ...outside,
  ]);
}

function upstreamId(upstreams: Map<string, string>, name: string, targets: string): string {
  const known = [...upstreams.keys()].indexOf(name);
  const id = `u${known === -1 ? upstreams.size : known}`;
  upstreams.set(name, `${id}[${label(name, targets)}]`);
  return id;
}

/** Mermaid reads `#`, `"` and angle brackets in a label as its own. */
function label(...parts: readonly string[]): string {
  const text = parts
    .filter((part) => part !== "")
    .map((part) => part.replaceAll(/[#"<>]/g, (one) => `#${one.charCodeAt(0)};`));
  return `"${text.join("<br/>")}"`;
}

const lines = (all: readonly string[]): string => `${all.join("\n")}\n`;

function address({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port === 0 ? "(any free port)" : port}`;
}

/** `3 routes, 1 upstream, 4 resources` */
export function summary(plan: Plan, upstreams: number): string {
  const resources = plan.resources.size === 0 ? "" : `, ${count(plan.resources.size, "resource")}`;
  return `${count(plan.routes.length, "route")}, ${count(upstreams, "upstream")}${resources}`;
}
