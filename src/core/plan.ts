import type { Handler } from "./handler.ts";
import type { Route } from "./route.ts";

/**
 * A checked config, made into what a request needs: everything looked up, composed and converted once.
 * Durations are milliseconds, sizes bytes; `Infinity` means unlimited.
 */
export interface Plan {
  readonly listen: ListenPlan;
  readonly admin: { readonly host: string; readonly port: number };
  readonly limits: LimitsPlan;
  readonly timeouts: ClientTimeouts;
  readonly drain: { readonly delay: number; readonly timeout: number };
  readonly paths: PathRules;
  readonly log: LogPlan;
  readonly errors: {
    /** Where the codes are documented: `type` of a problem is this with `#CODE`; null for `about:blank`. */
    readonly docs: string | null;
  };
  readonly routes: readonly RoutePlan[];
}

export interface ListenPlan {
  readonly host: string;
  readonly port: number;
  /** CIDRs of the proxies whose forwarded headers are believed. */
  readonly trustedProxies: readonly string[];
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
  /** Empty for every method. */
  readonly methods: readonly string[];
  /** Higher wins between routes that match the same request; 0 by default. */
  readonly priority: number;
  readonly limits: { readonly body: number };
  /** Policies around the backend, composed. */
  readonly handler: Handler;
  /** What `handler` is made of, outermost first, for `turnpike explain`. */
  readonly steps: readonly Step[];
}

export interface Step {
  readonly kind: "policy" | "backend";
  readonly name: string;
  /** One line with the numbers in force. */
  readonly summary: string;
}
