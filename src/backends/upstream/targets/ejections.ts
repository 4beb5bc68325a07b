/** Takes out targets that fail, as long as enough others are left, and lets them back in when their time is up. */
import type { EjectionOptions } from "../../../core/kinds.ts";
import type { Tools } from "../../../core/tools.ts";
import type { Roster } from "./roster.ts";
import type { SharedRotation, Standing } from "./standing.ts";
import { tenthsAt, tenthsFrom } from "./tenths.ts";

export interface EjectionParts {
  readonly upstream: string;
  readonly options: EjectionOptions;
  /** In the order of the targets, as are their URLs. */
  readonly standings: readonly Standing[];
  readonly urls: readonly string[];
  readonly shared: SharedRotation;
  readonly roster: Roster;
}

export class Ejections {
  readonly #parts: EjectionParts;
  readonly #tools: Pick<Tools, "log" | "metrics">;

  constructor(parts: EjectionParts, tools: Pick<Tools, "log" | "metrics">) {
    this.#parts = parts;
    this.#tools = tools;
  }

  succeeded(index: number): void {
    this.#parts.standings[index]?.succeeded();
  }

  failed(index: number, now: number): void {
    const { standings, options, shared, roster } = this.#parts;
    const standing = standings[index] as Standing;
    // Calls that had begun before say nothing new.
    if (standing.ejected) return;
    const failures = standing.failed();
    if (failures < options.consecutiveFailures) return;
    const ejected = shared.locked(() => {
      if (standing.ejected || !roster.canSpare(now)) return false;
      standing.eject(tenthsFrom(now + options.for));
      return true;
    });
    if (ejected) this.#ejected(index, failures);
    else if (failures === options.consecutiveFailures) this.#kept(index, failures);
  }

  #ejected(index: number, failures: number): void {
    const { upstream, urls, shared, options } = this.#parts;
    shared.changed();
    const target = urls[index] ?? "";
    this.#tools.metrics
      .counter("turnpike_ejections_total", "Targets that were taken out because they failed.", [
        "upstream",
        "target",
      ])
      .with({ upstream, target })
      .add();
    this.#tools.log.warn(
      { upstream, target, failures, for: options.for },
      `${target} is taken out of ${upstream}: ${failures} calls in a row have failed`,
    );
  }

  #kept(index: number, failures: number): void {
    const { upstream, urls } = this.#parts;
    const target = urls[index] ?? "";
    this.#tools.log.warn(
      { upstream, target, failures },
      `${target} of ${upstream} fails and stays in: too few others are left`,
    );
  }

  tick(now: number): void {
    const { standings, shared, upstream, urls } = this.#parts;
    for (const [index, standing] of standings.entries()) {
      if (!standing.readmit(tenthsAt(now))) continue;
      shared.changed();
      const target = urls[index] ?? "";
      this.#tools.log.info({ upstream, target }, `${target} is back in ${upstream}: its time out is over`);
    }
  }
}
