/**
 * One client's HTTP/2 connection (RFC 9113). `node:http2` speaks the protocol; what is here bounds what a client may
 * make it do, looks at deadlines, and says goodbye.
 *
 * States:
 *   open     streams come and go
 *   leaving  GOAWAY with the highest id was sent: what is on its way may still come (RFC 9113 §6.8)
 *   closing  nothing more will be sent; input is read past so that the client can read what was
 *   closed
 */
import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Peer } from "../../core/call.ts";
import type { Connection, Port, RequestSettings } from "../acceptor.ts";
import { type ByteStream, type StreamOwner as BytesOwner, openByteStream } from "../byte-stream.ts";
import { Stall } from "../deadlines.ts";
import { Budget } from "./budget.ts";
import { Carrier } from "./carrier.ts";
import { FrameMeter } from "./frame-meter.ts";
import { ServerStream, type StreamOwner } from "./server-stream.ts";

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM } = constants;

const CONCURRENT_STREAMS = 100;
const STREAM_WINDOW = 64 * 1024;
const CONNECTION_WINDOW = 1024 * 1024;
const INVALID_FRAMES = 100;
const REJECTED_STREAMS = 100;
/** Megabytes that nghttp2 may hold for one connection. */
const SESSION_MEMORY = 4;
const HEADER_TABLE = 4096;
/** RFC 7541 §4.1: what an entry counts beside its name and value. */
const FIELD_OVERHEAD = 32;
/** Requests that ended without an answer, by a reset from either side: MadeYouReset makes us send them. */
const SPOILED = { burst: 200, perSecond: 20 };
/** How long requests may be on their way that were sent before GOAWAY was read. */
const LEAVE_MS = 1_000;
/** How long a client may take to read our last frames. */
const LINGER_MS = 2_000;

/**
 * GOAWAY with the highest stream and no error: no new request, please, but those on their way are welcome. Ours and not
 * `session.goaway`, after which nghttp2 drops new streams whatever it has promised.
 */
const SHUTDOWN_NOTICE = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

export class Http2Connection implements Connection, StreamOwner, BytesOwner {
  readonly peer: Peer;
  readonly port: Port;
  readonly #socket: Socket;
  readonly #stream: ByteStream;
  readonly #session: ServerHttp2Session;
  readonly #carrier: Carrier;
  readonly #meter: FrameMeter;
  readonly #spoiled: Budget;
  readonly #streams = new Set<ServerStream>();
  readonly #stall = new Stall();
  #state: "open" | "leaving" | "closing" | "closed" = "open";
  #served = 0;
  /** When the state, or the wait for a request, began. */
  #since: number;

  /** `stream` where somebody has read from the socket before, and what he has read as `early`. */
  constructor(socket: Socket, peer: Peer, port: Port, stream?: ByteStream, early?: Buffer) {
    this.#socket = socket;
    this.peer = peer;
    this.port = port;
    this.#since = port.now;
    const { limits } = port.settings;
    this.#meter = new FrameMeter(2 * (limits.headers + limits.uri), port.now);
    this.#spoiled = new Budget(SPOILED.burst, SPOILED.perSecond, port.now);
    this.#stream = stream ?? openByteStream(socket, this);
    stream?.handOver(this);
    this.#carrier = new Carrier(
      this.#stream,
      (bytes) => this.#meter.sent(bytes),
      () => this.#beginClosing(),
    );
    this.#session = this.#openSession(limits);
    socket.on("end", () => this.#session.destroy());
    socket.on("error", ignoreError);
    socket.on("close", () => this.#onClose());
    if (early !== undefined) this.onData(early);
  }

  #openSession(limits: RequestSettings["limits"]): ServerHttp2Session {
    // Above the limits of a head by so much that we can answer 431 instead of a reset.
    const pairs = 2 * limits.headerCount;
    const session = performServerHandshake(this.#carrier, {
      maxSessionMemory: SESSION_MEMORY,
      maxSessionInvalidFrames: INVALID_FRAMES,
      maxSessionRejectedStreams: REJECTED_STREAMS,
      maxHeaderListPairs: pairs,
      maxDeflateDynamicTableSize: HEADER_TABLE,
      // Two Content-Type of an origin are passed on as in HTTP/1.1; what they mean is between it and the client.
      strictSingleValueFields: false,
      settings: {
        maxConcurrentStreams: CONCURRENT_STREAMS,
        initialWindowSize: STREAM_WINDOW,
        maxHeaderListSize: 2 * (limits.headers + limits.uri) + pairs * FIELD_OVERHEAD,
        headerTableSize: HEADER_TABLE,
        enableConnectProtocol: false,
      },
    });
    session.on("error", ignoreError);
    session.on("stream", (stream, _headers, flags, raw) => this.#onStream(stream, flags, raw));
    session.setLocalWindowSize(CONNECTION_WINDOW);
    return session;
  }

