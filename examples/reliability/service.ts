/**
 * A bank with two doors and a bad temper: of its answers every third is lost after the work has been done. It honours
 * the Idempotency-Key, so whoever repeats a payment with the same key pays once.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

const payments = new Map<string, { readonly id: number; readonly amount: number }>();
let asked = 0;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === "/healthz") return send(response, 200, { well: true });
  if (request.url === "/payments" && request.method === "POST") await pay(request);
  asked++;
  if (asked % 3 === 0) {
    request.socket.destroy();
    return;
  }
  if (request.url !== "/payments") return send(response, 404, { error: "no such thing" });
  const key = String(request.headers["idempotency-key"]);
  send(response, 200, request.method === "POST" ? payments.get(key) : [...payments.values()]);
}

async function pay(request: IncomingMessage): Promise<void> {
  let text = "";
  for await (const chunk of request) text += chunk;
  const key = String(request.headers["idempotency-key"]);
  if (payments.has(key)) return;
  payments.set(key, { id: payments.size + 1, amount: Number(JSON.parse(text).amount) });
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value));
}

for (const name of ["PORT_A", "PORT_B"]) {
  const server = createServer((request, response) => void answer(request, response));
  server.listen(Number(process.env[name] ?? 0), "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address === "object")
      process.stdout.write(`http://127.0.0.1:${address.port}\n`);
  });
}
