/**
 * One request, read downwards:
 *
 *   accept    who is calling, by which way; the id and the trace of the call
 *   route     one normal form of the path, then the route that takes it
 *   policies  composed around the backend when the plan was made
 *   backend   answers
 *   respond   whatever comes back, or is thrown, becomes the one answer
 *   record    at the last byte, once for every call
 */

import { Call, type Exchange, type Request } from "../core/call.ts";
import { GatewayError } from "../core/errors.ts";
import type { Handler, Policy } from "../core/handler.ts";
import { Kind } from "../core/headers.ts";
import { METHODS } from "../core/methods.ts";
import type { PathRules, Plan } from "../core/plan.ts";
import { preflightFor } from "../core/preflight.ts";
import { emptyReply, type Reply } from "../core/reply.ts";
import type { Clock, Log } from "../core/tools.ts";
import { continueTrace, forwardsBaggage } from "../observe/trace-context.ts";
import type { Acceptor } from "../wire/acceptor.ts";
import { makeAnswering } from "./answer.ts";
import { type ClientAddress, forwardedFields } from "./client-address.ts";
import { normalisePath, splitTarget } from "./path.ts";
import type { Found, Match, Router } from "./router/index.ts";
import type { SelectVersion } from "./version/select.ts";

export interface FlowParts {
  readonly plan: Pick<Plan, "errors">;
  /** Finds who answers, and has it answer. */
  readonly route: Handler;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
  readonly isId: (value: string) => boolean;
  readonly clientAddress: (request: Request) => ClientAddress;
  /** Called once for every call, at its last byte. */
  readonly record: (call: Call) => void;
}

export function makeFlow(parts: FlowParts): Acceptor {
  const { plan, route, clock, record } = parts;

  function open(request: Request, exchange: Exchange): Call {
    const client = parts.clientAddress(request);
    const given = request.headers.get("x-request-id") ?? "";
    const valid = given !== "" && parts.isId(given);
    // OBS-1: an id from a stranger would let him write into other people's traces.
    const call = new Call(valid && client.trusted ? given : parts.newId(), clock.now(), request, exchange);
    if (valid && !client.trusted) call.clientRequestId = given;
    call.clientIp = client.clientIp;
    call.scheme = client.scheme;
    call.host = client.host;
    call.trusted = client.trusted;
    const trace = continueTrace(request.headers);
    call.traceId = trace.traceId;
    call.provenance = `${forwardedFields(request, client)}X-Request-Id: ${call.id}\r\ntraceparent: ${trace.traceparent}\r\n`;
    if (trace.tracestate !== "") call.provenance += `tracestate: ${trace.tracestate}\r\n`;
    if (request.headers.has("baggage") && !forwardsBaggage(request.headers, client.trusted)) {
      request.headers.delete("baggage");
    }
    if (call.clientRequestId !== "") call.answer.set("X-Client-Request-Id", given);
    call.onEnd(record);
    return call;
  }

  return { open, ...makeAnswering({ handler: route, log: parts.log, errors: plan.errors }) };
}

/** Whether the gateway has too much to do for another call. */
export interface Shedder {
  /** False while it has not: then nobody asks for a refusal. */
  readonly shedding: boolean;
  /** Null for a call that may pass all the same. */
  refusal(): GatewayError | null;
}

