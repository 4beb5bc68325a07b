/** What `node:http` (llhttp, strict) takes a stream of bytes for. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { MemorySocket } from "./memory-socket.ts";
import type { Fields, SeenRequest } from "./our-server.ts";

export interface NodeRequests {
  readonly messages: Message[];
  /** llhttp's code for the first thing that it refused. */
  refusal: string | null;
  readonly socket: MemorySocket;
}

interface Message {
  readonly message: IncomingMessage;
  readonly body: Buffer[];
}

const results = new WeakMap<Duplex, NodeRequests>();
const server = strictServer();

function strictServer(): Server {
  const made = createServer({ insecureHTTPParser: false, requireHostHeader: true, maxHeaderSize: 1 << 20 });
  made.maxHeadersCount = 0;
  // Nothing is ever answered: what is parsed next must not depend on it.
  for (const event of ["request", "checkContinue", "checkExpectation", "connect"]) {
    made.on(event, (message: IncomingMessage) => record(message));
  }
  made.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const result = results.get(socket);
    if (result !== undefined) result.refusal ??= error.code ?? error.message;
  });
  return made;
}

function record(message: IncomingMessage): void {
  const body: Buffer[] = [];
  message.on("error", () => {});
  message.on("data", (chunk: Buffer) => body.push(chunk));
  results.get(message.socket)?.messages.push({ message, body });
}

export function openNodeServer(): NodeRequests {
  const socket = new MemorySocket();
  const result: NodeRequests = { messages: [], refusal: null, socket };
  results.set(socket, result);
  server.emit("connection", socket);
  return result;
}

/** To be called when all bytes have arrived. */
export function seenByNode({ messages }: NodeRequests): SeenRequest[] {
  return messages.map(({ message, body }) => ({
    method: message.method ?? "",
    target: message.url ?? "",
    host: null,
    fields: pairs(message.rawHeaders),
    body: Buffer.concat(body).toString("latin1"),
    trailers: pairs(message.rawTrailers),
    complete: message.complete,
  }));
}

export function pairs(raw: readonly string[]): Fields {
  const fields: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2)
    fields.push([raw[i] as string, withoutOws(raw[i + 1] as string)]);
  return fields;
}

/** RFC 9110 §5.5: white space around a value is not part of it; llhttp leaves some. */
const withoutOws = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, "");
