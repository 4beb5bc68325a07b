/** Our `ServerConnection` on a socket in memory: what it takes a stream of bytes for. */
import { BytesBody } from "../../src/core/body.ts";
import { Call, type Request } from "../../src/core/call.ts";
import type { GatewayError } from "../../src/core/errors.ts";
import type { Headers } from "../../src/core/headers.ts";
import type { Acceptor, Port, RequestSettings } from "../../src/wire/acceptor.ts";
import { ServerConnection } from "../../src/wire/http1/server-connection.ts";
import { MemorySocket } from "./memory-socket.ts";

export type Fields = readonly (readonly [name: string, value: string])[];

/** A request that a parser took for one. The body may be the beginning of one only; latin1. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  /** As the server will route it; null where the parser does not say. */
  readonly host: string | null;
  readonly fields: Fields;
  body: string;
  trailers: Fields;
  complete: boolean;
}

export interface OurRequests {
  readonly requests: SeenRequest[];
  /** How the first thing that could not be accepted was answered: `400 MALFORMED_REQUEST`. */
  refusal: string | null;
  /** The methods of what was answered, in order. */
  readonly answered: string[];
  /** What must never happen, in words. */
  readonly mistakes: string[];
  readonly socket: MemorySocket;
}

/** `read` takes whole bodies and then answers; `early` answers at once and reads nothing (H-05). */
export type Manner = "read" | "early";

/** The defaults of the config. */
const LIMITS: RequestSettings["limits"] = {
  uri: 8 * 1024,
  headers: 16 * 1024,
  header: 8 * 1024,
  headerCount: 100,
  requestsPerConnection: 1000,
};

export function openOurServer(manner: Manner): OurRequests {
  const socket = new MemorySocket();
  const result: OurRequests = { requests: [], refusal: null, answered: [], mistakes: [], socket };
  const port: Port = {
    settings: {
      limits: LIMITS,
      timeouts: { head: 1e9, body: 1e9, keepAlive: 1e9, write: 1e9 },
      acceptor: new Recorder(manner, result),
    },
    now: 0,
    date: "Sun, 22 Nov 2026 12:00:00 GMT",
    draining: false,
    http2: false,
    startHttp2() {},
    closed() {},
  };
  new ServerConnection(socket.socket, PEER, port);
  return result;
}

const PEER = { address: "127.0.0.1", port: 1, localPort: 2, secure: false };

class Recorder implements Acceptor {
  readonly #manner: Manner;
  readonly #result: OurRequests;

  constructor(manner: Manner, result: OurRequests) {
    this.#manner = manner;
    this.#result = result;
  }

  open(request: Request, exchange: ConstructorParameters<typeof Call>[3]): Call {
    return new Call("req_fuzz", 0, request, exchange);
  }

  accept(call: Call): void {
    const { request } = call;
    const seen: SeenRequest = {
      method: request.method,
      target: request.target,
      host: request.host,
      fields: [...request.headers],
      body: "",
      trailers: [],
      complete: false,
    };
    const { requests, refusal, mistakes } = this.#result;
    if (refusal !== null) mistakes.push("a request was accepted after a refusal");
    requests.push(seen);
    if (this.#manner === "early") {
      request.body?.cancel();
      this.#answer(call, 200);
    } else if (request.body === null) {
      seen.complete = true;
      this.#answer(call, 200);
    } else {
      request.body.read({
        data: (chunk) => {
          seen.body += chunk.toString("latin1");
        },
        end: (trailers: Headers | null) => {
          seen.complete = true;
          seen.trailers = trailers === null ? [] : [...trailers];
          this.#answer(call, 200);
        },
        // The connection has it answered by `refuse`.
        error: () => {},
      });
    }
  }

  refuse(call: Call, error: GatewayError): void {
    const { mistakes } = this.#result;
    if (this.#result.refusal !== null) mistakes.push("a second refusal");
    if (error.code === "INTERNAL_ERROR") mistakes.push(`INTERNAL_ERROR: ${String(error.cause)}`);
    this.#result.refusal = `${error.status} ${error.code}`;
    this.#answer(call, error.status);
  }

  #answer(call: Call, status: number): void {
    this.#result.answered.push(call.request.method);
    call.exchange.send(call, { status, headers: call.answer, body: new BytesBody(Buffer.from("ok")) });
  }
}
