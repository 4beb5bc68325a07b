/** Asks each target of an upstream whether it is well, for all lanes together. */
import type { UpstreamOptions } from "../../../core/kinds.ts";
import type { Tools } from "../../../core/tools.ts";
import { HealthCheck } from "./health-check.ts";
import type { Member } from "./member.ts";

export class HealthChecks {
  readonly #checks: readonly HealthCheck[];

  /** `changed` is told in the lane that has found out. */
  constructor(
    options: UpstreamOptions,
    members: readonly Member[],
    tools: Tools,
    changed: (index: number, well: boolean) => void,
  ) {
    const { healthCheck } = options;
    this.#checks =
      healthCheck === null
        ? []
        : members.map(
            (member, index) =>
              new HealthCheck({ options, check: healthCheck, member }, tools, (well) => changed(index, well)),
          );
  }

  /** Not asked, or not asked often enough yet, is well. */
  unhealthy(index: number): boolean {
    return this.#checks[index]?.unhealthy === true;
  }

  tick(now: number): void {
    for (const check of this.#checks) check.tick(now);
  }

  close(): void {
    for (const check of this.#checks) check.close();
  }
}
