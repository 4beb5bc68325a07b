/**
 * The whole gateway, over real sockets. Every stream goes through two gateways: one before `node:http`, the strictest
 * origin at hand, and one before an origin that keeps the raw bytes, which are then read as carelessly as anybody
 * could. Neither may see a request that the gateway did not log, nor see it otherwise than it was logged.
 */
import { createServer } from "node:http";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { startGateway, type TestGateway } from "../../harness/gateway.ts";
import { RecordingOrigin } from "../../harness/origin.ts";
import { readCarelessly } from "../careless.ts";
import { loadCorpus } from "../corpus.ts";
import { requestStream } from "../generate.ts";
import { settled } from "../memory-socket.ts";
import { mutate } from "../mutate.ts";
import { openNodeServer, seenByNode } from "../node-server.ts";
import { Random } from "../random.ts";
import { splitInto } from "../split.ts";
import type { Input, Target } from "../target.ts";

/** One request as an origin took it. */
interface Arrived {
  readonly method: string;
  readonly target: string;
  readonly ids: readonly string[];
  readonly hosts: number;
  readonly framings: number;
  readonly body: string;
  readonly complete: boolean;
}

interface Origin {
  readonly url: string;
  /** All that has arrived; where readers may differ, one list for each. */
  arrived(): Arrived[][];
  stop(): Promise<void>;
}

type LogLine = Readonly<Record<string, unknown>>;

export function gatewayTarget(): Target {
  const corpus = loadCorpus("requests");
  return {
    name: "gateway",
    batch: 200,
    corpus,
    generate(random) {
      const base = random.chance(12) ? random.pick(corpus) : requestStream(random);
      return mutate(base, random, () => (random.chance(50) ? random.pick(corpus) : requestStream(random)));
    },
    async run(inputs) {
      const wrong = await round(inputs);
      if (wrong === null || inputs.length === 1) return inputs.map(() => wrong);
      return await single(inputs, wrong);
    },
  };
}

/** A round says only that something is wrong; each half alone says where. */
async function single(inputs: readonly Input[], together: string): Promise<(string | null)[]> {
  if (inputs.length === 1) return [await round(inputs)];
  const half = Math.ceil(inputs.length / 2);
  const parts: (string | null)[] = [];
  for (const part of [inputs.slice(0, half), inputs.slice(half)]) {
    const wrong = await round(part);
    parts.push(...(wrong === null ? part.map(() => null) : await single(part, wrong)));
  }
  if (parts.every((wrong) => wrong === null)) {
    throw new Error(
      `wrong with these ${inputs.length} streams together, but not with any of them alone: ${together}`,
    );
  }
  return parts;
}

async function round(inputs: readonly Input[]): Promise<string | null> {
  const bodies = await bodiesByNode(inputs);
  for (const start of [strictOrigin, carelessOrigin]) {
    const origin = await start();
    const gateway = await startGateway({
      upstreams: { origin: { targets: [origin.url] } },
      routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
    });
    try {
      const answers = await sendAll(inputs, gateway);
      const lines = await allLogged(gateway, origin);
      const wrong = judge(lines, origin, answers, bodies);
      if (wrong !== null) return `${wrong} (${start.name})`;
    } finally {
      await gateway.stop();
      await origin.stop();
    }
  }
  return null;
}

/** Every body that any of the streams holds, by llhttp's reading: an origin must not get any other. */
async function bodiesByNode(inputs: readonly Input[]): Promise<Set<string>> {
  const bodies = new Set<string>([""]);
  for (const { bytes, seed } of inputs) {
    const server = openNodeServer();
    await settled();
    for (const piece of splitInto(bytes, "bytes", new Random(seed))) {
      if (server.refusal === null) server.socket.arrive([piece]);
    }
    await settled();
    for (const request of seenByNode(server)) if (request.complete) bodies.add(request.body);
    server.socket.destroy();
  }
  return bodies;
}

// ---------------------------------------------------------------- clients

/** What a client read: the final answers that carry an id. */
interface Answer {
  readonly status: number;
  readonly id: string;
}

