import type { Body } from "./body.ts";
import type { Charge } from "./charge.ts";
import type { ErrorCode, GatewayError } from "./errors.ts";
import { Facts } from "./facts.ts";
import { Headers } from "./headers.ts";
import type { Principal } from "./principal.ts";
import type { Reply } from "./reply.ts";
import type { Route } from "./route.ts";
import type { ApiVersion } from "./version.ts";

/** The other end of a client's connection. */
export interface Peer {
  /** Textual IP address; IPv4-mapped IPv6 is written as IPv4. */
  readonly address: string;
  readonly port: number;
  readonly secure: boolean;
  /** The port of ours that it connected to. */
  readonly localPort: number;
}

export type HttpVersion = "1.0" | "1.1" | "2";

/** What the client asked, after the parser and before any decision. */
export interface Request {
  readonly method: string;
  /** The request target as received, in origin form. */
  readonly target: string;
  /** The path in the one normal form that decisions are taken on and that is forwarded. */
  path: string;
  /** `?` and what follows, byte for byte as received; empty if there was no `?`. */
  query: string;
  /** `Host`, lower-case, without a trailing dot; empty for HTTP/1.0 without one. */
  readonly host: string;
  /** Of the HTTP that it came by. */
  readonly version: HttpVersion;
  readonly headers: Headers;
  body: Body | null;
  /** Lower-case protocol of a well-formed `Upgrade` request; only `websocket` is known. */
  readonly upgrade: "websocket" | null;
  readonly peer: Peer;
}

/** How a call ended, for the log: filled by the wire and the backend as they learn it. */
export interface Outcome {
  /** Status on the wire; 499 where the client had gone. */
  status: number;
  /** Bytes of body written to the client, before framing. */
  bytesOut: number;
  bytesIn: number;
  /** Truncated or cancelled, and by whom. */
  aborted: "client" | "upstream" | null;
}

/** Work that can be given up. */
export interface Abortable {
  abort(): void;
}

/** The connection, as a call needs it. */
export interface Exchange {
  /** Forwards an interim (1xx) answer if this client can take it. */
  interim(status: number, headers: Headers): void;
  /** Sends the answer. Called once. */
  send(call: Call, reply: Reply): void;
}

/** One request on its way. A class with one hidden shape: every call has every field from the start. */
export class Call {
  readonly id: string;
  /** Milliseconds of the monotonic clock. */
  readonly startedAt: number;
  readonly request: Request;
  readonly exchange: Exchange;
  route: Route | null = null;
  params: Readonly<Record<string, string>> = NO_PARAMS;
  /** Client address after trusted proxies (FWD-3). */
  clientIp = "";
  /** `https` or `http` as the client used it (FWD-5). */
  scheme: "http" | "https" = "http";
  /** Host, and port if it was given, as the client wrote it in its URL: what links to ourselves begin with. */
  host = "";
  /** W3C trace id of this call: 32 hex digits. */
  traceId = "";
  /**
   * Field lines that tell an upstream who is calling and by which way (X-Forwarded-*, X-Request-Id, trace
   * context): made once by the flow, sent with every attempt, never copied from the client.
   */
  provenance = "";
  /** The version of the API that the call gets; null where there are no versions, or it asks for none that exists. */
  version: ApiVersion | null = null;
  /** The call itself named the version: nobody else is asked which one it should get. */
  versionNamed = false;
  /** What named it in the path, and was taken off: `/v1`. */
  versionPrefix = "";
  /** What named it in the query, and was taken off: `version=1`. */
  versionQuery = "";
  /** Why the call gets no answer in its version: thrown when the turn of that has come (ERR-18). */
  versionRefusal: GatewayError | null = null;
  /** The peer is a trusted proxy: what it says of the client is believed. */
  trusted = false;
  /** Who is calling; null while nobody has proved anything. */
  principal: Principal | null = null;
  /**
   * Value of `WWW-Authenticate` for whoever finds that a credential would have been needed after all: set by
   * policies that let a call without one pass.
   */
  challenge = "";
  /**
   * What is wrong with a credential that a policy could not read and left to those behind it; null where there is
   * none, or somebody has read it. Never passes to a backend, see `settled`.
   */
  unclaimed: ErrorCode | null = null;
  /** Refused, unless a policy behind the one that closed it allows it. Never passes to a backend, see `settled`. */
  closed = false;
  /** What rate limits have taken from the caller, outermost first; null where none has been asked. */
  charges: Charge[] | null = null;
  /** The id that the client sent, where ours replaced it. */
  clientRequestId = "";
  /** The target that was asked, and how often (1 = no repetition). */
  upstreamTarget = "";
  attempts = 0;
  /** Milliseconds from sending upstream to the head of the answer. */
  upstreamTime = 0;
  /**
   * An attempt may have reached a service: a byte of it has left. While false, what failed has done nothing and can be
   * repeated by anybody.
   */
  reached = false;
  /** An attempt that may have reached a service had no answer that says what it did; another one may have followed. */
  lost = false;
  /**
   * A policy holds the claim to this call's `Idempotency-Key`: a service that honours the key, which is passed on, may
   * get the call more than once.
   */
  keyed = false;
  /** For the log: what became of the key, of the cache, of the circuit; empty where none was asked. */
  idempotency = "";
  cache = "";
  circuit = "";
  errorCode: ErrorCode | null = null;
  /** For the log only. */
  errorCause: unknown = undefined;
  /** Kinds of fields (`Kind`) that a policy answers for: what the reply itself says in such a field is left out. */
  withheld = 0;
  readonly outcome: Outcome = { status: 0, bytesOut: 0, bytesIn: 0, aborted: null };
  #facts: Facts | null = null;
  #answer: Headers | null = null;
  #onEnd: ((call: Call) => void)[] | null = null;
  #onAbort: Abortable | null = null;
  #signal: AbortController | null = null;
  #gone = false;
  #held = 0;
  #over = false;

