import type { UpstreamOptions } from "../core/kinds.ts";
import { checkBreaker } from "./breaker-checks.ts";
import { type Checked, checkedOptions } from "./checked-upstream.ts";
import type { Parts } from "./examine.ts";
import type { Path } from "./problem.ts";
import { time } from "./reliability.ts";
import type { Report } from "./report.ts";
import type { Source } from "./source.ts";
import { checkTargets } from "./target-checks.ts";
import { valueAt } from "./variables.ts";
import { pausesOf, usualAttempt } from "./worst-case.ts";

/** What each value allows and all of them together do not: parts of a reliability plan that undo each other. */

export function checkUpstreams({ upstreams }: Parts, source: Source, report: Report): void {
  for (const [name, config] of upstreams) {
    if (config === undefined) continue;
    const at = ["upstreams", name];
    const written = (...key: readonly string[]) => valueAt(source.value, [...at, ...key]) !== undefined;
    const checked: Checked = { options: checkedOptions(name, config), at, written, report };
    checkRetry(checked);
    checkBreaker(checked);
    checkTargets(checked);
    checkGate(checked);
  }
}

function checkRetry({ options, at, written, report }: Checked): void {
  const { retry, timeout } = options;
  if (retry === null) return;
  const warn = (key: string, message: string) => report.warn([...at, "retry", key], message);
  if (retry.attempts === 1) {
    warn("attempts", "one attempt is no retry; write 2 or more, or leave retry out");
    return;
  }
  if (retry.budget === 0 && retry.minimum === 0)
    warn("budget", "with a budget of 0 and a minimum of 0 nothing is ever tried again; raise one of them");
  if (retry.backoff > retry.maxBackoff)
    warn("backoff", `is longer than maxBackoff (${time(retry.maxBackoff)}), which is the pause then`);
  if (retry.perTry < Number.POSITIVE_INFINITY && retry.perTry > timeout.firstByte)
    warn(
      "perTry",
      `is longer than timeout.firstByte (${time(timeout.firstByte)}), which ends an attempt first; write less than that`,
    );
  if (written("retry", "maxRetryAfter") && retry.maxRetryAfter >= timeout.total)
    warn(
      "maxRetryAfter",
      `reaches to the deadline (timeout.total: ${time(timeout.total)}), after which nothing is sent; write less than that`,
    );
  checkDeadline(options, at, report);
}

/** Retries that may take longer than the deadline: then the last of them do not happen. */
function checkDeadline(options: UpstreamOptions, at: Path, report: Report): void {
  const { retry, timeout } = options;
  if (retry === null || timeout.total === Number.POSITIVE_INFINITY) return;
  const pauses = pausesOf(retry).reduce((sum, pause) => sum + pause, 0);
  const attempt = usualAttempt(options);
  const whole = retry.attempts * attempt + pauses;
  if (whole <= timeout.total) return;
  const share = Math.floor((timeout.total - pauses) / retry.attempts / 100) * 100;
  const advice =
    share > 0 ? `set retry.perTry to ${time(share)} at most, or make it longer` : "make it longer";
  report.warn(
    [...at, "timeout", "total"],
    `the deadline is shorter than the retries: ${retry.attempts} attempts of ${time(attempt)} and their pauses may take ${time(whole)}, and then the last ones do not happen; ${advice}`,
  );
}

function checkGate({ options, at, written, report }: Checked): void {
  const { concurrency, connections, targets, pipelining } = options;
  if (concurrency === null) return;
  if (concurrency.queue === 0 && written("concurrency", "wait"))
    report.keyWarn([...at, "concurrency", "wait"], "has no effect: with queue 0 nobody waits");
  const most = connections * targets.length * pipelining;
  if (concurrency.limit > most)
    report.warn(
      [...at, "concurrency", "limit"],
      `is never reached: there are ${most} connections at most; write less, or raise connections`,
    );
}
