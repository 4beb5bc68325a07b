/** What `node:http`'s client (llhttp, strict) takes a stream of bytes for, as answers. */
import { type IncomingMessage, type InformationEvent, request } from "node:http";
import { MemorySocket, settled } from "./memory-socket.ts";
import { pairs } from "./node-server.ts";
import { interim, type SeenResponse } from "./our-client.ts";

/** One request on a connection of its own, answered with the bytes. */
interface Question {
  readonly socket: MemorySocket;
  readonly interims: string[];
  readonly body: Buffer[];
  response: IncomingMessage | null;
  upgraded: boolean;
  error: string | null;
  /** Whether the client would ask again on the connection. */
  keepsAlive(): boolean;
}

/**
 * The answers to requests of these methods, one after the other. Node does not pipeline, so every request gets a
 * connection of its own, which is fed byte by byte until its answer is complete: what is left is for the next.
 */
export async function readByNode(
  bytes: string,
  methods: readonly string[],
): Promise<{ responses: SeenResponse[]; error: string | null }> {
  const responses: SeenResponse[] = [];
  let from = 0;
  for (const method of methods) {
    const question = ask(method);
    await settled();
    from = feed(question, bytes, from);
    question.socket.finish();
    await settled();
    await settled();
    const { response } = question;
    if (response !== null) responses.push(seen(question, response));
    question.socket.destroy();
    if (response === null || !response.complete || !staysOpen(question, response, method)) {
      return { responses, error: question.error };
    }
  }
  return { responses, error: null };
}

/**
 * Node also gives up a connection after an answer to HEAD without a length, because the same answer to GET would end
 * with the connection. RFC 9112 §6.3 has it end with its head, and so has llhttp: what follows is the next answer.
 */
function staysOpen(question: Question, response: IncomingMessage, method: string): boolean {
  if (question.keepsAlive()) return true;
  if (method !== "HEAD" || response.httpVersion !== "1.1") return false;
  const options = `${response.headers.connection ?? ""},${response.headers["proxy-connection"] ?? ""}`;
  return !/(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(options);
}

function ask(method: string): Question {
  const socket = new MemorySocket();
  const asked = request({
    method,
    host: "a",
    headers: { Connection: "keep-alive" },
    createConnection: () => socket,
    insecureHTTPParser: false,
    maxHeaderSize: 1 << 20,
  });
  asked.maxHeadersCount = 0;
  const question: Question = {
    socket,
    interims: [],
    body: [],
    response: null,
    upgraded: false,
    error: null,
    keepsAlive: () => asked.shouldKeepAlive,
  };
  asked.on("information", ({ statusCode, rawHeaders }: InformationEvent) => {
    if (statusCode !== 100) question.interims.push(interim(statusCode, pairs(rawHeaders)));
  });
  asked.on("response", (response) => {
    question.response = response;
    response.on("data", (chunk: Buffer) => question.body.push(chunk));
    response.on("error", () => {});
  });
  asked.on("upgrade", () => {
    question.upgraded = true;
  });
  asked.on("error", (error: NodeJS.ErrnoException) => {
    question.error ??= error.code ?? error.message;
  });
  asked.end();
  return question;
}

/** Returns how far it got. */
function feed(question: Question, bytes: string, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (question.response?.complete || question.error !== null || question.upgraded) return at;
    question.socket.arrive([bytes.charAt(at)]);
  }
  return bytes.length;
}

function seen(question: Question, response: IncomingMessage): SeenResponse {
  return {
    status: response.statusCode ?? 0,
    fields: pairs(response.rawHeaders),
    interims: question.interims,
    body: Buffer.concat(question.body).toString("latin1"),
    trailers: pairs(response.rawTrailers),
    complete: response.complete,
  };
}
