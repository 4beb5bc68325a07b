/** One request on an HTTP/2 connection, and its answer. */
import { constants, type ServerHttp2Stream } from "node:http2";
import { type Body, type BodyReader, BytesBody } from "../../core/body.ts";
import type { Call, Exchange, Peer, Request } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import { Headers, Kind } from "../../core/headers.ts";
import type { Reply } from "../../core/reply.ts";
import type { Port, RequestSettings } from "../acceptor.ts";
import { giveBackMemory, holdChunk, releaseChunk } from "../chunk-memory.ts";
import { BodyPace, Stall } from "../deadlines.ts";
import { mayTrail } from "../http1/chunked.ts";
import { refuseRequest } from "../http1/head.ts";
import { type BodySource, MessageBody } from "../http1/message-body.ts";
import { type Http2RequestHead, type Pseudo, readPseudo, readRequestHead } from "./request-head.ts";
import { interimFields, responseFields, trailerFields } from "./response-fields.ts";

const { NGHTTP2_NO_ERROR } = constants;

/** The connection, as its streams see it. */
export interface StreamOwner {
  readonly peer: Peer;
  readonly port: Port;
  /** `answered`: whether the client got a whole answer. */
  ended(stream: ServerStream, answered: boolean): void;
}

/** The head of a request as `node:http2` delivers it. */
export interface ReceivedHead {
  /** Names and values in turn. */
  readonly raw: readonly string[];
  /** The head is all there is. */
  readonly whole: boolean;
  /** Fields were left out because they were malformed. */
  readonly mutilated: boolean;
}

export class ServerStream implements Exchange, BodySource, BodyReader {
  readonly #stream: ServerHttp2Stream;
  readonly #owner: StreamOwner;
  readonly #settings: RequestSettings;
  #call: Call | null = null;
  #body: MessageBody | null = null;
  #pace = new BodyPace();
  readonly #stall = new Stall();
  #continuePending = false;
  #replying = false;
  /** The body of the answer while it is flowing. */
  #reply: Body | null = null;
  #replyPaused = false;
  #trailers: Headers | null = null;
  /** The last byte of the answer has been handed over. */
  #answered = false;

