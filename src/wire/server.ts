/** A port that speaks HTTP: accepts connections, bounds their number, looks at their deadlines, drains. */
import { randomBytes } from "node:crypto";
import { createServer, type ListenOptions as NetListenOptions, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import type { Peer } from "../core/call.ts";
import type { LimitsPlan, TlsPlan } from "../core/plan.ts";
import type { Clock, Ticker } from "../core/tools.ts";
import type { Connection, Port, RequestSettings } from "./acceptor.ts";
import { type Admission, allocateAdmission, openAdmission } from "./admission.ts";
import type { ByteStream } from "./byte-stream.ts";
import { ServerConnection } from "./http1/server-connection.ts";
import { Http2Connection } from "./http2/server-connection.ts";
import { Handshake, TlsContexts, ticketDay, ticketKeys } from "./tls.ts";

/** What a port goes by, until `reconfigure`. */
export interface ServerSettings extends RequestSettings {
  readonly limits: LimitsPlan;
  /** HTTP/2 beside HTTP/1.1; true if not said. */
  readonly http2?: boolean;
  /** Null, or not said, for plain text. */
  readonly tls?: TlsPlan | null;
}

export interface ServerOptions extends ServerSettings {
  readonly clock: Clock;
  readonly ticker: Ticker;
  /** Shared with the other lanes of this port; without it the server counts by itself. */
  readonly admission?: Admission;
  /** Shared with the other lanes, so that a TLS session goes on wherever the client's next connection lands. */
  readonly ticketSecret?: Uint8Array;
  /** While it says so, new connections are closed at once. */
  readonly refuses?: () => boolean;
}

export interface ListenOptions {
  /** Other servers, in other threads, listen on the same port. */
  readonly reusePort?: boolean;
}

/** Connections that the kernel may hold for us. */
const BACKLOG = 4096;
/** Turns of the loop, each a short one, without a new connection after which the queue counts as empty. */
const QUIET_TURNS = 20;
/**
 * And so long nobody has come before them, which is slept through: clients, and services whose answers they wait for,
 * need the cores as well. Who comes meanwhile is held like the others.
 */
const QUIET_MS = 20;
const NAP_MS = 2;
const SHORT_TURN_MS = 0.05;
/** Where clients come faster than they are accepted, their queue is never empty. */
const EMPTYING_MS = 1_000;

export class HttpServer implements Port {
  settings: ServerSettings;
  now: number;
  date = "";
  draining = false;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #connections = new Map<Connection, Peer>();
  readonly #admission: Admission;
  readonly #ticketSecret: Uint8Array;
  readonly #refuses: () => boolean;
  #ticketDay = 0;
  #tls: TlsPlan | null = null;
  #contexts: TlsContexts | null = null;
  readonly #stopTicking: () => void;
  #dateSecond = -1;
  #local = false;
  #closing = false;
  /** Connections that wait to be read until the port is closed. */
  #held: Connection[] | null = null;
  /** Connections so far, refused ones included. */
  #accepted = 0;

  constructor(options: ServerOptions) {
    this.settings = options;
    this.#clock = options.clock;
    this.#ticketSecret = options.ticketSecret ?? randomBytes(32);
    this.#refuses = options.refuses ?? (() => false);
    this.#secure(options.tls ?? null);
    this.#admission = options.admission ?? openAdmission(allocateAdmission(1), 0);
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

  get http2(): boolean {
    return this.settings.http2 !== false;
  }

  /** Handshakes that begin from now on go by this; unchanged certificates keep their sessions. */
  #secure(tls: TlsPlan | null): void {
    const day = ticketDay(this.#clock.wall());
    if (day === this.#ticketDay && isDeepStrictEqual(tls, this.#tls)) return;
    this.#contexts = tls === null ? null : new TlsContexts(tls, ticketKeys(this.#ticketSecret, day));
    this.#tls = tls;
    this.#ticketDay = day;
  }

  /** What the next request on any connection goes by; those in flight end by what they began with. */
  reconfigure(settings: ServerSettings): void {
    this.settings = settings;
    this.#secure(settings.tls ?? null);
  }

  /** Resolves with the port once connections are accepted. Rejects with the system's error (EADDRINUSE …). */
  async listen(host: string, port: number, { reusePort = false }: ListenOptions = {}): Promise<number> {
    await this.#listen({ host, port, reusePort, backlog: BACKLOG });
    return (this.#server.address() as { port: number }).port;
  }

  /** The same on a Unix socket: everybody who may open the file is one client, without an address. */
  async listenOn(path: string): Promise<void> {
    this.#local = true;
    await this.#listen({ path, backlog: BACKLOG });
  }

  #listen(where: NetListenOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(where, () => {
        this.#server.off("error", reject);
        this.#server.on("error", () => {});
        resolve();
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
    for (const connection of this.#connections.keys()) connection.drain();
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
  #emptyQueue(close: () => void): void {
    const held: Connection[] = [];
    this.#held = held;
    // What is called for the first time is compiled first: not between the look and the closing.
    createServer().close(() => {});
    const begun = performance.now();
    let last = begun;
    let came = begun;
    let accepted = this.#accepted;
    let quiet = 0;
    const turn = () => {
      const now = performance.now();
      if (this.#accepted !== accepted) came = now;
      quiet = this.#accepted === accepted && now - last < SHORT_TURN_MS ? quiet + 1 : 0;
      accepted = this.#accepted;
      last = now;
      if (now - begun < EMPTYING_MS) {
        if (now - came < QUIET_MS) {
          quiet = 0;
          setTimeout(turn, NAP_MS);
          return;
        }
        if (quiet < QUIET_TURNS) {
          setImmediate(turn);
          return;
        }
      }
      close();
      for (const connection of held) connection.proceed();
      this.#held = null;
    };
    setImmediate(turn);
  }

  /** No more time: whatever is in flight ends here. */
  destroy(): void {
    for (const connection of this.#connections.keys()) connection.destroy();
  }

  closed(connection: Connection): void {
    const peer = this.#connections.get(connection);
    if (peer === undefined) return;
    this.#connections.delete(connection);
    this.#admission.leave(peer.address);
  }

  #onConnection(socket: Socket): void {
    this.#accepted++;
    const address = this.#local ? LOCAL : plainAddress(socket.remoteAddress ?? "");
    // Gone already; or so many, or so little memory, that even saying no is too much.
    const over = this.#admission.connections >= this.settings.limits.connections * 2 || this.#refuses();
    if (address === "" || over) {
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    this.#admission.enter(address);
    const admitted = this.#admits(address);
    const secure = this.#contexts !== null;
    const peer: Peer = {
      address,
      port: socket.remotePort ?? 0,
      localPort: socket.localPort ?? 0,
      secure,
    };
    const connection = secure
      ? new Handshake(socket, this, this.#contexts as TlsContexts, this)
      : new ServerConnection(socket, peer, this);
    this.#connections.set(connection, peer);
    if (!admitted) this.#turnAway(connection);
    if (this.#held === null) return;
    this.#held.push(connection);
    connection.hold();
  }

  /** A handshake costs more than all that a client without a place may have. */
  #turnAway(connection: Connection): void {
    if (connection instanceof ServerConnection) connection.turnAway();
    else connection.destroy();
  }

  secured(handshake: Connection, socket: TLSSocket, http2: boolean): void {
    const peer = this.#connections.get(handshake) as Peer;
    const Speaker = http2 ? Http2Connection : ServerConnection;
    this.#replace(handshake, new Speaker(socket, peer, this));
  }

  plain(handshake: Connection, socket: Socket, said: Buffer): void {
    const peer = { ...(this.#connections.get(handshake) as Peer), secure: false };
    const connection = new ServerConnection(socket, peer, this);
    this.#replace(handshake, connection);
    connection.refusePlainText(said);
  }

  startHttp2(connection: Connection, socket: Socket, stream: ByteStream, early: Buffer): void {
    const peer = this.#connections.get(connection) as Peer;
    this.#replace(connection, new Http2Connection(socket, peer, this, stream, early));
  }

  /** The same client, spoken to in another way. */
  #replace(connection: Connection, by: Connection): void {
    const peer = this.#connections.get(connection) as Peer;
    this.#connections.delete(connection);
    this.#connections.set(by, peer);
  }

  #admits(address: string): boolean {
    const { limits } = this.settings;
    // A load balancer or a tool on this machine is many clients in one address.
    if (!isLoopback(address) && this.#admission.from(address) > limits.connectionsPerIp) return false;
    return this.#admission.connections <= limits.connections || this.#evictIdle();
  }

  /** Makes room by closing the connection that has been open longest and has nothing in flight. */
  #evictIdle(): boolean {
    for (const connection of this.#connections.keys()) {
      if (!connection.idle) continue;
      connection.destroy();
      return true;
    }
    return false;
  }

  #tick(now: number): void {
    this.now = now;
    this.#setDate();
    if (this.#tls !== null && ticketDay(this.#clock.wall()) !== this.#ticketDay) this.#secure(this.#tls);
    for (const connection of this.#connections.keys()) {
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
    this.date = new Date(wall).toUTCString();
  }
}

/** IPv4-mapped IPv6 is the IPv4 address: one client must not have two names. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** In place of an address, of whoever comes by a Unix socket. */
const LOCAL = "local";

function isLoopback(address: string): boolean {
  return address === LOCAL || address === "::1" || address.startsWith("127.");
}
