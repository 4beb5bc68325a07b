/** A named upstream: what its calls share, in this lane and with the others. */
import type { Handler } from "../../core/handler.ts";
import type { ForwardRules, Upstream, UpstreamOptions } from "../../core/kinds.ts";
import type { Reply } from "../../core/reply.ts";
import type { Tools } from "../../core/tools.ts";
import { UpstreamPool } from "../../wire/http1/upstream-pool.ts";
import { Alarms } from "./alarms.ts";
import { Circuits } from "./circuits.ts";
import { makeConcurrencyGate } from "./concurrency.ts";
import type { ForwardingContext } from "./context.ts";
import { Forwarding } from "./forwarding.ts";
import { Retries } from "./retry/retries.ts";
import { compileRewrite } from "./rewrite.ts";
import type { Member } from "./targets/member.ts";
import { makeTargets } from "./targets/targets.ts";

export function makeUpstream(options: UpstreamOptions, tools: Tools): Upstream {
  const { clock, ticker } = tools;
  const circuits = new Circuits(options, tools);
  const members = options.targets.map(
    (target, index): Member => ({
      target,
      pool: new UpstreamPool(target, options, clock.now()),
      breaker: circuits.ofTargets[index] ?? null,
    }),
  );
  const targets = makeTargets(options, members, tools);
  const retries = options.retry === null ? null : new Retries(options.name, options.retry, tools);
  const alarms = new Alarms(clock);
  const gate =
    options.concurrency === null ? null : makeConcurrencyGate(options.name, options.concurrency, tools);
  const stopTicking = ticker.subscribe((now) => {
    for (const { pool } of members) pool.sweep(now);
    alarms.sweep(now);
  });

  function makeHandler(forward: ForwardRules): Handler {
    const rewrite = compileRewrite(forward.rewrite);
    const parts = { options, tools, targets, circuits, retries, alarms };
    const forwarding = forwardingHandler({ ...parts, forward, rewrite });
    return gate === null ? forwarding : unlessOpen(circuits, clock, gate.around(forwarding));
  }

  // Routes that forward alike share a handler: with thousands of routes, what a call touches stays in the cache.
  const handlers = new Map<string, Handler>();
  return {
    handler(forward) {
      const key = JSON.stringify(forward);
      let handler = handlers.get(key);
      if (handler === undefined) {
        handler = makeHandler(forward);
        handlers.set(key, handler);
      }
      return handler;
    },
    close() {
      stopTicking();
      targets.close();
      gate?.close();
      alarms.close();
      for (const { pool } of members) pool.close();
    },
  };
}

function forwardingHandler(context: ForwardingContext): Handler {
  return (call) =>
    new Promise<Reply>((resolve, reject) => {
      new Forwarding(call, context, resolve, reject).start();
    });
}

/** A call that an open circuit will refuse does not wait for its turn first (CB-3). */
function unlessOpen(circuits: Circuits, clock: Tools["clock"], gated: Handler): Handler {
  return (call) => {
    const now = clock.now();
    if (circuits.pass(now)) return gated(call);
    circuits.countRefusal(now);
    call.circuit = "open";
    throw circuits.refusal(now);
  };
}
