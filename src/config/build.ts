import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { bodyLimit } from "../core/body-limit.ts";
import type { Handler, Policy } from "../core/handler.ts";
import type { KeyDirectory } from "../core/keys.ts";
import type { ForwardRules, Kinds, MakeVersionStep, Upstream, UpstreamOptions } from "../core/kinds.ts";
import type { ListenPlan, Plan, RoutePlan, Step } from "../core/plan.ts";
import type { Capability } from "../core/policy.ts";
import { settled } from "../core/settled.ts";
import type { Endpoint, PolicyTools, Tools } from "../core/tools.ts";
import type { ApiVersion, VersionsPlan } from "../core/version.ts";
import { fieldRules, fixedOptions, upstreamOptions } from "./backend-options.ts";
import { ConfiguredKeys } from "./configured-keys.ts";
import { describeFixed, describeService, describeUpstream, SEPARATOR, type Secrets } from "./describe.ts";
import { keyPrefix } from "./key-prefix.ts";
import { locate } from "./locate.ts";
import {
  type Announcement,
  announceOnlyFor,
  around,
  aroundVersion,
  type MadePolicy,
  onlyFor,
  outermostOf,
  policyStep,
} from "./made-policies.ts";
import { routeNames } from "./names.ts";
import { inOrder, isOutermost, type ResolvedPolicy, resolvePolicies } from "./policies.ts";
import { ConfigError } from "./problem.ts";
import { Report } from "./report.ts";
import { buildResources } from "./resources/index.ts";
import type { Config, RouteConfig, UpstreamConfig } from "./schema.ts";
import { overloadPlan } from "./schema-overload.ts";
import { dialectOf, storePlan } from "./schema-store.ts";
import { reachesService, spokenByResources } from "./service-routes.ts";
import type { Source } from "./source.ts";
import { hstsSeconds, readTls } from "./tls.ts";
import { valueAt } from "./variables.ts";
import {
  type Destination,
  describeVersionStep,
  destinations,
  type FallbackConfig,
  versionNamed,
  versionsPlan,
} from "./versions.ts";

export interface Built {
  readonly plan: Plan;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** Absolute names of the files that were read besides the config itself. */
  readonly files: ReadonlySet<string>;
  readonly uses: ReadonlySet<Capability>;
  /** Ends what the policies keep running. */
  readonly close: () => void;
}

/** Makes everything once: an upstream per name, a policy per entry, a handler per route. */
export class Builder {
  readonly #config: Config;
  readonly #source: Source;
  readonly #kinds: Kinds;
  readonly #tools: Tools;
  readonly #keys: KeyDirectory;
  readonly #secrets: Secrets;
  readonly #versions: VersionsPlan | null;
  readonly #makeVersionStep: MakeVersionStep | null;
  readonly #files = new Set<string>();
  readonly #uses = new Set<Capability>();
  readonly #closes: (() => void)[] = [];
  #lastGood: Policy | null = null;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #upstreams = new Map<string, { options: UpstreamOptions; upstream: Upstream }>();

  constructor(config: Config, source: Source, kinds: Kinds, tools: Tools) {
    this.#config = config;
    this.#source = source;
    this.#kinds = kinds;
    this.#tools = tools;
    this.#keys = new ConfiguredKeys(config.keys, tools.keys);
    this.#versions = versionsPlan(config.versions);
    this.#makeVersionStep = this.#versions && kinds.versions(this.#versions, tools);
    this.#secrets = new Set(source.variables.map(({ path }) => valueAt(source.value, path)));
  }

