/** What connections of every protocol share: who answers, by which rules, and what the port knows. */
import type { Socket } from "node:net";
import type { Call, Exchange, Request } from "../core/call.ts";
import type { GatewayError } from "../core/errors.ts";
import type { ClientTimeouts } from "../core/plan.ts";
import type { ByteStream } from "./byte-stream.ts";
import type { HeadLimits } from "./http1/head.ts";

/** Who decides what is answered. */
export interface Acceptor {
  /** Gives a request its call: id, time, trace. */
  open(request: Request, exchange: Exchange): Call;
  /** Answers it, now or later, with `call.exchange.send`. */
  accept(call: Call): void;
  /** Answers, before it returns, what could not be accepted as a request. */
  refuse(call: Call, error: GatewayError): void;
}

/** What one request goes by from its head to its last byte, whatever is configured meanwhile. */
export interface RequestSettings {
  readonly acceptor: Acceptor;
  readonly limits: HeadLimits & { readonly requestsPerConnection: number };
  readonly timeouts: ClientTimeouts;
}

/** The port, as its connections see it. */
export interface Port {
  /** For the next request. */
  readonly settings: RequestSettings;
  /** Milliseconds, monotonic, as of the last tick: exact enough for time-outs and free to read. */
  readonly now: number;
  /** The value of `Date` in this second. */
  readonly date: string;
  readonly draining: boolean;
  /** Whether a client may begin with the preface of HTTP/2 in plain text. */
  readonly http2: boolean;
  /** A connection turned out to speak HTTP/2: `early` is what was read of it. */
  startHttp2(connection: Connection, socket: Socket, stream: ByteStream, early: Buffer): void;
  closed(connection: Connection): void;
}

/** A client's connection, as its port sees it. */
export interface Connection {
  /** Between two requests: closing it now costs nobody an answer. */
  readonly idle: boolean;
  /** Reads nothing until `proceed`. */
  hold(): void;
  proceed(): void;
  /** Looks at every deadline; called every `SWEEP_MS`. */
  sweep(now: number): void;
  /** Draining has begun: an idle connection goes when it has been idle for a moment. */
  drain(): void;
  /** No time left: whatever is in flight ends here. */
  destroy(): void;
}

/** How often `sweep` is called. */
export const SWEEP_MS = 100;
