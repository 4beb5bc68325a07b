import { explain, explainMermaid } from "../config/explain.ts";
import { loadPlan } from "../config/plan.ts";
import { listOf, quoted } from "../core/found.ts";
import type { Plan, RoutePlan } from "../core/plan.ts";
import { suggest } from "../core/suggest.ts";
import { dryWorld } from "../threads/dry.ts";
import { explainRequest } from "./explain-request.ts";
import { findConfig } from "./find-config.ts";
import { printProblems } from "./output.ts";
import { Refusal } from "./refusal.ts";

interface Options {
  readonly config?: string;
  readonly route?: string;
  readonly mermaid?: boolean;
}

/** `turnpike explain`: all routes, one route, or the way of one request. */
export async function explainCommand(
  method: string | undefined,
  path: string | undefined,
  options: Options,
): Promise<void> {
  const asked = request(method, path);
  if (asked !== undefined && (options.route !== undefined || options.mermaid === true)) {
    throw new Refusal("a request is explained alone: leave out --route and --mermaid", 2);
  }
  const { plan, warnings } = await loadPlan(findConfig(options.config), dryWorld);
  printProblems(warnings, "warning");
  if (asked !== undefined) process.stdout.write(explainRequest(plan, asked.method, asked.target));
  else {
    const chosen =
      options.route === undefined
        ? plan
        : { ...plan, routes: [routeNamed(plan, options.route)], resources: new Map() };
    process.stdout.write(options.mermaid === true ? explainMermaid(chosen) : explain(chosen));
  }
}

function request(
  method: string | undefined,
  path: string | undefined,
): { method: string; target: string } | undefined {
  if (method === undefined) return undefined;
  if (path !== undefined) {
    if (isTarget(path)) return { method: method.toUpperCase(), target: path };
    throw new Refusal(
      `a path starts with "/", found ${quoted(path)}; for example: turnpike explain GET /orders/7`,
      2,
    );
  }
  if (isTarget(method)) return { method: "GET", target: method };
  throw new Refusal(`a method needs a path behind it; for example: turnpike explain ${method} /orders/7`, 2);
}

const isTarget = (text: string): boolean => text.startsWith("/") || /^https?:\/\//i.test(text);

function routeNamed({ routes }: Plan, name: string): RoutePlan {
  const found = routes.find((route) => route.name === name);
  if (found !== undefined) return found;
  const names = routes.map((route) => route.name);
  const meant = suggest(name, names);
  const rest = meant === undefined ? `; there is ${listOf(names.slice(0, 5))}` : `; did you mean "${meant}"?`;
  throw new Refusal(`there is no route ${quoted(name)}${rest}`, 2);
}
