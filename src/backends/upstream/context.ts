import type { ForwardRules, UpstreamOptions } from "../../core/kinds.ts";
import type { Tools } from "../../core/tools.ts";
import type { Alarms } from "./alarms.ts";
import type { Circuits } from "./circuits.ts";
import type { Retries } from "./retry/retries.ts";
import type { Rewrite } from "./rewrite.ts";
import type { Targets } from "./targets/targets.ts";

/** What all calls of one route through one upstream share. */
export interface ForwardingContext {
  readonly options: UpstreamOptions;
  readonly tools: Tools;
  readonly targets: Targets;
  readonly circuits: Circuits;
  /** Null for none. */
  readonly retries: Retries | null;
  readonly alarms: Alarms;
  readonly forward: ForwardRules;
  readonly rewrite: Rewrite;
}
