import { explainRoute } from "../config/explain.ts";
import { explainOperation } from "../config/explain-resources.ts";
import { GatewayError } from "../core/errors.ts";
import { count } from "../core/found.ts";
import type { Plan, RoutePlan } from "../core/plan.ts";
import { canonicalVersion } from "../core/version.ts";
import { normalisePath, splitTarget } from "../flow/path.ts";
import { buildRouter, type Found, type Match } from "../flow/router/index.ts";
import { versionPrefix } from "../flow/version/select.ts";

/** Which route takes a request, and what speaks for it and against the others. */
export function explainRequest(plan: Plan, method: string, target: string): string {
  const { host, path: written } = parse(target);
  const path = normal(written, plan);
  const asked = `${method} ${written}${host === "" ? "" : ` on ${host}`}`;
  if (path instanceof GatewayError)
    return `${asked}\n  is refused with ${path.status} ${path.code}: ${path.message}\n`;
  const version = versionIn(path, plan);
  if (version instanceof GatewayError)
    return `${asked}\n  gets ${version.status} ${version.code}: ${version.message}\n`;
  return `${asked}\n${path === written ? "" : `  is read as ${path}\n`}${version.line}${routing(plan, method, host, version.path)}`;
}

/** Which route it is, once the path is known that routes are looked for by. */
function routing(plan: Plan, method: string, host: string, path: string): string {
  const match = buildRouter(plan.routes).find(method, host, path);
  const rivals = plan.routes.map((route) => ({
    route,
    match: buildRouter([route]).find(method, host, path),
  }));
  if (match.kind !== "found") return verdict(match, rivals, host);
  const ofService = match.route.steps.some(({ kind, name }) => kind === "backend" && name === "service");
  const operation = ofService ? explainOperation(plan.resources, method, path) : "";
  return `${verdict(match, rivals, host)}\n${explainRoute(plan, match.route)}${operation}`;
}

function parse(target: string): { host: string; path: string } {
  if (target.startsWith("/")) return { host: "", path: splitTarget(target).path };
  // Not `pathname`: it would put right what the gateway refuses.
  const [, host = "", path = "/"] = /^https?:\/\/([^/?#]*)(\/[^?#]*)?/i.exec(target) ?? [];
  return { host: host.toLowerCase(), path };
}

/** What a version in the path makes of it. */
function versionIn(path: string, { versions }: Plan): { path: string; line: string } | GatewayError {
  if (versions === null || !versions.from.includes("path")) return { path, line: "" };
  try {
    const prefix = versionPrefix(path);
    if (prefix === "") return { path, line: "" };
    const asked = canonicalVersion(prefix.slice(1));
    const version = versions.list.find(({ name }) => canonicalVersion(name) === asked);
    if (version === undefined) return new GatewayError("VERSION_NOT_FOUND");
    const rest = path.slice(prefix.length) || "/";
    return { path: rest, line: `  is ${rest} in version ${version.name}\n` };
  } catch (error) {
    return GatewayError.from(error);
  }
}

function normal(path: string, plan: Plan): string | GatewayError {
  try {
    return normalisePath(path, plan.paths);
  } catch (error) {
    return GatewayError.from(error);
  }
}

interface Rival {
  readonly route: RoutePlan;
  /** What would become of the request if this were the only route. */
  readonly match: Match;
}

function verdict(match: Match, rivals: readonly Rival[], host: string): string {
  if (match.kind === "found") return taken(match, rivals, host);
  if (match.kind === "misdirected")
    return `  gets 421: every route is bound to a host, and none to ${host || "a request without one: name it with a URL in place of the path"}
`;
  if (match.kind === "options" || match.kind === "method-not-allowed") {
    const offers = rivals.filter((rival) => rival.match.kind === match.kind).map(({ route }) => route.name);
    const status = match.kind === "options" ? "an answer to OPTIONS from the gateway" : "405";
    return `  gets ${status}: ${offers.join(", ")} matches the path and offers ${match.allow}\n`;
  }
  if (rivals.every((rival) => rival.match.kind !== "found"))
    return "  gets 404: no route matches this path\n";
  return "  gets 404: servers that ignore case, or decode a path again, would read it as another route's path\n";
}

function taken({ route, params }: Found, rivals: readonly Rival[], host: string): string {
  const values = Object.entries(params).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  const others = rivals.filter((rival) => rival.route !== route);
  const losers = others.flatMap((rival) => reason(route, rival, host));
  const elsewhere = others.length - losers.length;
  return [
    `  goes to ${route.name} (${route.path})${values.length === 0 ? "" : ` with ${values.join(", ")}`}`,
    ...losers.map((line) => `  not to ${line}`),
    ...(elsewhere === 0
      ? []
      : [
          `  ${count(elsewhere, "other route")} ${elsewhere === 1 ? "does" : "do"} not match the path or the host`,
        ]),
    "",
  ].join("\n");
}

/** The rules of flow/router.ts, in its order: host, priority, path, method. */
function reason(winner: RoutePlan, { route, match }: Rival, host: string): string[] {
  const name = `${route.name} (${route.path})`;
  if (match.kind === "method-not-allowed" || match.kind === "options")
    return [`${name}: it does not offer the method`];
  if (match.kind !== "found") return [];
  if (hostRank(winner, host) !== hostRank(route, host))
    return [`${name}: it answers for ${HOSTS[hostRank(route, host)]}, which is less exact`];
  if (winner.priority !== route.priority)
    return [`${name}: its priority is ${route.priority}, below ${winner.priority}`];
  if (winner.path !== route.path) return [`${name}: its path is less exact`];
  if (route.methods.length === 0 && winner.methods.length > 0)
    return [`${name}: it does not list the method`];
  return [`${name}: it comes later in the config`];
}

const HOSTS = ["this host alone", "a wildcard host", "every host"];

/** The order in which the router looks at hosts. */
function hostRank({ hosts }: RoutePlan, host: string): 0 | 1 | 2 {
  if (hosts.length === 0) return 2;
  return hosts.includes(host.replace(/:\d+$/, "")) ? 0 : 1;
}
