/**
 * The service of the example: it only speaks version 2 of its API, and knows nothing of version 1. Listens on loopback,
 * on the port of `PORT` or a free one, and prints which.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

interface Price {
  readonly amount: number;
  readonly currency: string;
}

interface Product {
  readonly id: string;
  readonly name: string;
  readonly price: Price;
}

const products = new Map<string, Product>([
  ["1", { id: "1", name: "Barrier arm, 3 m", price: { amount: 18_900, currency: "EUR" } }],
  ["2", { id: "2", name: "Toll ticket roll", price: { amount: 450, currency: "EUR" } }],
]);

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://shop");
  const id = pathname.replace(/^\/products\/?/, "");
  if (request.method === "PUT") {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    products.set(id, { id, ...JSON.parse(Buffer.concat(chunks).toString()) });
  }
  const search = searchParams.get("search") ?? "";
  const list = { data: [...products.values()].filter(({ name }) => name.includes(search)) };
  const found = id === "" ? list : products.get(id);
  response.writeHead(found === undefined ? 404 : 200, { "Content-Type": "application/json" });
  response.end(JSON.stringify(found ?? { error: { code: "no_such_product" } }));
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});

server.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") process.stdout.write(`shop on http://127.0.0.1:${address?.port}\n`);
});
