/** A named upstream: picks a target, sends it the call, turns what comes back into a reply. */
import type { Socket } from "node:net";
import type { Body } from "../../core/body.ts";
import type { Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Handler } from "../../core/handler.ts";
import type { Headers } from "../../core/headers.ts";
import type { FieldRules, ForwardRules, Target, Upstream, UpstreamOptions } from "../../core/kinds.ts";
import type { Reply } from "../../core/reply.ts";
import type { Tools } from "../../core/tools.ts";
import type { ResponseHead } from "../../wire/http1/head.ts";
import type { UpstreamConnection, UpstreamExchange } from "../../wire/http1/upstream-connection.ts";
import { UpstreamPool } from "../../wire/http1/upstream-pool.ts";
import { openTunnel } from "../../wire/websocket.ts";
import { requestHead } from "./request-head.ts";
import { compileRewrite, type Rewrite } from "./rewrite.ts";

/** RFC 9110 §9.2.2 and RFC 10008: repeating these does no harm. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "QUERY"]);
/** RFC 9112 §9.3.2: these may be pipelined. Not HEAD: its answer ends the connection. */
const SAFE: ReadonlySet<string> = new Set(["GET", "OPTIONS"]);

const NONE: readonly string[] = [];

interface TargetPool {
  readonly target: Target;
  readonly pool: UpstreamPool;
}

export function makeUpstream(options: UpstreamOptions, tools: Tools): Upstream {
  const pools = options.targets.map(
    (target): TargetPool => ({ target, pool: new UpstreamPool(target, options, tools.clock.now()) }),
  );
  const stopTicking = tools.ticker.subscribe((now) => {
    for (const { pool } of pools) pool.sweep(now);
  });
  let turn = 0;
  const nextTurn = () => turn++;
  // Routes that forward alike share a handler: with thousands of routes, what a call touches stays in the cache.
  const handlers = new Map<string, Handler>();
  return {
    handler(forward) {
      const key = JSON.stringify(forward);
      const known = handlers.get(key);
      if (known !== undefined) return known;
      const rewrite = compileRewrite(forward.rewrite);
      const handler = makeHandler({ options, forward, rewrite, tools, pools }, nextTurn);
      handlers.set(key, handler);
      return handler;
    },
    close() {
      stopTicking();
      for (const { pool } of pools) pool.close();
    },
  };
}

function makeHandler(context: ForwardingContext, nextTurn: () => number): Handler {
  return (call) =>
    new Promise<Reply>((resolve, reject) => {
      new Forwarding(call, context, nextTurn(), resolve, reject).start();
    });
}

/** What all calls of one route through one upstream share. */
interface ForwardingContext {
  readonly options: UpstreamOptions;
  readonly forward: ForwardRules;
  readonly rewrite: Rewrite;
  readonly tools: Tools;
  readonly pools: readonly TargetPool[];
}

/** One call on its way through an upstream. */
class Forwarding implements UpstreamExchange {
  head = "";
  readonly method: string;
  readonly body: Body | null;
  readonly replayable: boolean;
  readonly pipelinable: boolean;
  readonly wantsUpgrade: boolean;
  cancelled = false;
  attempts = 0;
  connection: UpstreamConnection | null = null;
  readonly #call: Call;
  readonly #context: ForwardingContext;
  readonly #first: number;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: GatewayError) => void;
  #pool: UpstreamPool | null = null;
  #tried = 0;
  #sentAt = 0;

  constructor(
    call: Call,
    context: ForwardingContext,
    first: number,
    resolve: (reply: Reply) => void,
    reject: (error: GatewayError) => void,
  ) {
    const { method, body, upgrade } = call.request;
    this.#call = call;
    this.#context = context;
    this.#first = first;
    this.#resolve = resolve;
    this.#reject = reject;
    this.method = method;
    this.body = body;
    this.wantsUpgrade = upgrade !== null;
    this.replayable =
      IDEMPOTENT.has(method) && (body === null || body.bytes !== undefined) && !this.wantsUpgrade;
    this.pipelinable = SAFE.has(method) && body === null && !this.wantsUpgrade;
  }

  /** Sends the call to the next target in turn; again with the one after it while none could be reached. */
  start(): void {
    const { pools, options, forward, rewrite, tools } = this.#context;
    const call = this.#call;
    const { target, pool } = pools[(this.#first + this.#tried++) % pools.length] as TargetPool;
    call.upstreamTarget = target.url;
    this.#sentAt = tools.clock.now();
    this.head = requestHead(
      call,
      rewrite(call),
      hostFor(options, call, target),
      forward.request,
      tools.pseudonym,
    );
    this.#pool = pool;
    call.onAbort(this);
    pool.dispatch(this);
    call.attempts += 1;
  }

  /** The client went away. */
  abort(): void {
    this.#pool?.cancel(this);
  }

  onInterim(status: number, headers: Headers): void {
    for (const name of headers.nominated ?? NONE) headers.delete(name);
    this.#call.exchange.interim(status, headers);
  }

  onResponse(head: ResponseHead, body: Body | null): void {
    const call = this.#call;
    call.upstreamTime = this.#context.tools.clock.now() - this.#sentAt;
    call.attempts = this.attempts;
    for (const name of head.headers.nominated ?? NONE) head.headers.delete(name);
    applyRules(head.headers, this.#context.forward.response);
    this.#resolve({ status: head.status, headers: head.headers, body });
  }

  onUpgrade(head: ResponseHead, socket: Socket, early: Buffer): void {
    const { options, tools } = this.#context;
    this.#call.upstreamTime = tools.clock.now() - this.#sentAt;
    if (head.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      socket.destroy();
      this.onError(new GatewayError("UPSTREAM_INVALID_RESPONSE"), false);
      return;
    }
    this.#call.onAbort({ abort: () => socket.destroy() });
    this.#resolve({
      status: 101,
      headers: head.headers,
      body: null,
      tunnel: (client, fromClient, ended) => {
        this.#call.onAbort(null);
        const now = () => tools.clock.now();
        return openTunnel(client, socket, fromClient, early, { idle: options.timeout.tunnel, now }, ended);
      },
    });
  }

  onError(error: GatewayError, unsent: boolean): void {
    const { pools } = this.#context;
    // Nothing has left for the dead target, so another one may have the call (RTY-10).
    if (unsent && this.#tried < pools.length && error.code !== "OVERLOADED" && !this.cancelled) {
      this.start();
      return;
    }
    this.#call.upstreamTime = this.#context.tools.clock.now() - this.#sentAt;
    this.#reject(error);
  }
}

function hostFor(options: UpstreamOptions, call: Call, target: Target): string {
  if (options.host === "preserve" && call.request.host !== "") return call.request.host;
  if (typeof options.host === "object") return options.host.name;
  return new URL(target.url).host;
}

function applyRules(headers: Headers, rules: FieldRules): void {
  for (const name of rules.remove) headers.delete(name);
  for (const [name, value] of rules.set) headers.set(name, value);
}