  get idle(): boolean {
    return this.#streams.size === 0 && this.#state !== "closing" && this.#stream.pending === 0;
  }

  // ---------------------------------------------------------------- bytes

  onData(chunk: Buffer): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    const complaint = this.#meter.push(chunk, this.port.now);
    if (complaint === null) this.#carrier.received(chunk);
    else this.#calm(complaint);
  }

  onDrain(): void {
    this.#carrier.drained();
  }

  /** More than a client may ask for (CVE-2023-44487 and its kin): what it has in flight is given up. */
  #calm(complaint: string): void {
    this.#session.destroy(new Error(complaint), NGHTTP2_ENHANCE_YOUR_CALM);
  }

  // ---------------------------------------------------------------- streams

  #onStream(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    const served = new ServerStream(stream, this);
    this.#streams.add(served);
    this.#served++;
    const sent = this.#meter.fieldsOf(stream.id ?? 0);
    served.start({
      raw,
      whole: (flags & NGHTTP2_FLAG_END_STREAM) !== 0,
      mutilated: raw.length !== 2 * sent,
    });
    if (this.#served >= this.port.settings.limits.requestsPerConnection) this.#leave();
  }

  ended(stream: ServerStream, answered: boolean): void {
    this.#streams.delete(stream);
    if (this.#state === "open") this.#since = this.port.now;
    if (!answered && !this.#session.destroyed && !this.#spoiled.spend(this.port.now))
      this.#calm("Too many requests came to nothing.");
  }

  // ---------------------------------------------------------------- leaving

  /** From now on the client should use another connection. */
  #leave(): void {
    if (this.#state !== "open" || this.#session.destroyed) return;
    this.#state = "leaving";
    this.#since = this.port.now;
    this.#carrier.write(SHUTDOWN_NOTICE);
  }

  /** The session will write no more. */
  #beginClosing(): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#state = "closing";
    this.#since = this.port.now;
    this.#stream.end();
    this.#stream.resume();
  }

  #onClose(): void {
    this.#state = "closed";
    this.port.closed(this);
    this.#session.destroy();
    this.#carrier.destroy();
  }

  sweep(now: number): void {
    const { timeouts } = this.port.settings;
    if (this.#stall.lasts(now, this.#stream.pending, timeouts.write)) {
      this.#socket.destroy();
      return;
    }
    if (this.#state === "closing") {
      if (now - this.#since >= LINGER_MS && this.#stream.pending === 0) this.#socket.destroy();
      return;
    }
    for (const stream of this.#streams) stream.sweep(now);
    if (this.#state === "leaving") {
      if (now - this.#since >= LEAVE_MS) this.#session.close();
    } else if (this.port.draining) {
      this.#leave();
    } else if (this.#streams.size === 0) {
      if (now - this.#since >= (this.#served === 0 ? timeouts.head : timeouts.keepAlive)) this.#leave();
    }
  }

  hold(): void {
    this.#stream.pause();
  }

  proceed(): void {
    this.#stream.resume();
  }

  drain(): void {
    this.#leave();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function ignoreError(): void {
  // `close` follows and does what there is to do.
}
