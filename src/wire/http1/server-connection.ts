/**
 * One client's connection: reads requests one after the other, writes their answers in the same order.
 *
 * States, and what a read means in each:
 *   head     between requests, or in the middle of a head
 *   busy     a call is in flight; bytes are its body, or (pipelined) the next request, which waits
 *   drain    the answer is out, the rest of a small body is read past so that the connection can be kept
 *   closing  our last answer is out; input is read past so that the client can read it (an RST would lose it)
 *   tunnel   upgraded; the socket belongs to somebody else
 *   closed   gone, or handed over to HTTP/2
 */
import type { Socket } from "node:net";
import { type Body, BytesBody } from "../../core/body.ts";
import type { Call, Exchange, Peer, Request } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import { Headers } from "../../core/headers.ts";
import type { Reply, Tunnel } from "../../core/reply.ts";
import type { Connection, Port, RequestSettings } from "../acceptor.ts";
import { type ByteStream, openByteStream, type StreamOwner } from "../byte-stream.ts";
import { giveBackMemory } from "../chunk-memory.ts";
import { BodyPace, Stall } from "../deadlines.ts";
import { PREFACE } from "../http2/frame-meter.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { CR } from "./grammar.ts";
import { parseRequestHead, type RequestHead, refuseRequest } from "./head.ts";
import { type BodySource, MessageBody } from "./message-body.ts";
import { PROBE_MS, PROBES, ReplyStream } from "./reply-stream.ts";
import { interimHead, type ResponseFraming, responseHead } from "./response-head.ts";
import { type HostMemory, resolveTarget } from "./target.ts";
import { asksForWebSocket } from "./websocket-handshake.ts";
import { writeTogether } from "./write.ts";

type State = "head" | "busy" | "drain" | "closing" | "tunnel" | "closed";

/** What may be read past to keep a connection; more than that and closing is cheaper. */
const DRAIN_BYTES = 64 * 1024;
/** Pipelined requests that wait; then the socket is paused. */
const WAITING_BYTES = 64 * 1024;
/** How long a client may take to read our last answer. */
const LINGER_MS = 2_000;
/** RFC 9112 §9.6: how long an idle connection stays after we began to drain, for a request already on its way. */
const DRAIN_IDLE_MS = 1_000;

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

export class ServerConnection implements Connection, Exchange, BodySource, StreamOwner {
  readonly peer: Peer;
  readonly #socket: Socket;
  readonly #stream: ByteStream;
  readonly #port: Port;
  /** What the request in flight, or in the middle of its head, goes by. */
  #settings: RequestSettings;
  readonly #hosts: HostMemory = { field: "", host: "" };
  #state: State = "head";
  /** Bytes read and not yet understood. */
  #input: Buffer | null = null;
  #processing = false;
  /** The client is slow to take the last answer: it gets no other before it has. */
  #clogged = false;
  #call: Call | null = null;
  #head: RequestHead | null = null;
  /** The request's body while it is arriving. */
  #body: MessageBody | null = null;
  #reply: ReplyStream | null = null;
  #tunnel: Tunnel | null = null;
  #continuePending = false;
  #closeAfter = false;
  #requests = 0;
  /** The client has sent FIN: it will ask nothing more, but may still be reading. */
  #ended = false;
  #paused = false;
  /** When the current state, or the wait within it, began. */
  #since: number;
  #bodyPace = new BodyPace();
  readonly #stall = new Stall();
  #probes = 0;

