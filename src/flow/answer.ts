/** The last stage of a call: whatever a handler returns or throws becomes its one answer. */
import type { Call } from "../core/call.ts";
import { GatewayError } from "../core/errors.ts";
import type { Handler } from "../core/handler.ts";
import type { Plan, RoutePlan } from "../core/plan.ts";
import type { Reply } from "../core/reply.ts";
import type { Log } from "../core/tools.ts";
import type { Acceptor } from "../wire/acceptor.ts";
import { errorReply } from "./error-reply.ts";
import { fitted } from "./fitted.ts";

export interface AnsweringParts {
  readonly handler: Handler;
  readonly log: Log;
  readonly errors: Plan["errors"];
}

export function makeAnswering({ handler, log, errors }: AnsweringParts): Pick<Acceptor, "accept" | "refuse"> {
  function accept(call: Call): void {
    let reply: Reply | Promise<Reply>;
    try {
      reply = handler(call);
    } catch (error) {
      refuse(call, error);
      return;
    }
    if (reply instanceof Promise) {
      reply.then(
        (settled) => respond(call, settled),
        (error) => refuse(call, error),
      );
    } else {
      respond(call, reply);
    }
  }

  function respond(call: Call, reply: Reply): void {
    if (reply.error !== undefined) call.failed(reply.error);
    try {
      call.exchange.send(call, fitted(call, reply));
    } catch (error) {
      // A policy made a header that no message can hold: ours to answer for, not the client's to suffer.
      refuse(call, error);
    }
  }

  function refuse(call: Call, thrown: unknown): void {
    const error = GatewayError.from(thrown);
    // A mistake of ours: the only trace of it besides the client's request id.
    if (error.code === "INTERNAL_ERROR") log.error({ id: call.id, cause: error.cause }, "a call failed");
    call.failed(error);
    // The flow itself has put the route there, out of a plan.
    const route = call.route as Partial<RoutePlan> | null;
    for (const announce of route?.announcements ?? NONE) announce(call);
    call.exchange.send(call, fitted(call, errorReply(call, error, errors)));
  }

  return { accept, refuse };
}

const NONE: RoutePlan["announcements"] = [];
