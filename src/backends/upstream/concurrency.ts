/** A gate before an upstream: so many calls at a time, on all lanes together, and so many that wait for their turn. */
import type { Abortable, Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Handler } from "../../core/handler.ts";
import type { ConcurrencyOptions } from "../../core/kinds.ts";
import type { Reply } from "../../core/reply.ts";
import type { Tools } from "../../core/tools.ts";
import { SharedSlots } from "./shared-slots.ts";
import { WatchedBody } from "./watched-body.ts";

export interface ConcurrencyGate {
  /**
   * `handler` behind the gate. A call holds one slot from here to the end of its answer, a tunnel to the end of the
   * tunnel. Throws OVERLOADED, before `handler` has seen the call, where too many wait or it has waited too long.
   */
  around(handler: Handler): Handler;
  /** Looks at no deadline any more. After the last call has ended. */
  close(): void;
}

type GateTools = Pick<Tools, "shared" | "clock" | "ticker" | "metrics">;

export function makeConcurrencyGate(
  upstream: string,
  options: ConcurrencyOptions,
  tools: GateTools,
): ConcurrencyGate {
  return new Gate(upstream, options, tools);
}

/**
 * First come, first served: on one lane exactly, and between lanes by who has waited longer. A slot that becomes free
 * goes to the first that waits here, unless somebody on another lane came before: then that lane is rung. Should it be
 * too busy to hear, the next tick here takes the slot all the same.
 */
class Gate implements ConcurrencyGate {
  readonly #slots: SharedSlots;
  readonly #wait: number;
  readonly #clock: GateTools["clock"];
  readonly #stopTicking: () => void;
  readonly #refused: (reason: "queue" | "wait") => GatewayError;
  /** In the order in which they came. */
  readonly #queue = new Set<Waiting>();
  #listening = false;

  constructor(upstream: string, options: ConcurrencyOptions, { shared, clock, ticker, metrics }: GateTools) {
    this.#slots = new SharedSlots(`concurrency/${upstream}`, options, shared);
    this.#wait = options.wait;
    this.#clock = clock;
    this.#stopTicking = ticker.subscribe((now) => this.#tick(now));
    const counter = metrics.counter(
      "turnpike_concurrency_refused_total",
      "Calls that an upstream's limit of concurrency refused, by what was full: the queue, or their time in it.",
      ["upstream", "reason"],
    );
    const counted = {
      queue: counter.with({ upstream, reason: "queue" }),
      wait: counter.with({ upstream, reason: "wait" }),
    };
    this.#refused = (reason) => {
      counted[reason].add();
      return overloaded();
    };
  }

  around(handler: Handler): Handler {
    return (call) => {
      switch (this.#slots.arrive(this.#clock.now())) {
        case "taken":
          return this.#run(handler, call);
        case "refused":
          throw this.#refused("queue");
        case "queued":
          return this.#turn(call).then(() => this.#run(handler, call));
      }
    };
  }

  close(): void {
    this.#stopTicking();
  }

  #turn(call: Call): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        since: this.#clock.now(),
        enter: () => {
          call.onAbort(null);
          resolve();
        },
        refuse: (error) => {
          call.onAbort(null);
          reject(error);
        },
        abort: () => {
          this.#giveUp(waiting);
          reject(new GatewayError("CLIENT_CLOSED"));
        },
      };
      this.#queue.add(waiting);
      this.#listen();
      call.onAbort(waiting);
    });
  }

  #giveUp(waiting: Waiting): void {
    this.#queue.delete(waiting);
    this.#slots.giveUp(this.#first);
    // A slot may have been kept free for him.
    this.#admit(true);
  }

  /** Since when the first in the queue waits; any time where there is none. */
  get #first(): number {
    const [first] = this.#queue;
    return first?.since ?? 0;
  }

  #admit(inTurn: boolean): void {
    for (;;) {
      const [first, second] = this.#queue;
      if (first === undefined || !this.#slots.advance(second?.since ?? 0, inTurn)) break;
      this.#queue.delete(first);
      first.enter();
    }
    this.#slots.ring();
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    void this.#slots.rung().then(() => {
      this.#listening = false;
      if (this.#queue.size === 0) return;
      this.#admit(true);
      if (this.#queue.size > 0) this.#listen();
    });
  }

  #tick(now: number): void {
    if (this.#queue.size === 0) return;
    for (const waiting of this.#queue) {
      if (now - waiting.since < this.#wait) break;
      this.#queue.delete(waiting);
      this.#slots.giveUp(this.#first);
      waiting.refuse(this.#refused("wait"));
    }
    this.#admit(false);
  }

  #run(handler: Handler, call: Call): Reply | Promise<Reply> {
    const leave = this.#slotOf(call);
    let reply: Reply | Promise<Reply>;
    try {
      reply = handler(call);
    } catch (error) {
      leave();
      throw error;
    }
    if (!(reply instanceof Promise)) return watched(reply, call, leave);
    return reply.then(
      (settled) => watched(settled, call, leave),
      (error: unknown) => {
        leave();
        throw error;
      },
    );
  }

  /** Gives the slot back, once. */
  #slotOf(call: Call): () => void {
    let held = true;
    const leave = () => {
      if (!held) return;
      held = false;
      this.#slots.leave();
      this.#admit(true);
    };
    call.onEnd(leave);
    return leave;
  }
}

interface Waiting extends Abortable {
  readonly since: number;
  enter(): void;
  refuse(error: GatewayError): void;
}

/** The slot is free again when the upstream has said its last byte, however long the client takes to read it. */
function watched(reply: Reply, call: Call, leave: () => void): Reply {
  const { body } = reply;
  if (reply.tunnel !== undefined) {
    // Nobody is left to end the tunnel; otherwise the call ends with it.
    if (call.gone) leave();
    return reply;
  }
  if (body === null || body.bytes !== undefined) {
    leave();
    return reply;
  }
  return { ...reply, body: new WatchedBody(body, leave) };
}

const overloaded = (): GatewayError =>
  new GatewayError("OVERLOADED", {
    message: "The service behind this route has as many calls as it may have.",
    headers: { "Retry-After": "1" },
  });
