/** The connections to one target: reuses the one that was used last, opens up to a limit, then lets calls wait. */
import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { GatewayError } from "../../core/errors.ts";
import type { Target } from "../../core/kinds.ts";
import { Addresses } from "./addresses.ts";
import { type ConnectionOwner, UpstreamConnection, type UpstreamExchange } from "./upstream-connection.ts";
import { tlsTo, type UpstreamTls } from "./upstream-tls.ts";

/** Durations in milliseconds. */
export interface PoolOptions {
  readonly timeout: { readonly connect: number; readonly firstByte: number; readonly idle: number };
  readonly keepAlive: number;
  readonly connections: number;
  readonly pending: number;
  readonly pipelining: number;
  /** The target never sends a body behind an answer to HEAD, so its connection stays. */
  readonly keepsToHead?: boolean;
  /** How often the target's name is looked up again; Infinity for once a connection. */
  readonly resolve: number;
  readonly tls: UpstreamTls;
}

const DISTRUST_MS = 60_000;

export class UpstreamPool implements ConnectionOwner {
  now: number;
  readonly timeout: PoolOptions["timeout"];
  readonly keepAlive: number;
  readonly keepsToHead: boolean;
  readonly #target: Target;
  readonly #options: PoolOptions;
  readonly #all = new Set<UpstreamConnection>();
  /** Last in, first out: the connection used last is the least likely to have been closed by the origin. */
  readonly #idle: UpstreamConnection[] = [];
  readonly #pending: { exchange: UpstreamExchange; since: number }[] = [];
  /** With pipelining: the connection that is being filled. */
  #filling: UpstreamConnection | null = null;
  /** Null where the target is an address, or its name is the system's matter. */
  readonly #addresses: Addresses | null;
  /** Connections to addresses that are no longer the target's; null while there have been none. */
  #outdated: WeakSet<UpstreamConnection> | null = null;
  #closing = false;
  /** Until then every call gets a connection of its own. */
  #distrustedUntil = 0;

  constructor(target: Target, options: PoolOptions, now: number) {
    this.#target = target;
    this.#options = options;
    this.timeout = options.timeout;
    this.keepAlive = options.keepAlive;
    this.keepsToHead = options.keepsToHead ?? false;
    this.now = now;
    this.#addresses =
      isIP(target.host) !== 0 || options.resolve === Number.POSITIVE_INFINITY
        ? null
        : new Addresses(target.host, options.resolve, now, () => this.#moved());
  }

  /** How the target's name is looked up; undefined for the system's way. */
  get lookup(): LookupFunction | undefined {
    return this.#addresses?.lookup;
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

  /** Nobody waits for it any more. Returns whether a byte of it may have left on the connection that has it. */
  cancel(exchange: UpstreamExchange): boolean {
    exchange.cancelled = true;
    const sent = exchange.connection?.cancel(exchange) === true;
    // Its place in the queue is somebody else's.
    const at = this.#pending.findIndex((waiting) => waiting.exchange === exchange);
    if (at >= 0) this.#pending.splice(at, 1);
    return sent;
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
    const { host, port, secure, socket } = this.#target;
    if (socket !== undefined) return connect({ path: socket });
    const lookup = this.#addresses === null ? {} : { lookup: this.#addresses.lookup };
    if (!secure) return connect({ host, port, noDelay: true, ...lookup });
    return connectTls({ host, port, ...lookup, ...tlsTo(host, this.#options.tls) }).setNoDelay(true);
  }

  /** The name stands for other addresses now: what is idle goes, the others when their exchange is over. */
  #moved(): void {
    this.#outdated ??= new WeakSet();
    for (const connection of this.#all) {
      // One that is still being made goes to an address of before.
      if (!this.#addresses?.has(connection.address ?? "")) this.#outdated.add(connection);
    }
    if (this.#filling !== null && this.#outdated.has(this.#filling)) this.#filling = null;
    for (const idle of this.#idle.filter((connection) => this.#outdated?.has(connection))) idle.destroy();
  }

  // ---------------------------------------------------------------- ConnectionOwner

  released(connection: UpstreamConnection): void {
    if (connection.depth > 0) {
      this.#fill(connection);
      return;
    }
    if (this.#closing || this.now < this.#distrustedUntil || this.#outdated?.has(connection) === true) {
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
    const takes = connection.pipelines && this.#outdated?.has(connection) !== true;
    if (first?.exchange.pipelinable === true && takes) connection.send(first.exchange);
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
    this.#addresses?.sweep(now);
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
