import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Handler, Policy } from "../core/handler.ts";
import type {
  FieldRules,
  FixedOptions,
  ForwardRules,
  Kinds,
  Upstream,
  UpstreamOptions,
} from "../core/kinds.ts";
import type { Plan, RoutePlan, Step } from "../core/plan.ts";
import type { Capability } from "../core/policy.ts";
import type { PolicyTools, Tools } from "../core/tools.ts";
import { readCertificates } from "./certificates.ts";
import { describeFixed, describeOptions, describeUpstream, SEPARATOR, type Secrets } from "./describe.ts";
import { locate } from "./locate.ts";
import { routeNames } from "./names.ts";
import { type ResolvedPolicy, resolvePolicies } from "./policies.ts";
import { ConfigError } from "./problem.ts";
import { Report } from "./report.ts";
import type { Config, RouteConfig, UpstreamConfig } from "./schema.ts";
import type { Source } from "./source.ts";
import { valueAt } from "./variables.ts";

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
  readonly #secrets: Secrets;
  readonly #files = new Set<string>();
  readonly #uses = new Set<Capability>();
  readonly #closes: (() => void)[] = [];
  readonly #upstreams = new Map<string, { options: UpstreamOptions; upstream: Upstream }>();

  constructor(config: Config, source: Source, kinds: Kinds, tools: Tools) {
    this.#config = config;
    this.#source = source;
    this.#kinds = kinds;
    this.#tools = tools;
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
    const { listen, admin, limits, timeouts, drain, paths, log, errors } = this.#config;
    const to = log.to === "stdout" || log.to === "stderr" ? log.to : resolve(this.#source.folder, log.to);
    const routes = this.#routes();
    const upstreams = new Map([...this.#upstreams].map(([name, { upstream }]) => [name, upstream]));
    return {
      plan: {
        listen,
        admin,
        limits,
        timeouts,
        drain,
        paths,
        log: { ...log, to },
        errors: { docs: errors.docs ?? null },
        routes,
      },
      upstreams,
      files: this.#files,
      uses: this.#uses,
      close: () => this.#close(),
    };
  }

  #close(): void {
    for (const close of this.#closes.splice(0)) close();
  }

  #routes(): RoutePlan[] {
    const { routes, policies } = this.#config;
    const everywhere = this.#policies(policies, ["policies"], "*");
    const names = routeNames(routes);
    return routes.map((route, index): RoutePlan => {
      const own = this.#policies(route.policies, ["routes", index, "policies"], names[index] ?? "");
      const wrapped = [...everywhere, ...own];
      const backend = this.#backend(route);
      return {
        name: names[index] ?? "",
        path: route.path,
        hosts: route.hosts ?? [],
        methods: route.methods ?? [],
        priority: route.priority,
        limits: { body: route.limits.body ?? this.#config.limits.body },
        handler: wrapped.reduceRight((next, { policy }) => policy(next), backend.handler),
        steps: [...wrapped.map(({ step }) => step), backend.step],
      };
    });
  }

  #policies(
    entries: Config["policies"],
    at: (string | number)[],
    owner: string,
  ): { policy: Policy; step: Step }[] {
    const resolved = resolvePolicies(entries, at, this.#kinds.policies, this.#source, new Report());
    const seen = new Map<string, number>();
    return resolved.map((one) => {
      const count = (seen.get(one.kind.name) ?? 0) + 1;
      seen.set(one.kind.name, count);
      const place = `${owner}/${one.kind.name}${count === 1 ? "" : `#${count}`}`;
      return { policy: this.#policy(one, place), step: policyStep(one, this.#secrets) };
    });
  }

  #policy({ kind, options, methods, path }: ResolvedPolicy, place: string): Policy {
    for (const capability of kind.uses ?? []) this.#uses.add(capability);
    try {
      const policy = kind.create(options, this.#toolsFor(place));
      return methods === undefined ? policy : onlyFor(new Set(methods), policy);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      throw new ConfigError(locate(this.#source, [{ path, key: true, message }]));
    }
  }

  #toolsFor(place: string): PolicyTools {
    return {
      ...this.#tools,
      place,
      readFile: (file) => {
        const absolute = resolve(this.#source.folder, file);
        this.#files.add(absolute);
        return readFileSync(absolute);
      },
      onClose: (close) => this.#closes.push(close),
    };
  }

  #backend({ to, headers }: RouteConfig): { handler: Handler; step: Step } {
    const response = fieldRules(headers.response);
    if ("fixed" in to) {
      const options = fixedOptions(to.fixed, response);
      return {
        handler: this.#kinds.fixed(options),
        step: { kind: "backend", name: "fixed", summary: describeFixed(options, this.#secrets) },
      };
    }
    const { options, upstream } = this.#upstream(to.upstream);
    const forward: ForwardRules = {
      rewrite: to.rewrite ?? null,
      request: fieldRules(headers.request),
      response,
    };
    const summary = describeUpstream(options, forward, this.#secrets);
    return { handler: upstream.handler(forward), step: { kind: "backend", name: to.upstream, summary } };
  }

  #upstream(name: string): { options: UpstreamOptions; upstream: Upstream } {
    const known = this.#upstreams.get(name);
    if (known !== undefined) return known;
    const options = upstreamOptions(
      name,
      this.#config.upstreams[name] as UpstreamConfig,
      this.#source.folder,
    );
    const made = { options, upstream: this.#kinds.upstream(options, this.#tools) };
    this.#upstreams.set(name, made);
    return made;
  }
}

/** `when`: the policy itself never looks at what it runs for. */
function onlyFor(methods: ReadonlySet<string>, policy: Policy): Policy {
  return (next) => {
    const inside = policy(next);
    return (call) => (methods.has(call.request.method) ? inside(call) : next(call));
  };
}

function policyStep({ kind, written, methods }: ResolvedPolicy, secrets: Secrets): Step {
  const parts = [
    describeOptions(written, secrets),
    methods === undefined ? "" : `only for ${methods.join(", ")}`,
    kind.summary,
  ];
  return { kind: "policy", name: kind.name, summary: parts.filter((part) => part !== "").join(SEPARATOR) };
}

function upstreamOptions(name: string, config: UpstreamConfig, folder: string): UpstreamOptions {
  const { targets, timeout, keepAlive, connections, pending, pipelining, host, tls } = config;
  const certificates = tls.ca === undefined ? undefined : readCertificates(tls.ca, folder);
  const ca = certificates !== undefined && "pem" in certificates ? certificates.pem : undefined;
  return {
    name,
    targets,
    timeout,
    keepAlive,
    connections,
    pending,
    pipelining,
    host,
    tls: { ca, serverName: tls.serverName, insecure: tls.insecure },
  };
}

function fieldRules({ set, remove }: RouteConfig["headers"]["request"]): FieldRules {
  return { set: Object.entries(set), remove: remove.map((name) => name.toLowerCase()) };
}

type FixedConfig = Extract<RouteConfig["to"], { fixed: unknown }>["fixed"];

/** The route's rules for answers are applied here: no backend looks at a fixed answer again. */
function fixedOptions({ status, headers, body }: FixedConfig, response: FieldRules): FixedOptions {
  const removed = new Set([...response.remove, ...response.set.map(([name]) => name.toLowerCase())]);
  const own = Object.entries(headers);
  const content = fixedBody(body);
  const hasType = own.some(([name]) => name.toLowerCase() === "content-type");
  const typed = content === null || hasType ? own : [["Content-Type", content.type] as const, ...own];
  const kept = typed.filter(([name]) => !removed.has(name.toLowerCase()));
  return { status, headers: [...kept, ...response.set], body: content === null ? null : content.bytes };
}

function fixedBody(body: unknown): { type: string; bytes: Buffer } | null {
  if (body === undefined || body === null) return null;
  if (typeof body === "string") return { type: "text/plain; charset=utf-8", bytes: Buffer.from(body) };
  return { type: "application/json", bytes: Buffer.from(JSON.stringify(body)) };
}
