/** What the threads of a gateway say to each other. */
import type { MessagePort } from "node:worker_threads";
import type { Readiness } from "../admin/health.ts";
import type { CircuitPlan } from "../backends/upstream/breaker/name.ts";
import type { Plan } from "../core/plan.ts";
import type { Capability } from "../core/policy.ts";
import type { Tools } from "../core/tools.ts";
import type { MetricSnapshot } from "../observe/metrics.ts";

/** What a thread has of its own from the start. */
export type World = Pick<Tools, "clock" | "ticker" | "log">;

/** What the service has news of, for the lanes. */
export type Topic = "keys" | "revocations";

/** A config as the main thread has read it: every lane makes its plan of the same text. */
export interface Draft {
  readonly file: string;
  readonly text: string;
  /** Instead of `listen.port`. */
  readonly port: number | undefined;
  readonly store: Plan["store"];
  /** Counts the configs that this process has read: lanes name it with every call to the service thread. */
  readonly number: number;
  /** Where lanes and the service thread meet; null for a config without resources. */
  readonly socket: string | null;
}

/** What the main thread asks of a lane, wherever it runs. */
export interface LaneApi {
  /** Makes the plan of a config, and keeps it for `commit`. Throws a ConfigError with all that is wrong. */
  prepare(draft: Draft): Promise<void>;
  /** From now on calls begin under the prepared plan. */
  commit(): void;
  discard(): void;
  /** Resolves with the port. `shared` where other lanes listen on it too. */
  listen(host: string, port: number, shared: boolean): Promise<number>;
  startDraining(): void;
  /** Accepts no more, and resolves when the last call has ended, at the latest after so many milliseconds. */
  close(timeout: number): Promise<void>;
  /** Ends at once what is in flight. */
  destroy(): void;
  reopenLog(): void;
  /** News from the service thread: keys, revocations. */
  receive(topic: Topic, message: unknown): void;
  /** The other end of this line is the service's; the one before is lost. */
  attach(line: MessagePort): void;
  metrics(): MetricSnapshot[];
}

/** What a lane tells the main thread. */
export interface LaneHost {
  /** Something was thrown that nobody caught. The lane ends its calls and wants to be replaced. */
  failed(): void;
}

/** The part of a plan that the service goes by; all of it can be sent to another thread. */
export type ServicePlan = Pick<Plan, "admin" | "limits" | "timeouts" | "errors" | "store" | "keyPrefix"> & {
  readonly trustedProxies: readonly string[];
  readonly uses: ReadonlySet<Capability>;
  readonly circuits: readonly CircuitPlan[];
  /** What resources are made of: they hold functions, which no thread can send to another. */
  readonly draft: Draft;
  /** Number of the draft that lanes go by while this one is made ready. */
  readonly inForce: number;
};

/** What the main thread asks of the service. */
export interface ServiceApi {
  /** Opens what the plan needs, then listens. Resolves with the port. */
  start(plan: ServicePlan): Promise<number>;
  /** Shows the admin token of a new store, once everything listens: who reads of a start that failed looks no further. */
  introduce(plan: ServicePlan): Promise<void>;
  /** The plan after a reload. */
  configure(plan: ServicePlan): Promise<void>;
  setReadiness(readiness: Readiness): void;
  /** What a new lane has to know before it can serve. */
  news(): readonly (readonly [Topic, unknown])[];
  /** The other end of this line is a lane's. `owner` names the lane, and no other that ever was. */
  attach(owner: string, line: MessagePort): void;
  close(): Promise<void>;
}

/** What the service asks of the main thread. */
export interface ServiceHost {
  /** Tells every lane. */
  publish(topic: Topic, message: unknown): void;
  /** What every other thread has counted. */
  metrics(): Promise<readonly (readonly MetricSnapshot[])[]>;
}
