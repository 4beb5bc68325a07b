import type { BreakerOptions } from "../core/kinds.ts";
import type { Checked } from "./checked-upstream.ts";
import { time } from "./reliability.ts";
import { longestCall, usualAttempt } from "./worst-case.ts";

/** Whether a circuit breaker can see what it looks for, with the timeouts, retries and limits around it. */
export function checkBreaker(checked: Checked): void {
  const { options, at, report } = checked;
  const { circuitBreaker, retry, targets, timeout } = options;
  if (circuitBreaker === null) return;
  const warn = (key: string, message: string) => report.warn([...at, "circuitBreaker", key], message);
  checkWindow(checked, circuitBreaker);
  const single = targets.length === 1;
  const longest = single ? usualAttempt(options) : Math.min(timeout.total, longestCall(options));
  if (circuitBreaker.slowCall < Number.POSITIVE_INFINITY && circuitBreaker.slowCall >= longest)
    warn(
      "slowCall",
      `nothing is ever slow: what has no answer after ${time(longest)} has failed by then; write less than that`,
    );
  const attempts = retry?.attempts ?? 1;
  if (single && attempts > 1 && circuitBreaker.consecutiveFailures <= attempts)
    warn(
      "consecutiveFailures",
      `the ${attempts} attempts (retry) of one failing call open the circuit for all; write more than that`,
    );
}

/** Callers that wait for a service that hangs come back seldom: a window shorter than that may never see enough of them. */
function checkWindow({ options, at, written, report }: Checked, circuitBreaker: BreakerOptions): void {
  const attempt = usualAttempt(options);
  const { window, minimumCalls, consecutiveFailures } = circuitBreaker;
  const limit = options.concurrency?.limit ?? Number.POSITIVE_INFINITY;
  if (window >= attempt) return;
  const rateAlone = consecutiveFailures === Number.POSITIVE_INFINITY;
  const tooFew = rateAlone && limit < minimumCalls;
  const meant =
    (rateAlone && !tooFew) ||
    written("circuitBreaker", "window") ||
    written("timeout", "firstByte") ||
    written("retry", "perTry");
  if (meant)
    report.warn(
      [...at, "circuitBreaker", "window"],
      `an attempt may take ${time(attempt)} to fail, longer than the window of ${time(window)}: the failures of a service that hangs come late, and may never be enough for a failure rate; make the window longer, or timeout.firstByte or retry.perTry shorter`,
    );
  if (tooFew)
    report.warn(
      [...at, "circuitBreaker", "minimumCalls"],
      `a service that hangs never gets so many calls in ${time(window)}, because concurrency.limit is ${limit}; write less than that`,
    );
}
