import type { Made } from "../config/plan.ts";
import type { Call } from "../core/call.ts";
import type { LogPlan } from "../core/plan.ts";
import type { Tools } from "../core/tools.ts";
import { makeClientAddress } from "../flow/client-address.ts";
import { makeFlow, routed, type Shedder } from "../flow/flow.ts";
import { buildRouter } from "../flow/router/index.ts";
import { selectVersionOf } from "../flow/version/select.ts";
import { formatAccessLine } from "../observe/access-log.ts";
import type { CallMeter } from "../observe/call-metrics.ts";
import type { LogSink } from "../observe/log-sink.ts";
import { isRequestId } from "../observe/request-id.ts";
import type { Acceptor } from "../wire/acceptor.ts";

export interface GenerationParts {
  readonly made: Made;
  readonly tools: Tools;
  readonly newId: () => string;
  readonly meter: CallMeter;
  readonly openSink: (to: string) => LogSink;
  readonly shedder: Shedder;
}

/**
 * One plan at work: the calls that began under it end under it, and when the last has ended what it holds is
 * given back.
 */
export class Generation {
  readonly made: Made;
  readonly acceptor: Acceptor;
  #calls = 0;
  #retired: (() => void) | null = null;

  constructor({ made, tools, newId, meter, openSink, shedder }: GenerationParts) {
    this.made = made;
    const { plan } = made;
    const { clock } = tools;
    const write = lineWriter(plan.log, openSink(plan.log.to));
    const record = (call: Call) => {
      const now = clock.now();
      write(call, now, clock.wall());
      meter(call, now);
      this.#calls--;
      if (this.#calls === 0) this.#retired?.();
    };
    const flow = makeFlow({
      plan,
      clock,
      log: tools.log,
      newId,
      isId: isRequestId,
      clientAddress: makeClientAddress(plan.listen.trustedProxies),
      record,
      route: routed(plan, buildRouter(plan.routes), selectVersionOf(plan, clock), shedder),
    });
    this.acceptor = {
      ...flow,
      open: (request, exchange) => {
        this.#calls++;
        return flow.open(request, exchange);
      },
    };
  }

  /**
   * A newer plan has taken over. What this one holds is kept until its last call has ended, upstreams too: a call may
   * still be waiting for a policy and go to its upstream only then.
   */
  retire(done: () => void): void {
    const { made } = this;
    const finish = () => {
      this.#retired = null;
      for (const upstream of made.upstreams.values()) upstream.close();
      made.close();
      done();
    };
    if (this.#calls === 0) finish();
    else this.#retired = finish;
  }
}

function lineWriter(log: LogPlan, sink: LogSink): (call: Call, now: number, wall: number) => void {
  if (!log.requests) return () => {};
  return (call, now, wall) => sink.write(formatAccessLine(call, now, wall));
}
