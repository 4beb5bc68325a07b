import type { Call } from "../../core/call.ts";
import type { Handler } from "../../core/handler.ts";
import type { Reply } from "../../core/reply.ts";
import type { Generations } from "./generations.ts";
import { resourceOf } from "./key.ts";

/** RFC 9110 §9.2.1 and RFC 10008: these change nothing. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "QUERY", "TRACE"]);

/**
 * Passes requests with other methods on, and forgets what they may have changed (RFC 9111 §4.4): after an answer that is
 * no error, before the client hears of it, and where there was no answer although the request had left.
 */
export function invalidating(generations: Generations, next: Handler): Handler {
  return (call) => {
    if (SAFE.has(call.request.method)) return next(call);
    let settled = false;
    // The upstream may have done what a client did not wait to hear of.
    call.onEnd(() => {
      if (!settled && call.reached) generations.change(resourceOf(call, call.request.path));
    });
    const answered = (reply: Reply): Reply => {
      settled = true;
      if (mayHaveChanged(call, reply)) for (const one of touched(call, reply)) generations.change(one);
      return reply;
    };
    const reply = next(call);
    return reply instanceof Promise ? reply.then(answered) : answered(reply);
  };
}

/** What stands in for a failed upstream says nothing of what that has done. */
function mayHaveChanged({ errorCode, reached }: Call, { status, error }: Reply): boolean {
  return error === undefined && errorCode === null ? status < 400 : reached;
}

/** The target, and what the answer says was made or changed, where it is on the same host. */
function touched(call: Call, { headers }: Reply): Set<string> {
  const { host, path } = call.request;
  const found = new Set([resourceOf(call, path)]);
  const base = URL.parse(`${call.scheme}://${host}${path}`);
  for (const lower of ["location", "content-location"]) {
    const value = headers.get(lower);
    // A client of HTTP/1.0 may name no host.
    if (value === undefined || base === null) continue;
    const url = URL.parse(value, base.href);
    if (url?.host === base.host) found.add(resourceOf(call, url.pathname));
  }
  return found;
}