  build(): Built {
    try {
      return this.#build();
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  #build(): Built {
    const {
      listen,
      admin,
      limits,
      timeouts,
      overload,
      drain,
      paths,
      log,
      errors,
      store,
      lanes,
      resources,
      service,
    } = this.#config;
    const to = log.to === "stdout" || log.to === "stderr" ? log.to : resolve(this.#source.folder, log.to);
    const everywhere = this.#policies(this.#config.policies, ["policies"], "*");
    const ofConfig = this.#routes(everywhere);
    const routes = [...ofConfig, ...this.#ownRoutes(everywhere)];
    const upstreams = new Map([...this.#upstreams].map(([name, { upstream }]) => [name, upstream]));
    return {
      plan: {
        listen: this.#listen(),
        admin,
        limits,
        timeouts,
        overload: overloadPlan(overload),
        drain,
        paths,
        log: { ...log, to },
        errors: { docs: errors.docs ?? null, hsts: hstsSeconds(listen.tls) },
        versions: this.#versions,
        store: storePlan(store, this.#source.folder),
        resources: buildResources(new Map(Object.entries(resources)), {
          versions: this.#versions,
          dialect: dialectOf(store.records),
        }),
        service: { ...service, cursorSecret: service.cursorSecret ?? null },
        keyPrefix: keyPrefix(this.#config),
        lanes: lanes === "auto" ? 0 : lanes,
        routes,
        upstreams: [...this.#upstreams.values()].map(({ options }) => options),
        outermost: outermostOf(everywhere),
      },
      upstreams,
      files: this.#files,
      uses: this.#uses,
      close: () => this.#close(),
    };
  }

  #listen(): ListenPlan {
    const { tls, ...listen } = this.#config.listen;
    if (tls === undefined) return { ...listen, tls: null };
    const { plan, files } = readTls(tls, this.#source.folder, this.#tools.clock.wall());
    for (const file of files) this.#files.add(file);
    return { ...listen, tls: plan };
  }

  #close(): void {
    for (const close of this.#closes.splice(0)) close();
  }

  #routes(everywhere: readonly MadePolicy[]): RoutePlan[] {
    const { routes } = this.#config;
    const names = routeNames(routes);
    return routes.map((route, index): RoutePlan => {
      const own = this.#policies(route.policies, ["routes", index, "policies"], names[index] ?? "");
      const wrapped = inOrder(everywhere, own);
      const outermost = outermostOf(wrapped);
      const inner = wrapped.filter(({ kind }) => !isOutermost(kind));
      const { before, behind } = aroundVersion(inner);
      const backend = this.#backends(route, names[index] ?? "");
      const version = this.#versionStep(names[index] ?? "", backend.offered);
      const versioned = version.policy(around(behind, backend.handler));
      const limits = { body: route.limits.body ?? this.#config.limits.body };
      const limited = bodyLimit(limits.body)(
        around(before, inner.length === 0 ? versioned : settled(versioned)),
      );
      return {
        name: names[index] ?? "",
        path: route.path,
        hosts: route.hosts ?? [],
        methods: route.methods ?? [],
        priority: route.priority,
        limits,
        handler: outermost === null ? limited : outermost(limited),
        outermost,
        announcements: wrapped.flatMap(({ announcements }) => announcements),
        ...reachesService(route.to, this.#versions),
        steps: [
          ...wrapped.filter((policy) => !behind.includes(policy)).map(({ step }) => step),
          ...version.steps,
          ...behind.map(({ step }) => step),
          ...backend.steps,
        ],
      };
    });
  }

  /** What policies offer, behind those of every route; in no version, because it is not part of the API. */
  #ownRoutes(everywhere: readonly MadePolicy[]): RoutePlan[] {
    const outermost = outermostOf(everywhere);
    const inner = everywhere.filter(({ kind }) => !isOutermost(kind) && kind.versioned !== true);
    return [...this.#endpoints.values()].flatMap(({ name, path, methods, summary, handler }): RoutePlan[] => {
      const limited = bodyLimit(this.#config.limits.body)(
        around(inner, inner.length === 0 ? handler : settled(handler)),
      );
      return everyHost(this.#config.routes).map((hosts) => ({
        name,
        path,
        hosts,
        methods,
        // No route of the config, such as a `/*`, takes them.
        priority: Number.POSITIVE_INFINITY,
        limits: { body: this.#config.limits.body },
        handler: outermost === null ? limited : outermost(limited),
        outermost,
        announcements: everywhere.flatMap(({ announcements }) => announcements),
        steps: [
          ...everywhere.filter(({ kind }) => kind.versioned !== true).map(({ step }) => step),
          { kind: "backend", name: "gateway", summary },
        ],
      }));
    });
  }

  #policies(entries: Config["policies"], at: (string | number)[], owner: string): MadePolicy[] {
    const resolved = resolvePolicies(entries, at, this.#kinds.policies, this.#source, new Report());
    const seen = new Map<string, number>();
    return resolved.map((one) => {
      const count = (seen.get(one.kind.name) ?? 0) + 1;
      seen.set(one.kind.name, count);
      const place = `${owner}/${one.kind.name}${count === 1 ? "" : `#${count}`}`;
      return {
        kind: one.kind,
        ...this.#policy(one, place),
        step: policyStep(one, this.#secrets),
      };
    });
  }

  #policy(
    { kind, options, methods, path }: ResolvedPolicy,
    place: string,
  ): Pick<MadePolicy, "policy" | "announcements"> {
    for (const capability of kind.uses ?? []) this.#uses.add(capability);
    const announcements: Announcement[] = [];
    try {
      if (kind.dependsOnStores === true && this.#config.store.records === "none")
        throw new Error(
          "needs a store of records, and store.records is none; write sqlite: and a file there",
        );
      const policy = kind.create(options, this.#toolsFor(place, announcements));
      if (methods === undefined) return { policy, announcements };
      const wanted = new Set(methods);
      return {
        policy: onlyFor(wanted, policy),
        announcements: announcements.map((announce) => announceOnlyFor(wanted, announce)),
      };
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      throw new ConfigError(locate(this.#source, [{ path, key: true, message }]));
    }
  }

  #toolsFor(place: string, announcements: Announcement[]): PolicyTools {
    return {
      ...this.#tools,
      keys: this.#keys,
      place,
      readFile: (file) => {
        const absolute = resolve(this.#source.folder, file);
        this.#files.add(absolute);
        return readFileSync(absolute);
      },
      offer: (endpoint) => {
        if (!this.#endpoints.has(endpoint.path)) this.#endpoints.set(endpoint.path, endpoint);
      },
      onRefusal: (announce) => announcements.push(announce),
      onClose: (close) => this.#closes.push(close),
    };
  }

  /** Holds the calls of a route to their versions; nothing where there are none. */
  #versionStep(route: string, offered: readonly ApiVersion[] | null): { policy: Policy; steps: Step[] } {
    const versions = this.#versions;
    if (versions === null || this.#makeVersionStep === null) return { policy: (next) => next, steps: [] };
    const summary = describeVersionStep(versions, route, offered);
    return {
      policy: this.#makeVersionStep({ route, offered }),
      steps: [{ kind: "version", name: "version", summary }],
    };
  }

  /** One backend, or one for each version that the route is offered in. */
  #backends({ to, headers }: RouteConfig, route: string): Backends {
    const made = destinations(to).map((one) => ({ ...one, ...this.#backend(one.to, headers) }));
    const [only] = made;
    if (only?.version === null) {
      const offered = "service" in only.to ? spokenByResources(this.#versions, route) : null;
      return { handler: only.handler, steps: [only.step], offered };
    }
    const list = this.#versions?.list ?? [];
    const found = made.map(({ version, ...backend }) => ({
      ...backend,
      version: versionNamed(list, version ?? ""),
    }));
    const sorted = found.toSorted((a, b) => a.version.place - b.version.place);
    return {
      handler: byVersion(new Map(sorted.map(({ version, handler }) => [version, handler]))),
      steps: sorted.map(({ version, step }) => ({ ...step, version: version.name })),
      offered: sorted.map(({ version }) => version),
    };
  }

  #backend(to: Destination["to"], headers: RouteConfig["headers"]): { handler: Handler; step: Step } {
    const response = fieldRules(headers.response);
    if ("fixed" in to) {
      const options = fixedOptions(to.fixed, response);
      return {
        handler: this.#kinds.fixed(options),
        step: { kind: "backend", name: "fixed", summary: describeFixed(options, this.#secrets) },
      };
    }
    if ("service" in to) {
      // Keys of requests, events and the secret of cursors are kept beside the rows.
      this.#uses.add("records");
      const summary = describeService(Object.keys(this.#config.resources), response, this.#secrets);
      return {
        handler: this.#kinds.service(response),
        step: { kind: "backend", name: "service", summary },
      };
    }
    const { options, upstream } = this.#upstream(to.upstream);
    const forward: ForwardRules = {
      rewrite: to.rewrite ?? null,
      request: fieldRules(headers.request),
      response,
    };
    const summary = describeUpstream(options, forward, this.#secrets);
    const handler = upstream.handler(forward);
    if (to.fallback === undefined) return { handler, step: { kind: "backend", name: to.upstream, summary } };
    const fallback = this.#fallback(to.fallback, to.rewrite, headers);
    return {
      handler: fallback.policy(handler),
      step: { kind: "backend", name: to.upstream, summary, fallback: fallback.summary },
    };
  }

  #fallback(
    to: FallbackConfig,
    rewrite: string | undefined,
    headers: RouteConfig["headers"],
  ): { policy: Policy; summary: string } {
    if ("lastGood" in to) {
      this.#lastGood ??= this.#kinds.lastGood(this.#tools);
      return { policy: this.#lastGood, summary: "the last good answer that the same caller got" };
    }
    const instead = "fixed" in to ? to : { upstream: to.upstream, rewrite: to.rewrite ?? rewrite };
    const { handler, step } = this.#backend(instead, headers);
    const [first = ""] = step.summary.split(SEPARATOR);
    return { policy: this.#kinds.fallback(handler), summary: `${step.name}, ${first}` };
  }

  #upstream(name: string): { options: UpstreamOptions; upstream: Upstream } {
    const known = this.#upstreams.get(name);
    if (known !== undefined) return known;
    const options = upstreamOptions(
      name,
      this.#config.upstreams[name] as UpstreamConfig,
      this.#source.folder,
    );
    // The admin API shows circuits and moves them by hand, which it writes down.
    if (options.circuitBreaker !== null) this.#uses.add("records");
    const made = { options, upstream: this.#kinds.upstream(options, this.#tools) };
    this.#upstreams.set(name, made);
    return made;
  }
}

interface Backends {
  readonly handler: Handler;
  readonly steps: readonly Step[];
  /** Null where one backend answers for all. */
  readonly offered: readonly ApiVersion[] | null;
}

/** Lists of hosts for a route that answers wherever another one does, and nowhere else: a host that none has is 421. */
function everyHost(routes: readonly RouteConfig[]): readonly (readonly string[])[] {
  const bound = [...new Set(routes.flatMap(({ hosts = [] }) => hosts))];
  if (bound.length === 0) return [[]];
  return routes.every(({ hosts = [] }) => hosts.length > 0) ? [bound] : [bound, []];
}

/** The version step lets no other version through. */
function byVersion(handlers: ReadonlyMap<ApiVersion | null, Handler>): Handler {
  return (call) => (handlers.get(call.version) as Handler)(call);
}