  constructor(stream: ServerHttp2Stream, owner: StreamOwner) {
    this.#stream = stream;
    this.#owner = owner;
    this.#settings = owner.port.settings;
    stream.on("error", ignoreError);
    stream.on("drain", () => this.#onDrain());
    stream.on("finish", () => this.#onFinish());
    stream.on("close", () => this.#onClose());
  }

  start(received: ReceivedHead): void {
    const pseudo = readPseudo(received.raw);
    let request: Request;
    try {
      if (received.mutilated) throw refuseRequest("A header field contains a character that is not allowed.");
      const head = readRequestHead(received.raw, pseudo, this.#settings.limits);
      request = makeRequest(head, this.#openBody(head, received.whole), this.#owner.peer);
    } catch (error) {
      this.#refuse(pseudo, GatewayError.from(error));
      return;
    }
    const { acceptor } = this.#settings;
    const call = acceptor.open(request, this);
    this.#call = call;
    acceptor.accept(call);
  }

  #refuse(pseudo: Pseudo, error: GatewayError): void {
    const { acceptor } = this.#settings;
    this.#call = acceptor.open(unreadRequest(pseudo, this.#owner.peer), this);
    acceptor.refuse(this.#call, error);
  }

  #openBody(head: Http2RequestHead, whole: boolean): Body | null {
    const { contentLength } = head;
    if (whole) {
      if (contentLength > 0) throw refuseRequest("Content-Length promises a body that is not there.");
      return contentLength === 0 ? new BytesBody(EMPTY) : null;
    }
    const body = new MessageBody(this, contentLength < 0 ? undefined : contentLength, null);
    body.lastProgress = this.#owner.port.now;
    this.#body = body;
    this.#continuePending = head.expectContinue;
    const stream = this.#stream;
    stream.on("data", (chunk: Buffer) => this.#onData(body, chunk));
    stream.on("end", () => this.#onEnd(body));
    // Nothing is taken off the stream, and the client's window stays shut, until somebody reads.
    stream.pause();
    return body;
  }

  // ---------------------------------------------------------------- the request's body

  #onData(body: MessageBody, chunk: Buffer): void {
    body.lastProgress = this.#owner.port.now;
    if (body.push(chunk) !== null)
      this.#failBody(refuseRequest("The body is longer than Content-Length says."));
    else if (body.idle) this.#stream.pause();
  }

  #onEnd(body: MessageBody): void {
    // A stream that was reset ends as well; only END_STREAM is the end of a body.
    if (this.#stream.aborted || this.#stream.rstCode !== NGHTTP2_NO_ERROR) return;
    if (body.size !== undefined && body.received !== body.size)
      this.#failBody(refuseRequest("The body is shorter than Content-Length says."));
    else body.finish();
  }

  #failBody(error: GatewayError): void {
    const call = this.#call;
    this.#body?.fail(error);
    if (call !== null && call === this.#call && !this.#replying) this.#settings.acceptor.refuse(call, error);
  }

  bodyWanted(): void {
    // RFC 9110 §10.1.1: 100 only when the body is going to be read.
    if (this.#continuePending && this.#body?.received === 0 && this.#open) {
      this.#stream.additionalHeaders({ ":status": "100" });
    }
    this.#continuePending = false;
    this.bodyResumed();
  }

  bodyPaused(): void {
    this.#stream.pause();
  }

  bodyResumed(): void {
    if (this.#body !== null) this.#body.lastProgress = this.#owner.port.now;
    this.#stream.resume();
  }

  bodyCancelled(): void {
    // The answer that is coming ends the stream; until then the client's window stays as it is.
  }

  // ---------------------------------------------------------------- answering

  /** Something can still be sent. */
  get #open(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed && !this.#stream.headersSent;
  }

  interim(status: number, headers: Headers): void {
    if (!this.#replying && this.#open) this.#stream.additionalHeaders(interimFields(status, headers));
  }

  send(call: Call, reply: Reply): void {
    if (call !== this.#call || this.#replying || !this.#open) {
      reply.body?.cancel();
      return;
    }
    this.#replying = true;
    call.outcome.status = reply.status;
    const { body } = reply;
    const bytes = hasNoBody(call, reply) ? EMPTY : (body?.bytes ?? (body === null ? EMPTY : null));
    const fields = responseFields(call, reply, lengthOf(call, reply), this.#owner.port.date);
    if (bytes === null) {
      this.#stream.respond(fields, { waitForTrailers: takesTrailers(call) });
      this.#stream.on("wantTrailers", () =>
        this.#stream.sendTrailers(trailerFields(this.#trailers, mayTrail)),
      );
      this.#reply = body;
      body?.read(this);
      return;
    }
    this.#stream.respond(fields, { endStream: bytes.length === 0 });
    call.outcome.bytesOut = bytes.length;
    if (bytes.length > 0) this.#stream.end(bytes, this.#hold(bytes));
    if (bytes !== body?.bytes) body?.cancel();
    else if (body instanceof BytesBody && body.lent !== null) giveBackMemory(body.lent);
  }

  /** Keeps memory that was lent until it has been sent. */
  #hold(bytes: Buffer): (() => void) | undefined {
    const held = holdChunk(bytes);
    return held === null ? undefined : () => releaseChunk(held);
  }

  data(chunk: Buffer): void {
    const call = this.#call;
    if (call === null || this.#stream.destroyed) return;
    call.outcome.bytesOut += chunk.length;
    if (this.#stream.write(chunk, this.#hold(chunk)) || this.#replyPaused) return;
    this.#replyPaused = true;
    this.#reply?.pause();
  }

  end(trailers: Headers | null): void {
    this.#reply = null;
    this.#trailers = trailers;
    this.#stream.end();
  }

  /** HTTP-29: what is not whole must not end as if it were. */
  error(error: GatewayError): void {
    this.#reply = null;
    this.#call?.failed(error);
    if (this.#call !== null) this.#call.outcome.aborted = "upstream";
    this.#cutOff(error);
  }

  /** Not `close`, which sends END_STREAM before the reset: what is not whole would look whole. */
  #cutOff(error: GatewayError): void {
    this.#stream.destroy(error);
  }

  #onDrain(): void {
    if (!this.#replyPaused) return;
    this.#replyPaused = false;
    this.#reply?.resume();
  }

  // ---------------------------------------------------------------- the end

  #onFinish(): void {
    if (!this.#replying || this.#stream.rstCode !== NGHTTP2_NO_ERROR) return;
    this.#answered = true;
    // RFC 9113 §8.1: the answer is whole, and the rest of the request is not wanted.
    if (this.#body !== null && !this.#body.complete) this.#stream.close(NGHTTP2_NO_ERROR);
  }

  #onClose(): void {
    const call = this.#call;
    this.#call = null;
    this.#owner.ended(this, this.#answered);
    if (call === null) return;
    call.outcome.bytesIn = this.#body?.received ?? call.request.body?.size ?? 0;
    if (!this.#answered) {
      if (call.outcome.aborted === null) {
        call.outcome.aborted = "client";
        if (!this.#replying) call.outcome.status = 499;
      }
      this.#reply?.cancel();
      this.#body?.fail(new GatewayError("CLIENT_CLOSED"));
      call.abort();
    } else if (this.#body?.complete === false) {
      this.#body.fail(new GatewayError("CLIENT_CLOSED"));
    }
    call.end();
  }

  sweep(now: number): void {
    const { timeouts } = this.#settings;
    if (this.#body !== null && !this.#replying && this.#pace.late(this.#body, now, timeouts.body)) {
      this.#failBody(new GatewayError("REQUEST_TIMEOUT", { message: "The body did not arrive in time." }));
    } else if (this.#stall.lasts(now, this.#stream.writableLength, timeouts.write)) {
      this.#cutOff(new GatewayError("CLIENT_CLOSED"));
    }
  }
}

const EMPTY = Buffer.alloc(0);

function ignoreError(): void {
  // `close` follows and does what there is to do.
}

function makeRequest(head: Http2RequestHead, body: Body | null, peer: Peer): Request {
  const { method, target, host, headers } = head;
  return { method, target, path: "", query: "", host, version: "2", headers, body, upgrade: null, peer };
}

/** What stands for a request that could not be read: as much of it as can be trusted, for the log. */
function unreadRequest({ method, path }: Pseudo, peer: Peer): Request {
  const target = /^[\x21-\x7e]{1,8192}$/.test(path) ? path : "";
  return {
    method: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/.test(method) ? method : "",
    target,
    path: target,
    query: "",
    host: "",
    version: "2",
    headers: new Headers(),
    body: null,
    upgrade: null,
    peer,
  };
}

function hasNoBody(call: Call, reply: Reply): boolean {
  return call.request.method === "HEAD" || reply.status === 204 || reply.status === 304;
}

/** The Content-Length of an answer; -1 for none. HEAD and 304 may say how long the body would have been. */
function lengthOf(call: Call, reply: Reply): number {
  if (reply.status === 204) return -1;
  const size = reply.body?.bytes?.length ?? reply.body?.size;
  if (!hasNoBody(call, reply)) return reply.body === null ? 0 : (size ?? -1);
  if (size !== undefined && reply.status !== 304) return size;
  const declared = reply.headers.get("content-length");
  return declared !== undefined && /^[0-9]{1,15}$/.test(declared) ? Number(declared) : -1;
}

/** RFC 9110 §6.5.1: trailers only for a client that said it reads them; a gRPC client could not do without. */
function takesTrailers(call: Call): boolean {
  const { headers } = call.request;
  return (
    (headers.kinds & Kind.te) !== 0 || (headers.get("content-type") ?? "").startsWith("application/grpc")
  );
}