  constructor(id: string, startedAt: number, request: Request, exchange: Exchange) {
    this.id = id;
    this.startedAt = startedAt;
    this.request = request;
    this.exchange = exchange;
  }

  get facts(): Facts {
    this.#facts ??= new Facts();
    return this.#facts;
  }

  /** Fields for whatever answer leaves, errors included. */
  get answer(): Headers {
    this.#answer ??= new Headers();
    return this.#answer;
  }

  /** `answer`, without making one: null while nothing was set. */
  get answerIfAny(): Headers | null {
    return this.#answer;
  }

  /** True once the client is known to have gone. */
  get gone(): boolean {
    return this.#gone;
  }

  /** For libraries that want one; made on demand, because most calls never need it. */
  get signal(): AbortSignal {
    if (this.#signal === null) {
      this.#signal = new AbortController();
      if (this.#gone && this.#held === 0) this.#signal.abort();
    }
    return this.#signal.signal;
  }

  /** What must happen if the client goes away before the answer is complete. The backend's; one at a time. */
  onAbort(work: Abortable | null): void {
    this.#onAbort = work;
    if (this.#gone && this.#held === 0) work?.abort();
  }

  /** What must happen at the last byte, in order of registration. */
  onEnd(end: (call: Call) => void): void {
    if (this.#onEnd === null) this.#onEnd = [end];
    else this.#onEnd.push(end);
  }

  /**
   * From now on the work goes on when the client goes away (IDEM-14), until the returned function is called. The call
   * ends when both are over, so that whoever waits for the last one waits for this one too.
   */
  hold(): () => void {
    this.#held++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--this.#held > 0) return;
      if (this.#gone) this.#giveUp();
      if (this.#over) this.end();
    };
  }

  /** The wire says: the client has gone. */
  abort(): void {
    if (this.#gone) return;
    this.#gone = true;
    if (this.#held === 0) this.#giveUp();
  }

  #giveUp(): void {
    this.#signal?.abort();
    this.#onAbort?.abort();
  }

  /** The wire says: this exchange is over. */
  end(): void {
    this.#over = true;
    if (this.#held > 0) return;
    const ends = this.#onEnd;
    this.#onEnd = null;
    this.#onAbort = null;
    if (ends !== null) for (const end of ends) end(this);
  }

  /** Somebody has proved who is calling: everybody behind, and the upstream, is told. */
  identify(principal: Principal): void {
    this.principal = principal;
    this.unclaimed = null;
    this.provenance += principal.fields;
  }

  /** A call of the gateway's own in the name of this one: nobody waits for its answer, and no client can end it. */
  behind(startedAt: number, request: Request, exchange: Exchange): Call {
    const { id, route, params, clientIp, scheme, host, traceId, provenance } = this;
    const { version, versionNamed, versionPrefix, versionQuery } = this;
    const { trusted, principal, challenge, unclaimed, closed, charges } = this;
    const call = Object.assign(new Call(id, startedAt, request, exchange), {
      ...{ route, params, clientIp, scheme, host, traceId, provenance },
      ...{ version, versionNamed, versionPrefix, versionQuery },
      ...{ trusted, principal, challenge, unclaimed, closed, charges },
    });
    call.#facts = this.#facts;
    return call;
  }

  /** Remembers for the log why the gateway answered in a service's place. */
  failed(error: GatewayError): void {
    this.errorCode = error.code;
    this.errorCause = error.cause;
  }
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});
