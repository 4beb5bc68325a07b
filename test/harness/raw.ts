import { connect, type Socket } from "node:net";

/** A client that sends exactly the bytes it is told. */
export class RawClient {
  readonly socket: Socket;
  /** Everything received so far. */
  received = Buffer.alloc(0);
  /** The other end has closed, cleanly (`fin`) or not (`reset`). */
  closed: "fin" | "reset" | null = null;
  #changed: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#notify();
    });
    socket.on("end", () => {
      this.closed ??= "fin";
      this.#notify();
    });
    socket.on("error", () => {
      this.closed = "reset";
      this.#notify();
    });
    socket.on("close", () => {
      this.closed ??= "fin";
      this.#notify();
    });
  }

  static async to(port: number, host = "127.0.0.1"): Promise<RawClient> {
    const socket = connect({ port, host, allowHalfOpen: true, noDelay: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  get text(): string {
    return this.received.toString("latin1");
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Each byte in a packet of its own. */
  async sendSlowly(bytes: string | Buffer): Promise<void> {
    for (const byte of typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes) {
      if (this.socket.destroyed) return;
      await new Promise<void>((resolve) => this.socket.write(Buffer.of(byte), () => resolve()));
    }
  }

  /** Half-close: no more requests, still reading. */
  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #notify(): void {
    for (const check of this.#changed.splice(0)) check();
  }

  /** Waits until `holds`; rejects after `timeout` ms with what was received. */
  async until(holds: () => boolean, timeout = 5_000): Promise<void> {
    const deadline = Date.now() + timeout;
    while (!holds()) {
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(`timed out; closed: ${this.closed}; received:\n${this.text.slice(0, 2000)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Waits for `count` complete responses (any framing but close-delimited) and returns them. */
  async responses(count: number, timeout = 5_000): Promise<RawResponse[]> {
    await this.until(() => parseResponses(this.received).length >= count, timeout);
    return parseResponses(this.received).slice(0, count);
  }

  async response(timeout = 5_000): Promise<RawResponse> {
    const [response] = await this.responses(1, timeout);
    if (response === undefined) throw new Error("unreachable");
    return response;
  }

  async untilClosed(timeout = 5_000): Promise<"fin" | "reset"> {
    await this.until(() => this.closed !== null, timeout);
    return this.closed ?? "fin";
  }
}

export interface RawResponse {
  readonly status: number;
  /** Lower-case names; repeated fields in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
  readonly trailers: string;
}

/** Complete final responses in order; 1xx are skipped. A response without framing counts once the rest is there. */
export function parseResponses(bytes: Buffer): RawResponse[] {
  const found: RawResponse[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) return found;
    const [line = "", ...fields] = rest.toString("latin1", 0, end).split("\r\n");
    const status = Number(line.split(" ")[1]);
    const headers = new Map<string, string[]>();
    for (const field of fields) {
      const colon = field.indexOf(":");
      const name = field.slice(0, colon).toLowerCase();
      headers.set(name, [...(headers.get(name) ?? []), field.slice(colon + 1).trim()]);
    }
    rest = rest.subarray(end + 4);
    if (status >= 100 && status < 200 && status !== 101) continue;
    const body = takeBody(status, headers, rest);
    if (body === null) return found;
    found.push({ status, headers, body: body.bytes, trailers: body.trailers });
    rest = rest.subarray(body.length);
  }
}

function takeBody(
  status: number,
  headers: ReadonlyMap<string, readonly string[]>,
  rest: Buffer,
): { bytes: Buffer; length: number; trailers: string } | null {
  if (headers.get("transfer-encoding")?.includes("chunked")) return takeChunked(rest);
  const length =
    status === 204 || status === 304 || status === 101 ? 0 : Number(headers.get("content-length")?.[0] ?? 0);
  if (rest.length < length) return null;
  return { bytes: rest.subarray(0, length), length, trailers: "" };
}

function takeChunked(rest: Buffer): { bytes: Buffer; length: number; trailers: string } | null {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = rest.indexOf("\r\n", at);
    if (line < 0) return null;
    const size = Number.parseInt(rest.toString("latin1", at, line), 16);
    if (Number.isNaN(size)) throw new Error("the response is not chunked as it says");
    at = line + 2;
    if (size === 0) {
      const end = rest.indexOf("\r\n\r\n", line);
      if (end < 0) return null;
      return { bytes: Buffer.concat(parts), length: end + 4, trailers: rest.toString("latin1", at, end) };
    }
    if (rest.length < at + size + 2) return null;
    parts.push(rest.subarray(at, at + size));
    at += size + 2;
  }
}
