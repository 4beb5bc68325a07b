import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from "node:http2";

export interface Http2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  /** Of interim answers, in order. */
  readonly interim: readonly number[];
}

/** A maintained client: `node:http2`. */
export class Http2Client {
  readonly session: ClientHttp2Session;

  constructor(origin: string, options: Parameters<typeof connect>[1] = {}) {
    this.session = connect(origin, options);
    this.session.on("error", () => {});
  }

  open(path: string, headers: OutgoingHttpHeaders = {}, endStream = true): ClientHttp2Stream {
    const stream = this.session.request({ ":path": path, ...headers }, { endStream });
    stream.on("error", () => {});
    return stream;
  }

  /** Rejects with the code of the reset where there is no whole answer. */
  ask(path: string, headers: OutgoingHttpHeaders = {}, body?: string | Buffer): Promise<Http2Answer> {
    const stream = this.open(path, headers, body === undefined);
    if (body !== undefined) stream.end(body);
    return answerOf(stream);
  }

  close(): void {
    this.session.destroy();
  }
}

export function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const interim: number[] = [];
    let head: Record<string, string | string[] | undefined> = {};
    let trailers: Record<string, string | string[] | undefined> = {};
    let ended = false;
    stream.on("headers", (fields) => interim.push(Number(fields[":status"])));
    stream.on("continue", () => interim.push(100));
    stream.on("response", (fields) => {
      head = fields as typeof head;
    });
    stream.on("trailers", (fields) => {
      trailers = fields;
    });
    stream.on("data", (chunk: Buffer) => parts.push(chunk));
    stream.on("end", () => {
      ended = true;
    });
    stream.on("close", () => {
      if (!ended || head[":status"] === undefined) reject(new Error(`reset with ${stream.rstCode}`));
      else
        resolve({
          status: Number(head[":status"]),
          headers: head,
          body: Buffer.concat(parts).toString(),
          trailers,
          interim,
        });
    });
  });
}