const AT_ONCE = 20;
/** More than the gateway lingers; much less than its timeouts. */
const CLOSE_MS = 8_000;

async function sendAll(inputs: readonly Input[], gateway: TestGateway): Promise<(Answer[] | "stays open")[]> {
  const answers: (Answer[] | "stays open")[] = [];
  const waiting = [...inputs.keys()];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      answers[next] = await send(inputs[next] as Input, gateway.port);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return answers;
}

async function send({ bytes, seed }: Input, port: number): Promise<Answer[] | "stays open"> {
  const random = new Random(seed);
  const pieces = random.chance(50) ? [bytes] : inFewPieces(bytes, random);
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  let received = "";
  let closed = false;
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
  });
  const end = new Promise<void>((resolve) => {
    socket.on("close", () => {
      closed = true;
      resolve();
    });
  });
  for (const piece of pieces) {
    if (closed) break;
    await new Promise<void>((resolve) => socket.write(Buffer.from(piece, "latin1"), () => resolve()));
  }
  socket.end();
  const timeout = new AbortController();
  await Promise.race([end, delay(CLOSE_MS, undefined, { signal: timeout.signal }).catch(() => {})]);
  timeout.abort();
  if (!closed) {
    socket.destroy();
    return "stays open";
  }
  return [...received.matchAll(ANSWER)].map(([, status, id]) => ({ status: Number(status), id: id ?? "" }));
}

const ANSWER = /HTTP\/1\.1 ([2-5][0-9]{2}) (?:(?!HTTP\/1\.1 )[\s\S])*?\r\nX-Request-Id: (\S+)\r\n/g;

/** Every packet is a turn of the event loop in two processes' worth of code, so not too many. */
function inFewPieces(bytes: string, random: Random): string[] {
  const cuts = Array.from({ length: random.between(1, 6) }, () => random.below(bytes.length)).sort(
    (a, b) => a - b,
  );
  const pieces = [0, ...cuts].map((from, i) => bytes.slice(from, cuts[i] ?? bytes.length));
  return pieces.filter((piece) => piece !== "");
}

// ---------------------------------------------------------------- origins

