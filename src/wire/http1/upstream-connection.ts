/**
 * One connection to an origin: writes requests, reads their answers in order.
 *
 * Every answer must be complete, and nothing may follow it, before the connection serves another call: a byte
 * too many closes it, because the next call would get it as (part of) its answer.
 */
import type { Socket } from "node:net";
import { type Body, BytesBody } from "../../core/body.ts";
import { type ErrorCode, GatewayError } from "../../core/errors.ts";
import type { Headers } from "../../core/headers.ts";
import { type ByteStream, openByteStream, type StreamOwner } from "../byte-stream.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { type HeadLimits, parseResponseHead, type ResponseHead, refuseResponse } from "./head.ts";
import { type BodySource, MessageBody } from "./message-body.ts";
import { RequestSender } from "./request-sender.ts";
import { writeTogether } from "./write.ts";

/** A request on its way to an origin, and who waits for the answer. */
export interface UpstreamExchange {
  /** The whole head as it goes out, with the empty line. */
  readonly head: string;
  readonly method: string;
  readonly body: Body | null;
  /** Sending it twice does no harm, and its body (if any) is still whole. */
  readonly replayable: boolean;
  /** May share a connection with others in flight. */
  readonly pipelinable: boolean;
  readonly wantsUpgrade: boolean;
  /** Nobody waits any more. */
  cancelled: boolean;
  /** How often it has been handed to a connection. */
  attempts: number;
  /** The one that carries it now. */
  connection: UpstreamConnection | null;
  onInterim(status: number, headers: Headers): void;
  onResponse(head: ResponseHead, body: Body | null): void;
  /** The origin agreed to upgrade: the socket is the receiver's now, with what came behind the head. */
  onUpgrade(head: ResponseHead, socket: Socket, early: Buffer): void;
  /** Called instead of `onResponse`. `unsent` says that no byte of the request has left on this connection. */
  onError(error: GatewayError, unsent: boolean): void;
  /** Whether it may be sent once more though a byte of it may have left: asked right before that. */
  mayRepeat(): boolean;
}

/** The pool, as its connections see it. Times are milliseconds. */
export interface ConnectionOwner {
  readonly now: number;
  readonly timeout: { readonly connect: number; readonly firstByte: number; readonly idle: number };
  readonly keepAlive: number;
  /** Nothing follows the head of an answer to HEAD. */
  readonly keepsToHead: boolean;
  /** Ready for another exchange. */
  released(connection: UpstreamConnection): void;
  /** Will never be ready again. */
  lost(connection: UpstreamConnection): void;
  /** The origin sent more than an answer: had it come a moment later, it would have been the next call's. */
  surplus(): void;
  /** An idle connection turned out to be dead: the exchange has another try coming. */
  again(exchange: UpstreamExchange): void;
}

const RESPONSE_LIMITS: HeadLimits = { uri: 0, headers: 16 * 1024, header: 8 * 1024, headerCount: 100 };
/** Interim answers to one request; nobody sends more in earnest. */
const MAX_INTERIM = 32;

export class UpstreamConnection implements BodySource, StreamOwner {
  readonly #socket: Socket;
  /** Null until connected. */
  #stream: ByteStream | null = null;
  readonly #owner: ConnectionOwner;
  readonly #inFlight: UpstreamExchange[] = [];
  #connected = false;
  #closed = false;
  #served = 0;
  /** Bytes of an answer's head that is not complete. */
  #input: Buffer | null = null;
  #head: ResponseHead | null = null;
  #body: MessageBody | null = null;
  #sender: RequestSender | null = null;
  #interims = 0;
  /** Bytes that the last exchange, if it is alone, has written. */
  #written = 0;
  #paused = false;
  /** When the current wait began. */
  #since: number;
  #keepAlive: number;
  #failure: GatewayError | null = null;

