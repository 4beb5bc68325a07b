import type { Call } from "../../core/call.ts";
import type { Reply } from "../../core/reply.ts";

/**
 * What an answer means for the record: `keep` it; `release` the key, because nothing was done and the request may be
 * sent again, changed or not; or it is `unknown` what was done.
 */
export type Verdict = "keep" | "release" | "unknown";

/** The service asks for another attempt, or for a better credential (IDEM-10). */
const TRY_AGAIN: ReadonlySet<number> = new Set([401, 408, 409, 425, 429]);
/** A gateway behind us has lost sight of the request itself; from 520 on as content delivery networks and proxies say it. */
const LOST: ReadonlySet<number> = new Set([502, 504, 520, 522, 524, 598, 599]);

/** Of what has no answer that could be kept. */
export type Unanswered = Exclude<Verdict, "keep">;

/** `kept`: statuses from 500 on that are answers like others. */
export function verdictOn(call: Call, reply: Reply, kept: ReadonlySet<number>): Verdict {
  // What stands in for the service may be another one, whose answer counts.
  const stoodIn = isFallback(call, reply) && (call.lost || !call.reached);
  if (reply.error !== undefined || stoodIn) return withoutAnswer(call);
  const { status } = reply;
  if (!TRY_AGAIN.has(status) && (status < 500 || kept.has(status))) return "keep";
  // That the last attempt did nothing says nothing of one before it.
  return call.lost || LOST.has(status) ? "unknown" : "release";
}

/** The service has not answered: whether it was asked is all there is to know (IDEM-11, IDEM-17). */
export const withoutAnswer = (call: Call): Unanswered => (call.reached ? "unknown" : "release");

/** Somebody has answered in the place of the service. */
const isFallback = (call: Call, reply: Reply): boolean =>
  reply.headers.has("x-fallback") || call.answerIfAny?.has("x-fallback") === true;
