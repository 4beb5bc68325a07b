/** A port that speaks HTTP/1.1: accepts connections, bounds their number, looks at their deadlines, drains. */
import { createServer, type Server, type Socket } from "node:net";
import type { Peer } from "../../core/call.ts";
import type { ClientTimeouts, LimitsPlan } from "../../core/plan.ts";
import type { Clock, Ticker } from "../../core/tools.ts";
import { type Acceptor, type Listener, ServerConnection } from "./server-connection.ts";

export interface ServerOptions {
  readonly limits: LimitsPlan;
  readonly timeouts: ClientTimeouts;
  readonly acceptor: Acceptor;
  readonly clock: Clock;
  readonly ticker: Ticker;
}

/** Connections that the kernel may hold for us. */
const BACKLOG = 4096;
/** Turns of the loop, each a short one, without a new connection after which the queue counts as empty. */
const QUIET_TURNS = 20;
const SHORT_TURN_MS = 0.05;
/** Where clients come faster than they are accepted, their queue is never empty. */
const EMPTYING_MS = 1_000;

export class Http1Server implements Listener {
  readonly limits: LimitsPlan;
  readonly timeouts: ClientTimeouts;
  readonly acceptor: Acceptor;
  now: number;
  date = "";
  draining = false;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();
  readonly #perAddress = new Map<string, number>();
  readonly #stopTicking: () => void;
  #dateSecond = -1;
  #closing = false;
  /** Connections that wait to be read until the port is closed. */
  #held: ServerConnection[] | null = null;
  /** Connections so far, refused ones included. */
  #accepted = 0;

  constructor(options: ServerOptions) {
    this.limits = options.limits;
    this.timeouts = options.timeouts;
    this.acceptor = options.acceptor;
    this.#clock = options.clock;
    this.now = options.clock.now();
    this.#setDate();
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#onConnection(socket),
    );
    this.#stopTicking = options.ticker.subscribe((now) => this.#tick(now));
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Resolves with the port once connections are accepted. Rejects with the system's error (EADDRINUSE …). */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", () => {});
        resolve((this.#server.address() as { port: number }).port);
      });
    });
  }

  /** From now on every answer says `Connection: close`; new connections are still accepted. */
  startDraining(): void {
    this.draining = true;
  }

  /** Accepts no more. Resolves when the last connection has gone, at the latest after `timeout` milliseconds. */
  close(timeout: number): Promise<void> {
    this.draining = true;
    this.#closing = true;
    for (const connection of this.#connections) connection.drain();
    return new Promise((resolve) => {
      const force = setTimeout(() => this.destroy(), timeout);
      const closed = () => {
        clearTimeout(force);
        this.#stopTicking();
        resolve();
      };
      this.#emptyQueue(() => this.#server.close(closed));
    });
  }

  /**
   * Whoever is in the kernel's queue has connected and may have sent a request already; closing the port would
   * reset it. So first everybody in it is accepted: one with each turn of the loop, which is libuv's pace. They are
   * answered when the port is closed, because a client whose last connection was closed comes again when it has
   * its answer, and the queue would never be empty. Between the look at the queue and the closing lies the rest of a
   * turn, in which somebody may join: that has to be short.
   */
  #emptyQueue(emptied: () => void): void {
    const held: ServerConnection[] = [];
    this.#held = held;
    const begun = performance.now();
    let last = begun;
    let accepted = this.#accepted;
    let quiet = 0;
    const turn = () => {
      const now = performance.now();
      quiet = this.#accepted === accepted && now - last < SHORT_TURN_MS ? quiet + 1 : 0;
      accepted = this.#accepted;
      last = now;
      if (quiet < QUIET_TURNS && now - begun < EMPTYING_MS) {
        setImmediate(turn);
        return;
      }
      emptied();
      for (const connection of held) connection.proceed();
      this.#held = null;
    };
    setImmediate(turn);
  }

  /** No more time: whatever is in flight ends here. */
  destroy(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  closed(connection: ServerConnection): void {
    if (!this.#connections.delete(connection)) return;
    const { address } = connection.peer;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }

  #onConnection(socket: Socket): void {
    this.#accepted++;
    const address = plainAddress(socket.remoteAddress ?? "");
    // Gone already; or so many that even saying no is too much.
    if (address === "" || this.#connections.size >= this.limits.connections * 2) {
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    const admitted = this.#admit(address);
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    const peer: Peer = {
      address,
      port: socket.remotePort ?? 0,
      localPort: socket.localPort ?? 0,
      secure: false,
    };
    const connection = new ServerConnection(socket, peer, this);
    this.#connections.add(connection);
    if (!admitted) connection.turnAway();
    if (this.#held === null) return;
    this.#held.push(connection);
    connection.hold();
  }

  #admit(address: string): boolean {
    // A load balancer or a tool on this machine is many clients in one address.
    const alone = !isLoopback(address);
    if (alone && (this.#perAddress.get(address) ?? 0) >= this.limits.connectionsPerIp) return false;
    return this.#connections.size < this.limits.connections || this.#evictIdle();
  }

  /** Makes room by closing the connection that has been open longest and has nothing in flight. */
  #evictIdle(): boolean {
    for (const connection of this.#connections) {
      if (!connection.idle) continue;
      connection.destroy();
      return true;
    }
    return false;
  }

  #tick(now: number): void {
    this.now = now;
    this.#setDate();
    for (const connection of this.#connections) {
      // Also those that became a tunnel after the closing had begun.
      if (this.#closing) connection.drain();
      connection.sweep(now);
    }
  }

  #setDate(): void {
    const wall = this.#clock.wall();
    const second = Math.floor(wall / 1000);
    if (second === this.#dateSecond) return;
    this.#dateSecond = second;
    this.date = `Date: ${new Date(wall).toUTCString()}\r\n`;
  }
}

/** IPv4-mapped IPv6 is the IPv4 address: one client must not have two names. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