  constructor(socket: Socket, secure: boolean, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#since = owner.now;
    this.#keepAlive = owner.keepAlive;
    socket.on(secure ? "secureConnect" : "connect", () => this.#onConnect());
    socket.on("end", () => this.#onEnd());
    socket.on("error", (error) => {
      this.#failure ??= new GatewayError(this.#connected ? "UPSTREAM_DISCONNECTED" : "UPSTREAM_UNREACHABLE", {
        cause: error,
      });
    });
    socket.on("close", () => this.#onClose());
  }

  /** Of the other end; undefined until connected. */
  get address(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get depth(): number {
    return this.#inFlight.length;
  }

  get usable(): boolean {
    return !this.#closed && !this.#socket.destroyed && this.#socket.writable;
  }

  /** Another safe request may be sent behind those in flight. */
  get pipelines(): boolean {
    return this.usable && this.#connected && this.#inFlight.every((exchange) => exchange.pipelinable);
  }

  send(exchange: UpstreamExchange): void {
    exchange.attempts++;
    exchange.connection = this;
    this.#inFlight.push(exchange);
    if (this.#inFlight.length === 1) this.#since = this.#owner.now;
    if (this.#connected) this.#transmit(exchange);
  }

  #onConnect(): void {
    this.#connected = true;
    this.#stream = openByteStream(this.#socket, this);
    this.#since = this.#owner.now;
    for (const exchange of this.#inFlight) this.#transmit(exchange);
  }

  #transmit(exchange: UpstreamExchange): void {
    const { head, body } = exchange;
    const stream = this.#stream as ByteStream;
    this.#written = stream.unsent + head.length + (body?.bytes?.length ?? 0);
    if (body === null) {
      stream.write(head);
    } else if (body.bytes !== undefined) {
      writeTogether(stream, head, body.bytes);
    } else {
      this.#sender = new RequestSender(stream, head, body, (error) => this.#onSent(error));
      this.#sender.start();
    }
  }

  /** The request's body has ended, well or not. */
  #onSent(error: GatewayError | null): void {
    this.#since = this.#owner.now;
    if (error === null) return;
    // The origin must not take half a body for a whole one: no last chunk, no further byte.
    this.#failure = error;
    this.#discard();
    this.#failAll();
  }

  // ---------------------------------------------------------------- reading

  onDrain(): void {
    this.#sender?.drained();
  }

  onData(chunk: Buffer): void {
    let input: Buffer | null = chunk;
    try {
      while (input !== null && !this.#closed) input = this.#read(input);
    } catch (error) {
      this.#failure = GatewayError.from(error);
      this.#body?.fail(this.#failure);
      this.#discard();
      this.#failAll();
    }
  }

  /** Takes what it can use, returns what lies behind a complete answer. */
  #read(input: Buffer): Buffer | null {
    const exchange = this.#inFlight[0];
    if (exchange === undefined) {
      // Nothing was asked (RTY-11).
      this.#owner.surplus();
      this.#discard();
      return null;
    }
    const body = this.#body;
    if (body !== null) {
      body.lastProgress = this.#owner.now;
      const rest = body.push(input);
      if (body.complete) this.#completed(rest);
      else if (body.idle) this.bodyPaused();
      return rest;
    }
    return this.#readHead(exchange, this.#input === null ? input : Buffer.concat([this.#input, input]));
  }

  #readHead(exchange: UpstreamExchange, input: Buffer): Buffer | null {
    this.#input = null;
    const text = input.toString("latin1", 0, Math.min(input.length, MAX_HEAD_BYTES));
    const head = parseResponseHead(text, RESPONSE_LIMITS);
    if (head === null) {
      this.#input = input;
      return null;
    }
    const rest = input.length > head.end ? input.subarray(head.end) : null;
    if (head.status === 101) return this.#upgraded(exchange, head, rest);
    if (head.status < 200) {
      if (++this.#interims > MAX_INTERIM) throw refuseResponse("There are too many interim answers.");
      // RFC 9110 §15.2: HTTP/1.0 has none, and `close` (RFC 9112 §9.6) is said with the last answer, not before it.
      if (head.close) throw refuseResponse("An interim answer ends the connection.");
      // 100 answers an Expect that we never send on (HTTP-26).
      if (head.status !== 100 && !exchange.cancelled) exchange.onInterim(head.status, head.headers);
      return rest;
    }
    return this.#respond(exchange, head, rest);
  }

  #upgraded(exchange: UpstreamExchange, head: ResponseHead, rest: Buffer | null): null {
    if (!exchange.wantsUpgrade) throw refuseResponse("The upstream switched protocols without being asked.");
    this.#inFlight.shift();
    this.#closed = true;
    this.#stream?.release();
    this.#socket.removeAllListeners();
    this.#owner.lost(this);
    exchange.onUpgrade(head, this.#socket, rest ?? EMPTY);
    return null;
  }

  /** RFC 9112 §6.3: which bytes after the head are its body. */
  #respond(exchange: UpstreamExchange, head: ResponseHead, rest: Buffer | null): Buffer | null {
    this.#head = head;
    // A second before the origin does, so that no request meets a closing connection (HTTP-9).
    if (head.keepAlive >= 0)
      this.#keepAlive = Math.min(this.#owner.keepAlive, Math.max(0, head.keepAlive * 1000 - 1000));
    if (exchange.method === "HEAD" || head.status === 204 || head.status === 304) {
      // Some origins send a body all the same; it must not become the next answer (H-10).
      const mayFollow =
        exchange.method === "HEAD" ? !this.#owner.keepsToHead : head.chunked || head.contentLength > 0;
      if (mayFollow) head.close = true;
      this.#completed(rest);
      answer(exchange, head, null);
      return rest;
    }
    const size = head.contentLength;
    if (!head.chunked && size >= 0 && (rest?.length ?? 0) >= size) {
      const left = rest !== null && rest.length > size ? rest.subarray(size) : null;
      // Lent with its chunk, unless that holds more than this answer.
      const body = new BytesBody(rest === null ? EMPTY : rest.subarray(0, size), left === null ? rest : null);
      this.#completed(left);
      answer(exchange, head, body);
      return left;
    }
    return this.#streamBody(exchange, head, rest);
  }

  #streamBody(exchange: UpstreamExchange, head: ResponseHead, rest: Buffer | null): Buffer | null {
    const decoder = head.chunked ? new ChunkedDecoder(RESPONSE_LIMITS, refuseResponse, true) : null;
    const body = new MessageBody(
      this,
      head.contentLength >= 0 && !head.chunked ? head.contentLength : undefined,
      decoder,
    );
    body.lastProgress = this.#owner.now;
    // Until the caller has the answer, a body that breaks a rule is a 502 and not an answer cut short.
    this.#head = null;
    const left = rest === null ? null : body.push(rest);
    this.#head = head;
    this.#body = body;
    const whole = body.complete ? body.gathered() : null;
    if (body.complete) this.#completed(left);
    answer(exchange, head, whole === null ? body : new BytesBody(whole));
    return left;
  }

