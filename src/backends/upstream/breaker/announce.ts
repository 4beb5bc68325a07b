import type { Log } from "../../../core/tools.ts";
import type { Reason, State } from "./layout.ts";
import type { Counts } from "./report.ts";

export interface Change {
  readonly from: State;
  readonly to: State;
  readonly reason: Reason;
  /** What was counted until then. */
  readonly seen: Counts;
}

/** One line for a change of state, by whoever made it. */
export function announceChange(log: Log, circuit: string, { from, to, reason, seen }: Change): void {
  const fields = { circuit, from, to, reason, ...seen };
  const bad = to === "open" || to === "forced-open";
  log[bad ? "warn" : "info"](fields, `the circuit of ${circuit} is ${to}: ${explain(reason, seen)}`);
}

function explain(reason: Reason, { calls, failures, slow, consecutive }: Counts): string {
  switch (reason) {
    case "consecutive-failures":
      return `${consecutive} calls in a row have failed`;
    case "failure-rate":
      return `${failures} of ${calls} calls have failed`;
    case "slow-rate":
      return `${slow} of ${calls} calls were slow`;
    case "time":
      return "it has been open for long enough, probes may pass";
    case "probe-failed":
      return "a probe has failed";
    case "probe-slow":
      return "a probe was slow";
    case "probes-succeeded":
      return "all probes have succeeded";
    case "by-hand":
      return "by hand";
    case "start":
      return "at the start";
  }
}
