/** The connections to one target: reuses the one that was used last, opens up to a limit, then lets calls wait. */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { GatewayError } from "../../core/errors.ts";
import type { Target } from "../../core/kinds.ts";
import { type ConnectionOwner, UpstreamConnection, type UpstreamExchange } from "./upstream-connection.ts";

/** Durations in milliseconds. */
export interface PoolOptions {
  readonly timeout: { readonly connect: number; readonly firstByte: number; readonly idle: number };
  readonly keepAlive: number;
  readonly connections: number;
  readonly pending: number;
  readonly pipelining: number;
  /** `ca` is PEM text. */
  readonly tls: {
    readonly ca: string | undefined;
    readonly serverName: string | undefined;
    readonly insecure: boolean;
  };
}

const DISTRUST_MS = 60_000;

export class UpstreamPool implements ConnectionOwner {
  now: number;
  readonly timeout: PoolOptions["timeout"];
  readonly keepAlive: number;
  readonly #target: Target;
  readonly #options: PoolOptions;
  readonly #all = new Set<UpstreamConnection>();
  /** Last in, first out: the connection used last is the least likely to have been closed by the origin. */
  readonly #idle: UpstreamConnection[] = [];
  readonly #pending: { exchange: UpstreamExchange; since: number }[] = [];
  /** With pipelining: the connection that is being filled. */
  #filling: UpstreamConnection | null = null;
  #closing = false;
  /** Until then every call gets a connection of its own. */
  #distrustedUntil = 0;

  constructor(target: Target, options: PoolOptions, now: number) {
    this.#target = target;
    this.#options = options;
    this.timeout = options.timeout;
    this.keepAlive = options.keepAlive;
    this.now = now;
  }

  dispatch(exchange: UpstreamExchange): void {
    if (exchange.pipelinable && this.#options.pipelining > 1 && this.#pipeline(exchange)) return;
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.usable) continue;
      idle.send(exchange);
      return;
    }
    this.#open(exchange);
  }

  cancel(exchange: UpstreamExchange): void {
    exchange.cancelled = true;
    exchange.connection?.cancel(exchange);
    // Its place in the queue is somebody else's.
    const at = this.#pending.findIndex((waiting) => waiting.exchange === exchange);
    if (at >= 0) this.#pending.splice(at, 1);
  }

  #pipeline(exchange: UpstreamExchange): boolean {
    const filling = this.#filling;
    if (filling === null || filling.depth >= this.#options.pipelining || !filling.pipelines) return false;
    const at = this.#idle.indexOf(filling);
    if (at >= 0) this.#idle.splice(at, 1);
    filling.send(exchange);
    return true;
  }

  #open(exchange: UpstreamExchange): void {
    if (this.#all.size >= this.#options.connections) {
      this.#wait(exchange);
      return;
    }
    const connection = new UpstreamConnection(this.#connect(), this.#target.secure, this);
    this.#all.add(connection);
    this.#filling = connection;
    connection.send(exchange);
  }

  #wait(exchange: UpstreamExchange): void {
    if (this.#pending.length >= this.#options.pending) {
      exchange.onError(new GatewayError("OVERLOADED", { headers: { "Retry-After": "1" } }), true);
      return;
    }
    this.#pending.push({ exchange, since: this.now });
  }

  #connect(): Socket {
    const { host, port, secure } = this.#target;
    if (!secure) return connect({ host, port, noDelay: true });
    const { ca, serverName, insecure } = this.#options.tls;
    return connectTls({
      host,
      port,
      servername: serverName ?? (/^[0-9.]+$|:/.test(host) ? "" : host),
      ALPNProtocols: ["http/1.1"],
      rejectUnauthorized: !insecure,
      ...(ca === undefined ? {} : { ca }),
    }).setNoDelay(true);
  }

  // ---------------------------------------------------------------- ConnectionOwner

  released(connection: UpstreamConnection): void {
    if (connection.depth > 0) {
      this.#fill(connection);
      return;
    }
    if (this.#closing || this.now < this.#distrustedUntil) {
      connection.destroy();
      return;
    }
    const next = this.#nextPending();
    if (next !== undefined) connection.send(next);
    else this.#idle.push(connection);
  }

  /** Behind others in flight only what may be pipelined is sent: a body of a POST would be cut off by their answers. */
  #fill(connection: UpstreamConnection): void {
    const [first] = this.#pending;
    if (first?.exchange.pipelinable === true && connection.pipelines) connection.send(first.exchange);
    else return;
    this.#pending.shift();
  }

  /** HTTP/1.1 cannot tell a late second answer from the next call's: an origin that sends such is not asked twice. */
  surplus(): void {
    this.#distrustedUntil = this.now + DISTRUST_MS;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  lost(connection: UpstreamConnection): void {
    if (!this.#all.delete(connection)) return;
    if (this.#filling === connection) this.#filling = null;
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    const next = this.#nextPending();
    if (next !== undefined) this.#open(next);
  }

  again(exchange: UpstreamExchange): void {
    this.#open(exchange);
  }

  #nextPending(): UpstreamExchange | undefined {
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      if (!next.exchange.cancelled) return next.exchange;
    }
    return undefined;
  }

  sweep(now: number): void {
    this.now = now;
    for (const connection of this.#all) connection.sweep(now);
    while (this.#pending[0] !== undefined && now - this.#pending[0].since >= this.timeout.connect) {
      const late = this.#pending.shift();
      late?.exchange.onError(new GatewayError("OVERLOADED", { headers: { "Retry-After": "1" } }), true);
    }
  }

  /** Idle connections go now, the others when their exchange is over. */
  close(): void {
    this.#closing = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }
}