  /** An answer is whole. `rest` is what came behind it. */
  #completed(rest: Buffer | null): void {
    const exchange = this.#inFlight.shift();
    const head = this.#head;
    this.#head = null;
    this.#body = null;
    this.#interims = 0;
    this.#served++;
    this.#since = this.#owner.now;
    const unsent = this.#sender !== null && !this.#sender.done;
    this.#sender = null;
    // Answered before the request was whole (H-06): what would follow on this connection is undefined.
    if (unsent) exchange?.body?.cancel();
    const surplus = rest !== null && this.#inFlight.length === 0;
    if (surplus) this.#owner.surplus();
    if (unsent || surplus || head?.close !== false || !this.usable) {
      this.#discard();
      this.#failAll();
      return;
    }
    this.bodyResumed();
    this.#owner.released(this);
  }

  // ---------------------------------------------------------------- BodySource

  bodyWanted(): void {
    this.bodyResumed();
  }

  bodyPaused(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#stream?.pause();
  }

  bodyResumed(): void {
    if (this.#body !== null) this.#body.lastProgress = this.#owner.now;
    if (!this.#paused) return;
    this.#paused = false;
    this.#stream?.resume();
  }

  bodyCancelled(): void {
    // Reading an answer that nobody wants to its end could take for ever.
    this.#discard();
    this.#failAll();
  }

  // ---------------------------------------------------------------- ending

  /** Nobody waits for it any more. Returns whether a byte of it may have left. */
  cancel(exchange: UpstreamExchange): boolean {
    exchange.cancelled = true;
    if (!this.#inFlight.includes(exchange)) return false;
    const sent = this.#connected;
    this.#discard();
    this.#failAll();
    return sent;
  }

  #onEnd(): void {
    const body = this.#body;
    if (body !== null && body.size === undefined && this.#head?.chunked === false) {
      // RFC 9112 §6.3: the end of the connection was the end of the body, so no other call may have it.
      this.#head.close = true;
      body.finish();
      this.#completed(null);
      return;
    }
    this.#discard();
    this.#failAll();
  }

  #onClose(): void {
    this.#discard();
    this.#failAll();
  }

  #discard(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    this.#owner.lost(this);
  }

  /** Settles everything that is still in flight on a connection that is gone. */
  #failAll(): void {
    // Written in this very turn of the loop: not a byte of it has left.
    const untouched =
      this.#inFlight.length === 1 && this.#sender === null && this.#stream?.unsent === this.#written;
    const [first, ...others] = this.#inFlight.splice(0);
    const body = this.#body;
    this.#body = null;
    const sender = this.#sender;
    this.#sender = null;
    if (first !== undefined && untouched && this.#retries(first)) this.#owner.again(first);
    // Bytes sent behind it may have made the origin's kernel reset what it had answered.
    else if (first !== undefined) this.#failFirst(first, body, this.#served > 0 || others.length > 0);
    if (sender !== null && !sender.done) first?.body?.cancel();
    // Pipelined behind it and safe: none of them had an answer begun.
    for (const exchange of others) this.#retryOr(exchange, true, this.#failure);
  }

  #failFirst(exchange: UpstreamExchange, body: MessageBody | null, innocent: boolean): void {
    const error =
      this.#failure ?? new GatewayError(this.#connected ? "UPSTREAM_DISCONNECTED" : "UPSTREAM_UNREACHABLE");
    if (this.#head !== null) {
      body?.fail(error);
      return;
    }
    if (exchange.cancelled) return;
    if (!this.#connected) exchange.onError(error, true);
    else if (this.#input === null && this.#interims === 0 && error.code === "UPSTREAM_DISCONNECTED") {
      this.#retryOr(exchange, innocent, error);
    } else exchange.onError(error, false);
  }

  /**
   * RFC 9112 §9.3.1: a kept connection may have been closed by the origin while the request was on its way. What
   * can be repeated is, once, on a new connection; what cannot might have been processed, and the caller is told.
   */
  #retryOr(exchange: UpstreamExchange, innocent: boolean, error: GatewayError | null): void {
    if (exchange.cancelled) return;
    if (exchange.replayable && innocent && this.#retries(exchange) && exchange.mayRepeat())
      this.#owner.again(exchange);
    else exchange.onError(error ?? new GatewayError("UPSTREAM_DISCONNECTED"), false);
  }

  #retries(exchange: UpstreamExchange): boolean {
    return !exchange.cancelled && exchange.attempts < MAX_ATTEMPTS;
  }

  sweep(now: number): void {
    const waited = now - this.#since;
    const { timeout } = this.#owner;
    if (!this.#connected) {
      if (waited >= timeout.connect) this.#timeOut("UPSTREAM_CONNECT_TIMEOUT");
    } else if (this.#inFlight.length === 0) {
      if (waited >= this.#keepAlive) this.#discard();
    } else if (this.#body !== null) {
      if (this.#body.wanting && now - this.#body.lastProgress >= timeout.idle)
        this.#timeOut("UPSTREAM_TIMEOUT");
    } else if (this.#sender !== null && !this.#sender.done) {
      // The client may be slow, which is not the origin's fault; an origin that takes no byte is.
      if (this.#sender.stuck(now, timeout.idle)) this.#timeOut("UPSTREAM_TIMEOUT");
    } else if (waited + TICK_JITTER_MS >= timeout.firstByte) {
      this.#timeOut("UPSTREAM_TIMEOUT");
    }
  }

  #timeOut(code: ErrorCode): void {
    this.#failure = new GatewayError(code);
    this.#discard();
    this.#failAll();
  }

  destroy(): void {
    this.#discard();
    this.#failAll();
  }
}

const MAX_ATTEMPTS = 3;
/** A tick that comes a moment early is not to cost a client a whole further one. */
const TICK_JITTER_MS = 5;
const EMPTY = Buffer.alloc(0);
const MAX_HEAD_BYTES = RESPONSE_LIMITS.headers + 2048;

function answer(exchange: UpstreamExchange, head: ResponseHead, body: Body | null): void {
  if (exchange.cancelled) body?.cancel();
  else exchange.onResponse(head, body);
}
