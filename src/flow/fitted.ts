import type { Call } from "../core/call.ts";
import { Kind } from "../core/headers.ts";
import type { Reply } from "../core/reply.ts";

/**
 * The reply as it leaves, whichever wire it takes: without the fields that a policy answers for, and depending on all
 * that policies (`call.answer`) and whoever made the reply say it does (CORS-7).
 */
export function fitted(call: Call, reply: Reply): Reply {
  const { headers } = reply;
  const answer = call.answerIfAny;
  if (answer !== null && (answer.kinds & headers.kinds & Kind.vary) !== 0) {
    answer.vary(headers.all("vary").join(","));
  }
  if ((headers.kinds & call.withheld) === 0) return reply;
  return { ...reply, headers: headers.without(call.withheld) };
}
