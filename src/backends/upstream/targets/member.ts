import type { Target } from "../../../core/kinds.ts";
import type { UpstreamPool } from "../../../wire/http1/upstream-pool.ts";
import type { CircuitBreaker } from "../breaker/api.ts";

/** One target of an upstream, as this lane sees it. */
export interface Member {
  readonly target: Target;
  readonly pool: UpstreamPool;
  /** Of attempts at this target: the upstream's own where it is the only one. Null where none is configured. */
  readonly breaker: CircuitBreaker | null;
}
