import type { Principal } from "./principal.ts";
import type { ApiVersion } from "./version.ts";

/** What is said of a route: in the log, in metrics, in errors. */
export interface Route {
  readonly name: string;
  /** The template as written in the config. */
  readonly path: string;
  /** Empty for every method. */
  readonly methods: readonly string[];
  /** Whether the resources of the config answer a call, not an upstream; left out where they answer none. */
  readonly reachesService?: (call: Caller) => boolean;
}

/** What decides which of a route's backends a call gets. */
export interface Caller {
  readonly principal: Principal | null;
  readonly version: ApiVersion | null;
  readonly versionNamed: boolean;
}
