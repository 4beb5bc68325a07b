import { createServer, type Server, type Socket } from "node:net";

/** One request as it arrived, byte for byte. */
export interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  /** Raw field lines, in order. */
  readonly fields: readonly [name: string, value: string][];
  readonly body: Buffer;
  readonly connection: number;
}

/** What to do with a request: bytes to answer with, or full control of the socket. */
export type Answer = (request: RecordedRequest, socket: Socket) => string | Buffer | null;

/**
 * An origin that records every byte it gets and answers with exactly the bytes it is told. It parses leniently,
 * as a careless origin would: what such a one takes for a request must never be more than what the gateway logged.
 */
export class RecordingOrigin {
  readonly requests: RecordedRequest[] = [];
  /** All bytes, per connection, in order of arrival. */
  readonly bytes: Buffer[] = [];
  answer: Answer;
  /** Called with every new connection before anything is read. */
  onConnection: (socket: Socket, index: number) => void = () => {};
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answer: Answer) {
    this.answer = answer;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start(answer: Answer = () => ok("ok")): Promise<RecordingOrigin> {
    const origin = new RecordingOrigin(answer);
    await new Promise<void>((resolve) => origin.#server.listen(0, "127.0.0.1", resolve));
    return origin;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.bytes.length;
  }

  get open(): number {
    return this.#sockets.size;
  }

  /** All that has arrived on any connection. */
  get text(): string {
    return Buffer.concat(this.bytes).toString("latin1");
  }

  reset(): void {
    this.requests.length = 0;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    const index = this.bytes.length;
    this.bytes.push(Buffer.alloc(0));
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    this.onConnection(socket, index);
    let pending: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      this.bytes[index] = Buffer.concat([this.bytes[index] as Buffer, chunk]);
      pending = Buffer.concat([pending, chunk]);
      for (let taken = takeRequest(pending, index); taken !== null; taken = takeRequest(pending, index)) {
        pending = pending.subarray(taken.length);
        this.requests.push(taken.request);
        const answer = this.answer(taken.request, socket);
        if (answer !== null && !socket.destroyed) socket.write(answer);
      }
    });
  }
}

export function ok(body: string | Buffer, fields = ""): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n${fields}\r\n`, "latin1"),
    bytes,
  ]);
}

export function fieldsOf(request: RecordedRequest, name: string): string[] {
  return request.fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value);
}

function takeRequest(bytes: Buffer, connection: number): { request: RecordedRequest; length: number } | null {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [line = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const [method = "", target = ""] = line.split(" ");
  const fields = lines.map((text): [string, string] => {
    const colon = text.indexOf(":");
    return [text.slice(0, colon), text.slice(colon + 1).trim()];
  });
  const value = (name: string) => fields.find(([field]) => field.toLowerCase() === name)?.[1];
  const start = end + 4;
  if (/chunked/i.test(value("transfer-encoding") ?? "")) {
    const chunks = takeChunks(bytes, start);
    if (chunks === null) return null;
    return { request: { method, target, fields, body: chunks.body, connection }, length: chunks.end };
  }
  const size = Number(value("content-length") ?? 0);
  if (bytes.length < start + size) return null;
  const body = bytes.subarray(start, start + size);
  return { request: { method, target, fields, body, connection }, length: start + size };
}

function takeChunks(bytes: Buffer, start: number): { body: Buffer; end: number } | null {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const line = bytes.indexOf("\r\n", at);
    if (line < 0) return null;
    const size = Number.parseInt(bytes.toString("latin1", at, line), 16) || 0;
    if (size === 0) {
      const end = bytes.indexOf("\r\n\r\n", line);
      return end < 0 ? null : { body: Buffer.concat(parts), end: end + 4 };
    }
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