  constructor(socket: Socket, peer: Peer, port: Port) {
    this.#socket = socket;
    this.#port = port;
    this.#settings = port.settings;
    this.peer = peer;
    this.#since = port.now;
    this.#stream = openByteStream(socket, this);
    socket.on("end", () => this.#onEnd());
    socket.on("error", ignoreError);
    socket.on("close", () => this.#onClose());
  }

  /** Between two requests: closing it now costs nobody an answer. */
  get idle(): boolean {
    return this.#state === "head" && this.#input === null && this.#stream.pending === 0;
  }

  /** A client that speaks plain text to a TLS port: is told so, whatever it asks. */
  refusePlainText(said: Buffer): void {
    this.#refuse(said.toString("latin1"), new GatewayError("HTTPS_REQUIRED"));
  }

  /** There is no room for this client: says so, and closes. */
  turnAway(): void {
    this.#refuse("", new GatewayError("OVERLOADED", { headers: { "Retry-After": "1" } }));
  }

  // ---------------------------------------------------------------- reading

  onData(chunk: Buffer): void {
    switch (this.#state) {
      case "head":
        if (this.#input === null) this.#since = this.#port.now;
        this.#input = this.#input === null ? chunk : Buffer.concat([this.#input, chunk]);
        // A head is complete only with a line end: until one comes there is nothing new to see.
        if (this.#input === chunk || chunk.includes(0x0a) || this.#input.length > MAX_FIRST_LINE)
          this.#process();
        return;
      case "busy":
      case "drain":
        this.#onBodyData(chunk);
        return;
      default:
        return;
    }
  }

  onDrain(): void {
    this.#reply?.drained();
    if (!this.#clogged) return;
    this.#clogged = false;
    if (this.#state !== "head") return;
    this.#since = this.#port.now;
    this.#resume();
    this.#process();
  }

  #onBodyData(chunk: Buffer): void {
    let rest: Buffer | null = chunk;
    if (this.#body !== null && !this.#body.complete) {
      this.#body.lastProgress = this.#port.now;
      try {
        rest = this.#body.push(chunk);
      } catch (error) {
        this.#failBody(GatewayError.from(error));
        return;
      }
      // Nobody reads: what the client sends from now on stays in the kernel.
      if (this.#body?.idle) this.#pause();
    }
    if (rest !== null) this.#wait(rest);
    if (this.#state === "drain" && this.#body?.complete) this.#next();
    // Answered in the moment the body ended: what came behind it is the next request, and its turn is now.
    else if (this.#state === "head" && this.#input !== null) this.#process();
  }

  /** Keeps the bytes of pipelined requests for when their turn comes. */
  #wait(bytes: Buffer): void {
    this.#input = this.#input === null ? bytes : Buffer.concat([this.#input, bytes]);
    if (this.#input.length > WAITING_BYTES) this.#pause();
  }

  #process(): void {
    if (this.#processing) return;
    this.#processing = true;
    while (this.#state === "head" && !this.#clogged && this.#input !== null && this.#readHead(this.#input));
    this.#processing = false;
    if (this.#ended) this.#giveUpHalves();
  }

  /** False while more bytes are needed. */
  #readHead(input: Buffer): boolean {
    if (this.#requests === 0 && input[1] === LETTER_R && this.#beginsHttp2(input)) return false;
    this.#settings = this.#port.settings;
    const { limits } = this.#settings;
    const text = input.toString(
      "latin1",
      0,
      Math.min(input.length, limits.uri + limits.headers + MAX_FIRST_LINE),
    );
    let head: RequestHead | null;
    try {
      head = parseRequestHead(text, limits);
    } catch (error) {
      this.#refuse(text, GatewayError.from(error));
      return false;
    }
    if (head === null) return false;
    this.#start(head, input);
    return true;
  }

  /**
   * Prior knowledge (RFC 9113 §3.3): the preface looks like the head of a request with the method PRI. Over TLS it is
   * ALPN that decides.
   */
  #beginsHttp2(input: Buffer): boolean {
    if (!this.#port.http2 || this.peer.secure) return false;
    const size = Math.min(input.length, PREFACE.length);
    if (input.compare(PREFACE, 0, size, 0, size) !== 0) return false;
    if (size < PREFACE.length) return true;
    this.#state = "closed";
    this.#input = null;
    this.#port.startHttp2(this, this.#socket, this.#stream, input);
    return true;
  }

  #start(head: RequestHead, input: Buffer): void {
    this.#head = head;
    this.#state = "busy";
    this.#requests++;
    // After CONNECT a client takes what follows for its tunnel; it must not be read as requests.
    this.#closeAfter =
      head.close ||
      head.method === "CONNECT" ||
      this.#requests >= this.#settings.limits.requestsPerConnection;
    let request: Request;
    try {
      const { target, host } = resolveTarget(head, this.#hosts);
      const upgrade = asksForWebSocket(head) ? "websocket" : null;
      // What follows is meant for the tunnel; if there is none it must not be read as requests (N-04).
      if (upgrade !== null) this.#closeAfter = true;
      const body = this.#openBody(head, input);
      request = makeRequest(head, target, host, body, upgrade, this.peer);
    } catch (error) {
      this.#input = null;
      this.#refuseHead(head, GatewayError.from(error));
      return;
    }
    const { acceptor } = this.#settings;
    const call = acceptor.open(request, this);
    this.#call = call;
    acceptor.accept(call);
  }

  /** What follows the head in `input` is body, then the next request. */
  #openBody(head: RequestHead, input: Buffer): Body | null {
    this.#body = null;
    const rest = input.length > head.end ? input.subarray(head.end) : null;
    this.#input = rest;
    if (head.chunked) return this.#openStream(undefined, rest);
    if (head.contentLength < 0) return null;
    const size = head.contentLength;
    if ((rest?.length ?? 0) < size) return this.#openStream(size, rest);
    const bytes = rest === null ? EMPTY : rest.subarray(0, size);
    this.#input = rest !== null && rest.length > size ? rest.subarray(size) : null;
    return new BytesBody(bytes);
  }

  #openStream(size: number | undefined, rest: Buffer | null): Body {
    const head = this.#head as RequestHead;
    const decoder = head.chunked ? new ChunkedDecoder(this.#settings.limits, refuseRequest, false) : null;
    const body = new MessageBody(this, size, decoder);
    body.lastProgress = this.#port.now;
    this.#bodyPace = new BodyPace();
    this.#body = body;
    this.#continuePending = head.expectContinue;
    this.#input = rest === null ? null : body.push(rest);
    return body;
  }

  #refuse(text: string, error: GatewayError): void {
    this.#input = null;
    this.#state = "busy";
    this.#closeAfter = true;
    // As much of the request line as can be trusted, for the log.
    const line = /^(?:\r\n)?([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32})(?: ([\x21-\x7e]{1,8192}))?/.exec(text);
    const request = makeRequest(null, line?.[2] ?? "", "", null, null, this.peer, line?.[1] ?? "");
    // The log shows what was asked, as far as it could be read.
    request.path = request.target;
    this.#call = this.#settings.acceptor.open(request, this);
    this.#settings.acceptor.refuse(this.#call, error);
  }

  #refuseHead(head: RequestHead, error: GatewayError): void {
    this.#closeAfter = true;
    const request = makeRequest(head, head.target, "", null, null, this.peer);
    this.#call = this.#settings.acceptor.open(request, this);
    this.#settings.acceptor.refuse(this.#call, error);
  }

  /** The body broke a rule or its time: its reader is told, and nothing behind it is a request. */
  #failBody(error: GatewayError): void {
    this.#closeAfter = true;
    if (this.#state === "drain") {
      this.#socket.destroy();
      return;
    }
    const call = this.#call;
    this.#body?.fail(error);
    if (call !== null && call === this.#call && !this.#replying) this.#settings.acceptor.refuse(call, error);
  }

  // ---------------------------------------------------------------- BodySource

  bodyWanted(): void {
    if (this.#body !== null) this.#body.lastProgress = this.#port.now;
    // RFC 9110 §10.1.1: 100 only when the body is going to be read.
    if (this.#continuePending) {
      this.#continuePending = false;
      if (this.#body?.received === 0) this.#stream.write(CONTINUE);
    }
    this.#resume();
  }

  bodyPaused(): void {
    this.#pause();
  }

  bodyResumed(): void {
    if (this.#body !== null) this.#body.lastProgress = this.#port.now;
    this.#resume();
  }

  bodyCancelled(): void {
    // Read past it, so that a client that writes first and reads later gets to the answer.
    this.#resume();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#stream.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#stream.resume();
  }

  // ---------------------------------------------------------------- answering

  #replying = false;

  interim(status: number, headers: Headers): void {
    if (this.#state !== "busy" || this.#replying || this.#head?.minor === 0) return;
    this.#stream.write(interimHead(status, headers));
  }

  send(call: Call, reply: Reply): void {
    if (call !== this.#call || this.#state !== "busy" || this.#replying) {
      reply.body?.cancel();
      return;
    }
    this.#replying = true;
    call.outcome.status = reply.status;
    const { tunnel } = reply;
    if (tunnel !== undefined) {
      this.#openTunnel(call, { ...reply, tunnel });
      return;
    }
    const framing = this.#frame(call, reply);
    const head = responseHead(call, reply, framing, this.#port.date);
    const body = reply.body;
    if (body === null || hasNoBody(call, reply)) {
      body?.cancel();
      this.#clogged = !this.#stream.write(head);
      this.#finish();
    } else if (body.bytes !== undefined) {
      call.outcome.bytesOut = body.bytes.length;
      this.#clogged = !writeTogether(this.#stream, head, body.bytes);
      if (body instanceof BytesBody && body.lent !== null) giveBackMemory(body.lent);
      this.#finish();
    } else {
      this.#streamBody(call, body, head, framing.length === "chunked");
    }
  }

  #frame(call: Call, reply: Reply): ResponseFraming {
    const { version } = call.request;
    let close = this.#closeAfter || this.#port.draining || this.#leavesUnreadBody();
    const size = reply.body?.bytes?.length ?? reply.body?.size;
    let length: ResponseFraming["length"];
    if (hasNoBody(call, reply)) length = reply.status === 204 ? null : declaredLength(reply);
    else if (reply.body === null) length = 0;
    else if (size !== undefined) length = size;
    else if (version === "1.1") length = "chunked";
    else {
      // RFC 9112 §6.3: to an HTTP/1.0 client the end of the connection is the end of the body.
      length = null;
      close = true;
    }
    this.#closeAfter = close;
    return { length, connection: close ? "close" : version === "1.0" ? "keep-alive" : null };
  }

  /** Whether so much of the request is unread that the connection cannot be kept (H-05). */
  #leavesUnreadBody(): boolean {
    const body = this.#body;
    if (body === null || body.complete) return false;
    // A client that waits for 100 may skip its body or send it: what comes next cannot be told apart.
    if (this.#continuePending || body.size === undefined) return true;
    return body.size - body.received > DRAIN_BYTES;
  }

  #streamBody(call: Call, body: Body, head: string, chunked: boolean): void {
    this.#reply = new ReplyStream(this.#stream, call, body, head, chunked, (failed) =>
      this.#streamEnded(failed),
    );
    this.#reply.start();
  }

  #streamEnded(failed: boolean): void {
    this.#clogged = this.#reply?.clogged ?? false;
    this.#reply = null;
    if (failed) {
      // RFC 9112 §8: never a clean end for a message that is not whole.
      if (this.#call !== null) this.#call.outcome.aborted = "upstream";
      this.#stream.reset();
      return;
    }
    this.#finish();
  }

  #finish(): void {
    const call = this.#call;
    const body = this.#body;
    this.#call = null;
    this.#replying = false;
    if (call !== null) {
      call.outcome.bytesIn = body?.received ?? call.request.body?.size ?? 0;
      call.end();
    }
    if (this.#state === "closed") return;
    if (this.#closeAfter) {
      this.#beginClosing();
    } else if (body !== null && !body.complete) {
      this.#state = "drain";
      this.#head = null;
      this.#since = this.#port.now;
      body.cancel();
      this.#resume();
      if (this.#ended) this.#giveUpHalves();
    } else {
      this.#next();
    }
  }

  /** Ready for the next request, which may have been waiting. */
  #next(): void {
    this.#state = "head";
    this.#body = null;
    this.#head = null;
    this.#since = this.#port.now;
    if (this.#input === null && (this.#ended || this.#port.draining)) {
      this.#beginClosing();
      return;
    }
    if (this.#clogged) {
      // Answers to pipelined requests must not pile up for a client that reads none (HTTP-31).
      this.#pause();
      return;
    }
    this.#resume();
    if (this.#input !== null) this.#process();
  }

  /** RFC 9112 §9.6: close our side, read on for a while, then let go. */
  #beginClosing(): void {
    this.#state = "closing";
    this.#since = this.#port.now;
    this.#input = null;
    this.#body?.cancel();
    this.#stream.end();
    if (this.#ended) this.#socket.destroySoon();
    else this.#resume();
  }

  #openTunnel(call: Call, reply: Reply & Required<Pick<Reply, "tunnel">>): void {
    const early = this.#input ?? EMPTY;
    this.#input = null;
    this.#state = "tunnel";
    this.#stream.write(responseHead(call, reply, { length: null, connection: "upgrade" }, this.#port.date));
    this.#stream.release();
    this.#socket.removeAllListeners("end");
    this.#paused = false;
    this.#tunnel = reply.tunnel(this.#socket, early, (bytesIn, bytesOut) => {
      call.outcome.bytesIn = bytesIn;
      call.outcome.bytesOut = bytesOut;
      this.#call = null;
      call.end();
    });
  }

  // ---------------------------------------------------------------- the client goes, the clock ticks

  #onEnd(): void {
    if (this.#state === "closed") return;
    this.#ended = true;
    if (this.#state === "closing") {
      this.#socket.destroySoon();
    } else if (this.#state === "head") {
      this.#stream.end();
    } else {
      this.#since = this.#port.now;
      this.#probes = 0;
      this.#giveUpHalves();
    }
  }

  /** RFC 9112 §8: after FIN the other half of a message cannot come. What was answered before still goes out. */
  #giveUpHalves(): void {
    if (this.#state === "drain" || (this.#state === "head" && !this.#clogged)) {
      this.#beginClosing();
    } else if (this.#state === "busy" && this.#body !== null && !this.#body.complete) {
      this.#stream.end();
      this.#socket.destroySoon();
    }
  }

  #onClose(): void {
    const tunnelled = this.#state === "tunnel";
    this.#state = "closed";
    this.#port.closed(this);
    const call = this.#call;
    if (call === null || tunnelled) return;
    this.#call = null;
    if (call.outcome.aborted === null) {
      call.outcome.aborted = "client";
      if (!this.#replying) call.outcome.status = 499;
    }
    call.outcome.bytesIn = this.#body?.received ?? call.request.body?.size ?? 0;
    this.#reply?.abandon();
    this.#body?.fail(new GatewayError("CLIENT_CLOSED"));
    call.abort();
    call.end();
  }

  /** Looks at every deadline; called a few times a second. */
  sweep(now: number): void {
    if (this.#state === "head") this.#settings = this.#port.settings;
    const { timeouts } = this.#settings;
    const waited = now - this.#since;
    switch (this.#state) {
      case "head":
        if (this.#clogged) {
          if (this.#writeStuck(now)) this.#socket.destroy();
        } else if (this.#input !== null) {
          if (waited >= timeouts.head) this.#giveUpHead(this.#input);
        } else if (waited >= (this.#requests === 0 ? timeouts.head : timeouts.keepAlive)) {
          this.#beginClosing();
        } else if (this.#port.draining && waited >= DRAIN_IDLE_MS) {
          this.#beginClosing();
        }
        return;
      case "busy":
        this.#sweepBusy(now);
        return;
      case "drain":
        if (waited >= timeouts.body) this.#socket.destroy();
        return;
      case "tunnel":
        this.#tunnel?.sweep(now);
        return;
      case "closing":
        if (waited >= LINGER_MS && this.#stream.pending === 0) this.#socket.destroy();
        else if (this.#writeStuck(now)) this.#socket.destroy();
        return;
    }
  }

  #giveUpHead(input: Buffer): void {
    // An empty line behind a body is nobody's request: a 408 would be taken for the answer to the next one.
    if (input.length <= 2 && input[0] === CR) this.#beginClosing();
    else this.#refuse("", new GatewayError("REQUEST_TIMEOUT"));
  }

  #sweepBusy(now: number): void {
    const body = this.#body;
    if (body !== null && this.#bodyPace.late(body, now, this.#settings.timeouts.body)) {
      this.#failBody(new GatewayError("REQUEST_TIMEOUT", { message: "The body did not arrive in time." }));
      return;
    }
    if (this.#writeStuck(now)) this.#socket.destroy();
    else if (this.#ended && !this.#socket.destroyed) this.#probe(now);
  }

  /** Bytes are waiting for the client and the kernel has taken none of them for too long. */
  #writeStuck(now: number): boolean {
    return this.#stall.lasts(now, this.#stream.pending, this.#settings.timeouts.write);
  }

  /**
   * A client that sent FIN may be half-closed and reading, or gone; TCP shows the difference only when we write.
   * An interim 100, which every HTTP/1.1 client must be able to skip, makes the kernel of one that is gone reset;
   * in a chunked answer a zero does, before the size of the next chunk. Elsewhere the next bytes will show it.
   */
  #probe(now: number): void {
    if (now - this.#since < PROBE_MS) return;
    if (this.#replying) {
      // An answer that flows finds out by itself.
      if (this.#stream.pending === 0) this.#reply?.probe(now);
      return;
    }
    if (this.#probes >= PROBES || this.#head?.minor === 0) return;
    this.#probes++;
    this.#since = now;
    this.#stream.write(CONTINUE);
  }

  /** Reads nothing until `proceed`. */
  hold(): void {
    this.#pause();
  }

  proceed(): void {
    this.#resume();
  }

  /** No time left: whatever is in flight ends here. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Draining has begun: an idle connection goes when it has been idle for a moment. */
  drain(): void {
    this.#tunnel?.drain();
    if (this.idle && this.#port.now - this.#since >= DRAIN_IDLE_MS) this.#beginClosing();
  }
}

/** Room for method, version and line end beside the target. */
const MAX_FIRST_LINE = 64;
const EMPTY = Buffer.alloc(0);
/** The second byte of `PRI`; no method of HTTP/1.1 that is known here has it there. */
const LETTER_R = 0x52;

function ignoreError(): void {
  // `close` follows and does what there is to do.
}

function makeRequest(
  head: RequestHead | null,
  target: string,
  host: string,
  body: Body | null,
  upgrade: "websocket" | null,
  peer: Peer,
  method = head?.method ?? "",
): Request {
  return {
    method,
    target,
    path: "",
    query: "",
    host,
    version: head?.minor === 0 ? "1.0" : "1.1",
    headers: head?.headers ?? new Headers(),
    body,
    upgrade,
    peer,
  };
}

/** RFC 9110 §6.4.1. */
function hasNoBody(call: Call, reply: Reply): boolean {
  return call.request.method === "HEAD" || reply.status === 204 || reply.status === 304;
}

/** The Content-Length that a HEAD or 304 answer may carry: that of the body that was not sent. */
function declaredLength(reply: Reply): number | null {
  const size = reply.body?.bytes?.length ?? reply.body?.size;
  if (size !== undefined && reply.status !== 304) return size;
  const declared = reply.headers.get("content-length");
  return declared !== undefined && /^[0-9]{1,15}$/.test(declared) ? Number(declared) : null;
}