async function strictOrigin(): Promise<Origin> {
  const arrived: (Arrived & { body: string; complete: boolean })[] = [];
  const refused: string[] = [];
  const server = createServer({ insecureHTTPParser: false, requireHostHeader: true }, (message, response) => {
    const names = message.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    const one = {
      method: message.method ?? "",
      target: message.url ?? "",
      ids: [message.headers["x-request-id"] ?? []].flat(),
      hosts: names.filter((name) => name === "host").length,
      framings: names.filter((name) => name === "content-length" || name === "transfer-encoding").length,
      body: "",
      complete: false,
    };
    arrived.push(one);
    message.on("error", () => {});
    message.on("data", (chunk: Buffer) => {
      one.body += chunk.toString("latin1");
    });
    message.on("end", () => {
      one.complete = message.complete;
      response.end("ok");
    });
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // An aborted request is the gateway doing its duty.
    if (error.code !== "ECONNRESET" && error.code !== "HPE_INVALID_EOF_STATE") refused.push(error.code ?? "");
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    arrived() {
      if (refused.length > 0) throw new Refused(refused[0] as string);
      return [arrived];
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** llhttp could not read what the gateway wrote. */
class Refused extends Error {}

async function carelessOrigin(): Promise<Origin> {
  const origin = await RecordingOrigin.start();
  return {
    url: origin.url,
    arrived: () =>
      (["length", "chunked"] as const).map((preference) =>
        origin.bytes.flatMap((bytes) =>
          readCarelessly(bytes.toString("latin1"), preference).map(({ fields, ...request }) => ({
            ...request,
            ids: fields.filter(([name]) => name === "x-request-id").map(([, value]) => value),
            hosts: fields.filter(([name]) => name === "host").length,
            framings: fields.filter(([name]) => name === "content-length" || name === "transfer-encoding")
              .length,
          })),
        ),
      ),
    stop: () => origin.stop(),
  };
}

// ---------------------------------------------------------------- judging

/** Waits until nothing is added any more: lines are written a few times a second. */
async function allLogged(gateway: TestGateway, origin: Origin): Promise<Map<string, LogLine>> {
  let before = -1;
  for (let tries = 0; tries < 40; tries++) {
    const lines = new Map((await gateway.log()).map((line): [string, LogLine] => [String(line["id"]), line]));
    const missing = arrivedSafely(origin).some((list) => list.some(({ ids }) => !lines.has(ids[0] ?? "")));
    if (lines.size === before && !missing) return lines;
    before = lines.size;
    await delay(120);
  }
  return new Map((await gateway.log()).map((line): [string, LogLine] => [String(line["id"]), line]));
}

function arrivedSafely(origin: Origin): Arrived[][] {
  try {
    return origin.arrived();
  } catch {
    return [];
  }
}

function judge(
  lines: ReadonlyMap<string, LogLine>,
  origin: Origin,
  answers: readonly (Answer[] | "stays open")[],
  bodies: ReadonlySet<string>,
): string | null {
  let lists: Arrived[][];
  try {
    lists = origin.arrived();
  } catch (error) {
    if (error instanceof Refused) return `node:http refused what the gateway wrote: ${error.message}`;
    throw error;
  }
  for (const line of lines.values()) {
    if (line["status"] === 500) return `status 500 in the log: ${JSON.stringify(line)}`;
  }
  for (const list of lists) {
    const wrong = arrivedWrongly(list, lines, bodies);
    if (wrong !== null) return wrong;
  }
  return answeredWrongly(answers, lines);
}

function arrivedWrongly(
  list: readonly Arrived[],
  lines: ReadonlyMap<string, LogLine>,
  bodies: ReadonlySet<string>,
): string | null {
  const times = new Map<string, number>();
  for (const one of list) {
    const wrong = differsFromLog(one, lines.get(one.ids[0] ?? ""), bodies);
    if (wrong !== null) return `${wrong}: ${one.method} ${one.target} ${one.ids.join()}`;
    times.set(one.ids[0] as string, (times.get(one.ids[0] as string) ?? 0) + 1);
  }
  for (const [id, line] of lines) {
    const seen = times.get(id) ?? 0;
    if (seen > Number(line["attempts"] ?? 0)) return `arrived ${seen} times: ${JSON.stringify(line)}`;
    if (
      seen === 0 &&
      line["upstream"] !== undefined &&
      line["error"] === undefined &&
      line["status"] === 200
    ) {
      return `logged with an upstream, but never arrived: ${JSON.stringify(line)}`;
    }
  }
  return null;
}

function differsFromLog(one: Arrived, line: LogLine | undefined, bodies: ReadonlySet<string>): string | null {
  if (one.ids.length !== 1) return `a request with ${one.ids.length} ids at the origin`;
  if (line === undefined) return "a request at the origin that was not logged";
  if (line["upstream"] === undefined) return "a request at the origin that was logged without an upstream";
  if (line["method"] !== one.method) return `logged with method ${line["method"]}`;
  const logged = `${line["path"]}${line["query"] ?? ""}`;
  if (!logged.includes("[redacted]") && logged !== one.target) return `logged with path ${logged}`;
  if (one.hosts !== 1) return `${one.hosts} Host fields at the origin`;
  if (one.framings > 1) return "framed twice at the origin";
  if (!one.complete) return null;
  if (line["aborted"] === undefined && line["status"] === 200 && line["bytes_in"] !== one.body.length) {
    return `logged with ${line["bytes_in"]} bytes in, arrived with ${one.body.length}`;
  }
  return bodies.has(one.body) ? null : "a body that nobody sent";
}

function answeredWrongly(
  answers: readonly (Answer[] | "stays open")[],
  lines: ReadonlyMap<string, LogLine>,
): string | null {
  for (const answer of answers.flat()) {
    if (typeof answer === "string") return "the connection stays open after FIN";
    const line = lines.get(answer.id);
    if (line === undefined) return `an answer that was not logged: ${answer.status} ${answer.id}`;
    if (line["status"] !== answer.status) return `answered ${answer.status}, logged ${line["status"]}`;
  }
  return null;
}
