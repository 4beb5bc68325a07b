import { listOf } from "../core/found.ts";
import type { UpstreamOptions } from "../core/kinds.ts";
import type { KeyRules } from "../core/reliability.ts";
import { checkedOptions } from "./checked-upstream.ts";
import type { Parts } from "./examine.ts";
import type { ResolvedPolicy } from "./policies.ts";
import type { Path } from "./problem.ts";
import { IDEMPOTENT, methodsOf, time } from "./reliability.ts";
import type { Report } from "./report.ts";
import type { RouteConfig } from "./schema.ts";
import { destinations, upstreamsOf } from "./versions.ts";
import { longestCall } from "./worst-case.ts";

/** What a route's policies and its upstreams make of each other. `policies` in the order of running. */
export function checkRepetitions(
  route: RouteConfig,
  at: Path,
  policies: readonly ResolvedPolicy[],
  parts: Parts,
  report: Report,
): void {
  const methods = methodsOf({ methods: route.methods ?? [] });
  const keys = policies.flatMap((policy) => keysOf(policy, methods, report));
  for (const { version, to } of destinations(route.to)) {
    const place = version === null ? [...at, "to"] : [...at, "to", version];
    checkFallback(to, methods, place, report);
    for (const { upstream } of upstreamsOf(to)) {
      const config = parts.upstreams.get(upstream);
      if (config === undefined) continue;
      for (const one of keys) checkKeys(one, checkedOptions(upstream, config), report);
      if (keys.length > 0 && config.idempotent) checkForwarding(route, upstream, at, report);
    }
  }
  if (keys.length > 0 && route.limits.body === Number.POSITIVE_INFINITY)
    report.warn(
      [...at, "limits", "body"],
      "what carries an Idempotency-Key is kept in memory as a whole before it is sent on; give the route a limit",
    );
}

interface Keys {
  readonly rules: KeyRules;
  readonly path: Path;
}

function keysOf(
  { kind, options, methods, path }: ResolvedPolicy,
  offered: readonly string[],
  report: Report,
) {
  const rules = kind.reliability?.(options).keys;
  if (rules === undefined) return [];
  const looked = rules.methods.filter((method) => methods?.includes(method) ?? true);
  if (!looked.some((method) => offered.includes(method)))
    report.keyWarn(path, `has no effect: the route offers none of ${looked.join(", ")}`);
  if (rules.waits >= LONG_WAIT_MS)
    report.warn([...path, "waitFor"], "most clients give up before, and come again; write less than 30s");
  return [{ rules: { ...rules, methods: looked }, path }];
}

const LONG_WAIT_MS = 30_000;

function checkKeys({ rules, path }: Keys, options: UpstreamOptions, report: Report): void {
  if (rules.resends && !options.idempotent)
    report.error(
      [...path, "onUnknown"],
      `resend would carry out a request twice: the upstream ${options.name} does not say that it honours the Idempotency-Key (idempotent: true)`,
    );
  const call = Math.min(options.timeout.total, longestCall(options));
  if (rules.keep <= call)
    report.warn(
      [...path, "keep"],
      `a call may take ${time(call)}: its key would be forgotten before it is answered; write more than that`,
    );
}

/** A service that honours the key has to get the client's. */
function checkForwarding({ headers }: RouteConfig, upstream: string, at: Path, report: Report): void {
  const { remove, set } = headers.request;
  const isKey = (name: string) => name.toLowerCase() === "idempotency-key";
  const taken = remove.some(isKey);
  if (taken || Object.keys(set).some(isKey))
    report.error(
      [...at, "headers", "request", taken ? "remove" : "set"],
      `${upstream} tells repetitions by the client's Idempotency-Key (idempotent: true), and would not get it`,
    );
}

function checkFallback(
  to: ReturnType<typeof destinations>[number]["to"],
  methods: readonly string[],
  at: Path,
  report: Report,
): void {
  if (!("upstream" in to) || to.fallback === undefined) return;
  const { fallback, upstream } = to;
  if ("upstream" in fallback && fallback.upstream === upstream)
    report.warn(
      [...at, "fallback", "upstream"],
      `${upstream} is what has failed by then; name another upstream, or a fixed answer`,
    );
  if ("lastGood" in fallback && !methods.includes("GET"))
    report.keyWarn(
      [...at, "fallback", "lastGood"],
      "has no effect: only GET and HEAD have a last good answer, and the route does not offer them",
    );
}

export interface GuardedRoute {
  readonly name: string;
  readonly route: RouteConfig;
  /** In the order of running. */
  readonly policies: readonly ResolvedPolicy[];
}

/** Methods that an upstream's retries leave alone, because no key makes them safe: said once for all its routes. */
export function checkUnkeyed(routes: readonly GuardedRoute[], parts: Parts, report: Report): void {
  const leading = leadingTo(routes);
  for (const [name, config] of parts.upstreams) {
    if (config?.retry === undefined || config.retry.attempts === 1) continue;
    const unkeyed = (leading.get(name) ?? [])
      .map(({ name: called, route, policies }) => ({ called, methods: unkeyedOf(route, policies) }))
      .filter(({ methods }) => methods.length > 0);
    if (unkeyed.length === 0) continue;
    const methods = [...new Set(unkeyed.flatMap((one) => one.methods))];
    const named = unkeyed.slice(0, 3).map(({ called }) => called);
    const more = unkeyed.length > named.length ? ` and ${unkeyed.length - named.length} more` : "";
    report.keyWarn(
      ["upstreams", name, "retry"],
      `${listOf(methods)} on ${named.join(", ")}${more} ${methods.length === 1 ? "is" : "are"} not tried again once a byte has been sent, because nothing makes a second time harmless; put idempotency on the route, and idempotent: true here if the service honours the key`,
    );
  }
}

/** By the upstreams that they lead to. */
function leadingTo(routes: readonly GuardedRoute[]): ReadonlyMap<string, readonly GuardedRoute[]> {
  const leading = new Map<string, GuardedRoute[]>();
  for (const route of routes) {
    const names = destinations(route.route.to).flatMap(({ to }) =>
      upstreamsOf(to).map(({ upstream }) => upstream),
    );
    for (const name of new Set(names)) {
      const others = leading.get(name);
      if (others === undefined) leading.set(name, [route]);
      else others.push(route);
    }
  }
  return leading;
}

function unkeyedOf(route: RouteConfig, policies: readonly ResolvedPolicy[]): string[] {
  const keyed = new Set(
    policies.flatMap(({ kind, options, methods }) =>
      (kind.reliability?.(options).keys?.methods ?? []).filter((method) => methods?.includes(method) ?? true),
    ),
  );
  return methodsOf({ methods: route.methods ?? [] }).filter(
    (method) => !IDEMPOTENT.includes(method) && !keyed.has(method),
  );
}
