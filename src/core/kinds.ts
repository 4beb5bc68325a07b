import type { Handler, Policy } from "./handler.ts";
import type { PolicyKind } from "./policy.ts";
import type { Tools } from "./tools.ts";
import type { ApiVersion, VersionsPlan } from "./version.ts";

/** What a config may name. Passed into the making of a plan, so that `config` knows no implementation. */
export interface Kinds {
  readonly policies: readonly PolicyKind[];
  readonly upstream: (options: UpstreamOptions, tools: Tools) => Upstream;
  readonly fixed: (options: FixedOptions) => Handler;
  /** Made once for all routes. */
  readonly versions: (versions: VersionsPlan, tools: Pick<Tools, "clock" | "metrics">) => MakeVersionStep;
}

/** Holds the calls of one route to their versions, and converts between versions. */
export type MakeVersionStep = (options: VersionStepOptions) => Policy;

export interface VersionStepOptions {
  /** Name of the route. */
  readonly route: string;
  /** The versions that have a backend of their own; null where one backend, which speaks the newest, serves them all. */
  readonly offered: readonly ApiVersion[] | null;
}

/** One named upstream, shared by every route that points to it. */
export interface Upstream {
  /** The backend of one route. */
  handler(forward: ForwardRules): Handler;
  /** Lets calls in flight finish and closes idle connections. */
  close(): void;
}

/** Durations in milliseconds. */
export interface UpstreamOptions {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly timeout: {
    readonly connect: number;
    /** From the request sent to the head of the answer. */
    readonly firstByte: number;
    /** Between two reads of the answer, or two writes of the request. */
    readonly idle: number;
    /** Of an upgraded connection, without a byte either way. */
    readonly tunnel: number;
  };
  /** Idle connections are closed after this, or a second before the origin said it would. */
  readonly keepAlive: number;
  /** Open connections to a target; calls beyond wait. */
  readonly connections: number;
  /** Calls that may wait for a connection; beyond, OVERLOADED. */
  readonly pending: number;
  /** Safe requests that may share a connection in flight; 1 is no pipelining. */
  readonly pipelining: number;
  /** What the upstream sees as Host: the client's, the target's, or a fixed name. */
  readonly host: "preserve" | "target" | { readonly name: string };
  readonly tls: {
    /** PEM; the system's roots when absent. */
    readonly ca: string | undefined;
    readonly serverName: string | undefined;
    /** No verification. Explicit, never a default (TLS-3). */
    readonly insecure: boolean;
  };
}

export interface Target {
  /** `http://host:port` or `https://host:port`, without path: what logs show. */
  readonly url: string;
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
}

/** What a route changes on the way to its upstream and back. */
export interface ForwardRules {
  /**
   * Template for the forwarded path: `{name}` stands for a path parameter, a final `*` for what the route's
   * own `*` matched. Null forwards the path as it is.
   */
  readonly rewrite: string | null;
  readonly request: FieldRules;
  readonly response: FieldRules;
}

/** `remove` (lower-case names) happens before `set`. */
export interface FieldRules {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

export interface FixedOptions {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | null;
}
