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
import type { Handler } from "../core/handler.ts";
import type { PathRules, Plan, RoutePlan } from "../core/plan.ts";
import { emptyReply, type Reply } from "../core/reply.ts";
import type { Clock, Log } from "../core/tools.ts";
import { continueTrace, forwardsBaggage } from "../observe/trace-context.ts";
import type { Acceptor } from "../wire/http1/server-connection.ts";
import { type ClientAddress, forwardedFields } from "./client-address.ts";
import { errorReply } from "./error-reply.ts";
import { normalisePath, splitTarget } from "./path.ts";
import type { Found, Router } from "./router/index.ts";

export interface FlowParts {
  readonly plan: Plan;
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

  function accept(call: Call): void {
    let reply: Reply | Promise<Reply>;
    try {
      reply = route(call);
    } catch (error) {
      respondError(call, error);
      return;
    }
    if (reply instanceof Promise) {
      reply.then(
        (settled) => respond(call, settled),
        (error) => respondError(call, error),
      );
    } else {
      respond(call, reply);
    }
  }

  function respond(call: Call, reply: Reply): void {
    if (reply.error !== undefined) call.failed(reply.error);
    try {
      call.exchange.send(call, reply);
    } catch (error) {
      // A policy made a header that no message can hold: ours to answer for, not the client's to suffer.
      respondError(call, error);
    }
  }

  function respondError(call: Call, thrown: unknown): void {
    const error = GatewayError.from(thrown);
    // A mistake of ours: the only trace of it besides the client's request id.
    if (error.code === "INTERNAL_ERROR")
      parts.log.error({ id: call.id, cause: error.cause }, "a call failed");
    call.failed(error);
    call.exchange.send(call, errorReply(call, error, plan.errors.docs));
  }

  return { open, accept, refuse: respondError };
}

/** The stage between accept and the policies: from the path to the route that takes it, or to why none does. */
export function routed(paths: PathRules, router: Router): Handler {
  return (call) => {
    if (call.request.target === "*") return emptyReply(204, { Allow: SERVER_METHODS });
    // A tunnel names no path, so no route can refuse it (HTTP-3).
    if (call.request.method === "CONNECT") {
      throw new GatewayError("METHOD_NOT_ALLOWED", { headers: { Allow: SERVER_METHODS } });
    }
    readPath(call.request, paths);
    const match = router.find(call.request.method, call.request.host, call.request.path);
    switch (match.kind) {
      case "not-found":
        throw new GatewayError("ROUTE_NOT_FOUND");
      case "misdirected":
        throw new GatewayError("MISDIRECTED_REQUEST");
      case "method-not-allowed":
        throw new GatewayError("METHOD_NOT_ALLOWED", { headers: { Allow: match.allow } });
      case "options":
        return emptyReply(204, { Allow: match.allow });
      case "found":
        return take(call, match);
    }
  };
}

function take(call: Call, { route, params }: Found): Reply | Promise<Reply> {
  call.route = route;
  call.params = params;
  if (call.request.method === "OPTIONS" && spendsLastHop(call)) return emptyReply(204);
  limitBody(call, route);
  return route.handler(call);
}

/** What the server as a whole understands: the answer to `OPTIONS *` (RFC 9110 §9.3.7). */
const SERVER_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, QUERY";

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

/** A declared size is judged before a byte is read (HTTP-25), an undeclared one while it flows. */
function limitBody(call: Call, route: RoutePlan): void {
  const { body } = call.request;
  if (body === null) return;
  const limit = route.limits.body;
  if (body.size !== undefined && body.size > limit) throw new GatewayError("PAYLOAD_TOO_LARGE");
  body.limit = limit;
}
