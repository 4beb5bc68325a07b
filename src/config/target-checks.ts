import type { UpstreamOptions } from "../core/kinds.ts";
import type { Checked } from "./checked-upstream.ts";
import { percent, time } from "./reliability.ts";

/** What balancing, health checks and ejection have to do with the targets that there are. */
export function checkTargets(checked: Checked): void {
  const { options, at, written, report } = checked;
  const { targets, balance, healthCheck } = options;
  if (written("hashBy") && balance !== "consistent-hash")
    report.keyWarn([...at, "hashBy"], "has no effect without balance: consistent-hash");
  if (healthCheck !== null && healthCheck.timeout >= healthCheck.every)
    report.warn(
      [...at, "healthCheck", "timeout"],
      `an answer may take ${time(healthCheck.timeout)}, and the next is due after ${time(healthCheck.every)} (every); write less than that`,
    );
  if (targets.length === 1) checkOnly(checked);
  else checkSeveral(checked);
}

/** There is nothing to choose from. */
function checkOnly({ options, at, written, report }: Checked): void {
  const { balance, ejection, slowStart, targets } = options;
  const idle = (key: string) =>
    report.keyWarn([...at, key], "has no effect: this upstream has one target, which is always used");
  if (balance !== "round-robin") idle("balance");
  if (ejection !== null) idle("ejection");
  if (slowStart > 0) idle("slowStart");
  if (targets[0]?.weight !== 1 && written("targets", "0", "weight"))
    report.keyWarn([...at, "targets", 0, "weight"], "has no effect: there is no other target");
}

function checkSeveral({ options, at, report }: Checked): void {
  const { ejection, slowStart, targets } = options;
  if (slowStart > 0 && !takesOut(options))
    report.keyWarn(
      [...at, "slowStart"],
      "has no effect: nothing ever takes a target out; add healthCheck, ejection or circuitBreaker",
    );
  if (ejection !== null && Math.floor(ejection.atMost * targets.length + 1e-9) < 1)
    report.warn(
      [...at, "ejection", "atMost"],
      `${percent(ejection.atMost)} of ${targets.length} targets is not one: none is ever taken out; write ${Math.ceil(100 / targets.length) / 100} or more`,
    );
}

const takesOut = ({ healthCheck, ejection, circuitBreaker }: UpstreamOptions): boolean =>
  healthCheck !== null || ejection !== null || circuitBreaker !== null;
