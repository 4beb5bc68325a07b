import type { Call } from "./call.ts";
import type { Counters } from "./counters.ts";
import type { Handler } from "./handler.ts";
import type { IdempotencyStore } from "./idempotency.ts";
import type { KeyDirectory } from "./keys.ts";
import type { Metrics } from "./metrics.ts";
import type { Revocations } from "./revocations.ts";
import type { SharedMemory } from "./shared-memory.ts";

/** What a handler may know of the world outside a call. Injected, so that tests move the clock by hand. */
export interface Clock {
  /** Milliseconds, monotonic, the same in every thread of the process: for durations and deadlines. */
  now(): number;
  /** Milliseconds since the epoch: for what people read. */
  wall(): number;
}

/**
 * Deadlines are looked at a few times a second instead of each having a timer of its own:
 * a timer per connection and request costs more than the requests' own JavaScript.
 */
export interface Ticker {
  /** Calls `tick(now)` about every 100 ms until the returned function is called. */
  subscribe(tick: (now: number) => void): () => void;
}

export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** One set per thread; it outlives every plan. */
export interface Tools {
  /** This process in `Via`, the same for all its threads and unique, so that only a real loop looks like one. */
  readonly pseudonym: string;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly counters: Counters;
  /** Keys issued at run time; policies see those of the config in front of them. */
  readonly keys: KeyDirectory;
  readonly revocations: Revocations;
  readonly idempotency: IdempotencyStore;
  /** What all lanes of the process see, and every plan. */
  readonly shared: SharedMemory;
  /** From 0 up to 1, for what is to be spread: jitter, weights. Not for secrets. */
  readonly random: () => number;
}

/** Something that the gateway answers itself, beside the routes of the config. */
export interface Endpoint {
  /** For logs and metrics. */
  readonly name: string;
  /** As a route's. */
  readonly path: string;
  readonly methods: readonly string[];
  readonly summary: string;
  readonly handler: Handler;
}

/** What one entry of a config's `policies` is made with. */
export interface PolicyTools extends Tools {
  /** Which entry it is: `orders/rate-limit`, `*` instead of a route's name for one that holds for all. Survives reloads. */
  readonly place: string;
  /**
   * A file that the options name, relative to the config. Its change is a change of the config.
   *
   * @throws Error with a sentence for the config's author.
   */
  readonly readFile: (file: string) => Buffer;
  /**
   * What an answer says although the call never came as far as the policy, because somebody before it refused: called
   * before such an answer leaves. Throws nothing and takes no time.
   */
  readonly onRefusal: (announce: (call: Call) => void) => void;
  /**
   * Has the gateway answer at a path of the policy's own, inside the policies that the config has for every route.
   * Several that offer the same path share the first one's handler.
   */
  readonly offer: (endpoint: Endpoint) => void;
  /** What must end when the plan is replaced. Calls that began under it may still come after. */
  readonly onClose: (close: () => void) => void;
}
