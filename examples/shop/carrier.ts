/**
 * The carrier of the example: somebody else's service on plain `node:http`, which fails now and then. It knows nothing of
 * the gateway in front of it. Listens on loopback, on the port of `PORT` or a free one, and prints which.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** It works for so long, then fails for so long, again and again; FLAKY=0 has it work always. */
const WORKS_MS = 20_000;
const FAILS_MS = 10_000;
const FLAKY = process.env["FLAKY"] !== "0";
const startedAt = Date.now();

const fails = (): boolean => FLAKY && (Date.now() - startedAt) % (WORKS_MS + FAILS_MS) >= WORKS_MS;

interface Shipment {
  readonly id: string;
  readonly order: string;
  readonly status: "booked";
}

const shipments = new Map<string, Shipment>();

const server = createServer((request, response) => {
  answer(request, response).catch(() => send(response, 500, { error: "internal" }));
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://carrier");
  const route = `${request.method} ${pathname}`;
  if (route === "GET /whoami") return send(response, 200, { headers: request.headers });
  if (route === "GET /ticks") return streamTicks(request, response);
  if (fails()) return send(response, 503, { error: "the carrier's lorry has broken down" });
  if (route === "GET /shipments") return send(response, 200, { data: [...shipments.values()].slice(-20) });
  if (route === "POST /shipments") return book(request, response);
  const shipment = shipments.get(pathname.replace("/shipments/", ""));
  return send(response, shipment === undefined ? 404 : 200, shipment ?? { error: "no such shipment" });
}

async function book(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const order = orderOf(Buffer.concat(chunks).toString());
  if (order === null) return send(response, 422, { error: 'send {"order": "ord_…"}' });
  const shipment: Shipment = { id: `shp_${shipments.size + 1}`, order, status: "booked" };
  shipments.set(shipment.id, shipment);
  response.setHeader("Location", `/shipments/${shipment.id}`);
  send(response, 201, shipment);
}

function orderOf(text: string): string | null {
  try {
    const { order } = JSON.parse(text);
    return typeof order === "string" && order !== "" ? order : null;
  } catch {
    return null;
  }
}

/** One event a second until the client has seen enough. */
function streamTicks(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  let count = 0;
  const emit = () =>
    response.write(`event: tick\ndata: {"shipments":${shipments.size},"count":${++count}}\n\n`);
  emit();
  const timer = setInterval(emit, 1000);
  request.on("close", () => clearInterval(timer));
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}

// A gateway keeps connections; closing them first would race with its requests.
server.keepAliveTimeout = 60_000;
server.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", () => {
  const { port } = server.address() as { port: number };
  process.stdout.write(`carrier on http://127.0.0.1:${port}\n`);
});
process.on("SIGTERM", () => process.exit(0));
// The parent's end is ours: nothing is left behind when it is killed.
process.on("disconnect", () => process.exit(0));
