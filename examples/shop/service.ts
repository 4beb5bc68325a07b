/**
 * The service of the example: a small shop on plain `node:http`, as any team's service might be. It knows nothing of
 * the gateway in front of it. Listens on loopback, on the port of `PORT` or a free one, and prints which.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

interface Product {
  readonly id: string;
  readonly name: string;
  /** In cents. */
  readonly price: number;
}

const products: readonly Product[] = [
  { id: "prod_1", name: "Barrier arm, 3 m", price: 18_900 },
  { id: "prod_2", name: "Toll ticket roll", price: 450 },
  { id: "prod_3", name: "Signal lamp", price: 2_350 },
];
const orders: { id: string; product: string; quantity: number }[] = [];

const server = createServer((request, response) => {
  answer(request, response).catch(() => send(response, 500, { error: "internal" }));
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://shop");
  const route = `${request.method} ${pathname}`;
  if (route === "GET /products") return send(response, 200, { data: products });
  if (route === "GET /orders") return send(response, 200, { data: orders });
  if (route === "POST /orders") return createOrder(request, response);
  if (route === "GET /events") return streamEvents(request, response);
  if (route === "GET /whoami") return send(response, 200, { headers: request.headers });
  const product = products.find(({ id }) => pathname === `/products/${id}`);
  return send(response, product === undefined ? 404 : 200, product ?? { error: "no such thing in the shop" });
}

async function createOrder(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const asked = parse(Buffer.concat(chunks).toString());
  if (asked === null) return send(response, 422, { error: 'send {"product": "prod_1", "quantity": 2}' });
  const order = { id: `ord_${orders.length + 1}`, ...asked };
  orders.push(order);
  response.setHeader("Location", `/orders/${order.id}`);
  send(response, 201, order);
}

function parse(text: string): { product: string; quantity: number } | null {
  try {
    const { product, quantity } = JSON.parse(text);
    const known = products.some(({ id }) => id === product);
    return known && Number.isInteger(quantity) && quantity > 0 ? { product, quantity } : null;
  } catch {
    return null;
  }
}

/** One event a second until the client has seen enough. */
function streamEvents(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  let count = 0;
  const emit = () => response.write(`event: tick\ndata: {"orders":${orders.length},"count":${++count}}\n\n`);
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
  process.stdout.write(`shop on http://127.0.0.1:${port}\n`);
});
process.on("SIGTERM", () => process.exit(0));
// The parent's end is ours: nothing is left behind when it is killed.
process.on("disconnect", () => process.exit(0));