/** The stage between accept and the policies: from the path to the route that takes it, or to why none does. */
export function routed(
  { paths, outermost }: Pick<Plan, "paths" | "outermost">,
  router: Router,
  selectVersion: SelectVersion,
  shedder: Shedder,
): Handler {
  return (call) => {
    const { request } = call;
    const shed = shedder.shedding ? shedder.refusal() : null;
    if (shed !== null) return within(outermost, call, refusal(shed));
    if (request.target === "*") return emptyReply(204, { Allow: SERVER_METHODS });
    // A tunnel names no path, so no route can refuse it (HTTP-3).
    if (request.method === "CONNECT") {
      throw new GatewayError("METHOD_NOT_ALLOWED", { headers: { Allow: SERVER_METHODS } });
    }
    try {
      refuseReplay(request);
      readPath(request, paths);
      selectVersion(call);
    } catch (error) {
      return within(outermost, call, refusal(error));
    }
    const wanted = preflightFor(request);
    return wanted === null ? answer(call, findFor(request.method, request)) : preflight(call, wanted);
  };

  function findFor(method: string, { host, path }: Request): Match {
    return router.find(method, host, path);
  }

  function answer(call: Call, match: Match): Reply | Promise<Reply> {
    switch (match.kind) {
      case "not-found":
        return within(outermost, call, refusal(new GatewayError("ROUTE_NOT_FOUND")));
      case "misdirected":
        return within(outermost, call, refusal(new GatewayError("MISDIRECTED_REQUEST")));
      case "method-not-allowed": {
        const error = new GatewayError("METHOD_NOT_ALLOWED", { headers: { Allow: match.allow } });
        return within(match.route.outermost, call, refusal(error));
      }
      case "options":
        return within(match.route.outermost, call, () => emptyReply(204, { Allow: match.allow }));
      case "found":
        return take(call, match);
    }
  }

  /** Answered by the route that the request itself would take: before credentials and limits (CORS-1). */
  function preflight(call: Call, method: string): Reply | Promise<Reply> {
    const match = findFor(method, call.request);
    const route = "route" in match ? match.route : null;
    const surrounding = route === null ? outermost : route.outermost;
    if (surrounding === null) return unheardPreflight(call, findFor("OPTIONS", call.request));
    call.route = route;
    return within(surrounding, call, () => emptyReply(204));
  }

  /** OPTIONS like any other, but no route's policies may speak for one that lets no page in. */
  function unheardPreflight(call: Call, match: Match): Reply | Promise<Reply> {
    if (!("route" in match) || match.route.outermost === null) return answer(call, match);
    return emptyReply(204, "allow" in match ? { Allow: match.allow } : {});
  }
}

const refusal =
  (error: unknown): Handler =>
  () => {
    throw error;
  };

/** What no route answers, inside the policies that have a say all the same. Rare enough to be composed each time. */
function within(outermost: Policy | null, call: Call, handler: Handler): Reply | Promise<Reply> {
  return outermost === null ? handler(call) : outermost(handler)(call);
}

function take(call: Call, { route, params }: Found): Reply | Promise<Reply> {
  call.route = route;
  call.params = params;
  if (call.request.method === "OPTIONS" && spendsLastHop(call)) return emptyReply(204);
  return route.handler(call);
}

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "QUERY"]);

/** RFC 8470 §5.1: what came as early data can be sent again by anybody who saw it. We take none ourselves (TLS-4). */
function refuseReplay({ headers, method }: Request): void {
  if ((headers.kinds & Kind.early) === 0 || SAFE.has(method)) return;
  if (headers.get("early-data") === "1") throw new GatewayError("TOO_EARLY");
}

/** What the server as a whole understands: the answer to `OPTIONS *` (RFC 9110 §9.3.7). */
const SERVER_METHODS = METHODS.join(", ");

function readPath(request: Request, rules: PathRules): void {
  const { path, query } = splitTarget(request.target);
  request.query = query;
  // For the log, where it is refused.
  request.path = path;
  request.path = normalisePath(path, rules);
}

/** RFC 9110 §7.6.2: a gateway that gets `Max-Forwards: 0` is the one that was asked. */
function spendsLastHop(call: Call): boolean {
  const left = call.request.headers.get("max-forwards");
  if (left === undefined || !/^[0-9]{1,9}$/.test(left)) return false;
  if (Number(left) === 0) return true;
  call.request.headers.set("Max-Forwards", String(Number(left) - 1));
  return false;
}
