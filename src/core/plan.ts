import type { Call } from "./call.ts";
import type { Handler, Policy } from "./handler.ts";
import type { UpstreamOptions } from "./kinds.ts";
import type { Reliability } from "./reliability.ts";
import type { Resources } from "./resource.ts";
import type { Route } from "./route.ts";
import type { VersionsPlan } from "./version.ts";

/**
 * A checked config, made into what a request needs: everything looked up, composed and converted once.
 * Durations are milliseconds, sizes bytes; `Infinity` means unlimited.
 */
export interface Plan {
  readonly listen: ListenPlan;
  readonly admin: AdminPlan;
  readonly limits: LimitsPlan;
  readonly timeouts: ClientTimeouts;
  readonly overload: OverloadPlan;
  readonly drain: { readonly delay: number; readonly timeout: number };
  readonly paths: PathRules;
  readonly log: LogPlan;
  readonly errors: {
    /** Where the codes are documented: `type` of a problem is this with `#CODE`; null for `about:blank`. */
    readonly docs: string | null;
    /** Seconds for which browsers shall insist on https, said where the client came by TLS; 0 for no word about it. */
    readonly hsts: number;
  };
  /** Null where the API has no versions. */
  readonly versions: VersionsPlan | null;
  readonly store: StorePlan;
  /** By name; empty where the config has none. */
  readonly resources: Resources;
  readonly service: {
    /** Of the API, in its description. */
    readonly title: string;
    /** Seals cursors; null where the database keeps one. Never logged. */
    readonly cursorSecret: string | null;
  };
  /** What keys that are issued begin with. */
  readonly keyPrefix: string;
  /** Threads that carry traffic; 0 where the machine decides. */
  readonly lanes: number;
  readonly routes: readonly RoutePlan[];
  /** Those that a route uses. */
  readonly upstreams: readonly UpstreamOptions[];
  /** Policies of every route that surround what no route answers, too (404); null for none. */
  readonly outermost: Policy | null;
}

export interface StorePlan {
  /** `postgres://…`, which may hold a password, or the file of a SQLite database; null where nothing is kept. */
  readonly records: string | null;
  /** `memory`, or the URL of a Redis. May hold a password. */
  readonly counters: string;
  /** Of PostgreSQL, for resources. */
  readonly connections: number;
  /** Whether the start adds what the tables of resources lack, or is refused. */
  readonly migrate: "auto" | "manual";
}

export interface AdminPlan {
  readonly host: string;
  readonly port: number;
  /** Names that the admin API answers to, besides addresses, localhost and `host`. */
  readonly hosts: readonly string[];
  /** SHA-256 of the token that opens it, in hex; undefined where the records have it. */
  readonly token?: string | undefined;
}

export interface ListenPlan {
  readonly host: string;
  readonly port: number;
  /** CIDRs of the proxies whose forwarded headers are believed. */
  readonly trustedProxies: readonly string[];
  /** Null for plain text. */
  readonly tls: TlsPlan | null;
  /** HTTP/2 beside HTTP/1.1: by ALPN under TLS, by its preface in plain text. */
  readonly http2: boolean;
}

/** TLS on the data port. */
export interface TlsPlan {
  /** At least one. The first serves clients that name no host, or an unknown one. */
  readonly certificates: readonly CertificatePlan[];
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
}

export interface CertificatePlan {
  /** PEM, the server's own certificate first. */
  readonly cert: string;
  /** PEM. Never logged. */
  readonly key: string;
  /** Lower-case names that it serves; `*.example.com` for one more label. */
  readonly hosts: readonly string[];
}

export interface LimitsPlan {
  /** Body bytes, for routes that do not say otherwise. */
  readonly body: number;
  /** All header fields together. */
  readonly headers: number;
  readonly headerCount: number;
  /** One header field. */
  readonly header: number;
  /** The request target. */
  readonly uri: number;
  readonly connections: number;
  readonly connectionsPerIp: number;
  readonly requestsPerConnection: number;
}

export interface ClientTimeouts {
  /** From the first byte of a head to its end. */
  readonly head: number;
  /** Between two reads of a body. */
  readonly body: number;
  /** Between two requests on a connection. */
  readonly keepAlive: number;
  /** Without any progress while the client reads an answer. */
  readonly write: number;
}

/** When new work is refused for the sake of what is in flight. */
export interface OverloadPlan {
  /** Bytes that the process may use; `auto` for what its container or machine has, Infinity for not looking. */
  readonly memory: number | "auto";
  /** Shares of it, or of a lane's heap: new calls are refused from the first on, new connections from the second. */
  readonly shedAt: number;
  readonly refuseAt: number;
  /** How late the event loop of a lane may be; Infinity for not looking. */
  readonly eventLoop: number;
  /** Seconds that a refused client shall wait. */
  readonly retryAfter: number;
}

/** What is refused (400) because servers read it differently, rule by rule. */
export interface PathRules {
  /** `%2F` and `%5C`. */
  readonly encodedSlash: "refuse" | "keep";
  /** `;`: path parameters for some servers, plain characters for others. */
  readonly semicolon: "refuse" | "keep";
}

export interface LogPlan {
  /** One JSON line per call. */
  readonly requests: boolean;
  /** `stdout`, `stderr` or a file. */
  readonly to: string;
  readonly level: "debug" | "info" | "warn" | "error";
}

export interface RoutePlan extends Route {
  /** Lower-case; empty for every host. `*.example.com` stands for one more label. */
  readonly hosts: readonly string[];
  /** Higher wins between routes that match the same request; 0 by default. */
  readonly priority: number;
  readonly limits: { readonly body: number };
  /** Policies around the backend, composed. */
  readonly handler: Handler;
  /** Those of the policies that surround what the route does not answer itself, too: preflights, 405. Null for none. */
  readonly outermost: Policy | null;
  /** What policies add to an answer that somebody refuses with, before or behind them. */
  readonly announcements: readonly ((call: Call) => void)[];
  /** What `handler` is made of, outermost first, for `turnpike explain`. */
  readonly steps: readonly Step[];
}

export interface Step {
  readonly kind: "policy" | "version" | "backend";
  readonly name: string;
  /** Of a backend that answers for one version only. */
  readonly version?: string;
  /** One line with the numbers in force. */
  readonly summary: string;
  /** What a policy does for calls that are made again, or that nobody can answer. */
  readonly reliability?: Reliability;
  /** What answers where a backend cannot. */
  readonly fallback?: string;
}
