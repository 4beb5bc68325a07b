import type { Handler, Policy } from "./handler.ts";
import type { PolicyKind } from "./policy.ts";
import type { Tools } from "./tools.ts";
import type { ApiVersion, VersionsPlan } from "./version.ts";

/** What a config may name. Passed into the making of a plan, so that `config` knows no implementation. */
export interface Kinds {
  readonly policies: readonly PolicyKind[];
  readonly upstream: (options: UpstreamOptions, tools: Tools) => Upstream;
  readonly fixed: (options: FixedOptions) => Handler;
  /** What asks the resources of the config. */
  readonly service: (answer: FieldRules) => Handler;
  /** Around an upstream: what answers where it cannot. */
  readonly fallback: (instead: Handler) => Policy;
  /** The same, by the last good answer that it has given. Made once for all routes. */
  readonly lastGood: (tools: Pick<Tools, "clock" | "shared">) => Policy;
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
    /** From the first attempt to the head of the answer, retries and pauses included; Infinity for no deadline. */
    readonly total: number;
  };
  readonly balance: "round-robin" | "least-connections" | "consistent-hash";
  /** What calls that belong to one target have in common, for `consistent-hash`. */
  readonly hashBy: HashBy;
  /** How long a target that has come back, or is new, takes to get its full share; 0 for none. */
  readonly slowStart: number;
  /** How often names of targets are looked up again; Infinity for never. */
  readonly resolve: number;
  /** It executes requests with one `Idempotency-Key` once, however often it gets them. */
  readonly idempotent: boolean;
  /** Null for none: what no byte has left of still goes to another target. */
  readonly retry: RetryOptions | null;
  readonly circuitBreaker: BreakerOptions | null;
  readonly ejection: EjectionOptions | null;
  readonly healthCheck: HealthCheckOptions | null;
  readonly concurrency: ConcurrencyOptions | null;
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

export type HashBy = "client" | "consumer" | "path" | { readonly header: string };

/** What may be sent again, of what is safe to send again (RTY-1). Durations in milliseconds. */
export interface RetryOptions {
  /** Of one call together, the first included. */
  readonly attempts: number;
  /** Retries for each call of the last second. */
  readonly budget: number;
  /** Retries a second that are allowed however few calls there are. */
  readonly minimum: number;
  /** To the head of one attempt's answer; Infinity for `firstByte`. */
  readonly perTry: number;
  /** The first pause is drawn from 0 up to this, each further one from twice as much. */
  readonly backoff: number;
  readonly maxBackoff: number;
  /** An upstream's `Retry-After` is waited for up to this; beyond it its answer is passed on. */
  readonly maxRetryAfter: number;
  readonly on: readonly RetryReason[];
}

/** The statuses are those of the upstream's own answers. */
export type RetryReason = "unreachable" | "disconnected" | "timeout" | 429 | 502 | 503 | 504;

/** Durations in milliseconds. */
export interface BreakerOptions {
  /** Opens at this share of failures, from 0 (exclusive) to 1. */
  readonly failureRate: number;
  /** Rates say nothing before so many calls in the window. */
  readonly minimumCalls: number;
  readonly window: number;
  /** Opens at so many failures one after the other; Infinity for never. */
  readonly consecutiveFailures: number;
  /** What takes longer is slow; Infinity for nothing. */
  readonly slowCall: number;
  /** Opens at this share of slow calls. */
  readonly slowRate: number;
  readonly openFor: number;
  /** Calls that go through half-open. */
  readonly probes: number;
  /** Statuses of the upstream's answers that are failures. */
  readonly failures: readonly number[];
}

/** Of targets that fail, as long as enough others are left. */
export interface EjectionOptions {
  readonly consecutiveFailures: number;
  readonly for: number;
  /** Share of the targets that may be out at a time, for whatever reason; at least one always stays in. */
  readonly atMost: number;
}

export interface HealthCheckOptions {
  readonly path: string;
  readonly every: number;
  readonly timeout: number;
  /** Good answers in a row that bring a target back, bad ones that take it out. */
  readonly healthy: number;
  readonly unhealthy: number;
  /** Lowest and highest status of a good answer. */
  readonly status: readonly [number, number];
}

/** Calls in flight to all targets of an upstream, of all lanes together. */
export interface ConcurrencyOptions {
  readonly limit: number;
  /** Calls that may wait for their turn. */
  readonly queue: number;
  /** How long they may. */
  readonly wait: number;
}

export interface Target {
  /** `http://host:port` or `https://host:port`, without path: what logs show. */
  readonly url: string;
  /** File of a Unix socket, in place of host and port. */
  readonly socket?: string;
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** Its share of the calls, in proportion to those of the others; 1 to 1000. */
  readonly weight: number;
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
