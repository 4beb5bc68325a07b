import type { Call, Exchange } from "../../core/call.ts";
import type { Reply } from "../../core/reply.ts";
import type { Clock, Log } from "../../core/tools.ts";
import { dropConditions } from "./conditions.ts";

/** Nobody reads the answer: it is for the cache. */
const NOBODY: Exchange = { interim() {}, send() {} };

/**
 * Asks once more for what a call has just been given stale (RFC 5861 §3), in a call of its own that no client can end.
 * It has the id of the one that it was made for, and a line of its own in the log.
 */
export function refresh(
  call: Call,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  fetch: (behind: Call) => Reply | Promise<Reply>,
): void {
  const headers = call.request.headers.without(0);
  dropConditions(headers);
  headers.delete("cache-control");
  headers.delete("pragma");
  const behind = call.behind(clock.now(), { ...call.request, method: "GET", headers, body: null }, NOBODY);
  const tell = (status: number): void => {
    const { id, upstreamTarget, attempts, cache } = behind;
    log.info(
      { id, route: call.route?.name, upstream: upstreamTarget, attempts, status, cache },
      "a stale answer was asked for again",
    );
  };
  Promise.resolve(fetch(behind)).then(
    (reply) => {
      drain(reply);
      tell(reply.status);
    },
    (error) => {
      tell((error as { status?: number }).status ?? 500);
    },
  );
}

/** The copy is made while it flows. */
function drain({ body }: Reply): void {
  if (body !== null && body.bytes === undefined) body.read({ data() {}, end() {}, error() {} });
}
