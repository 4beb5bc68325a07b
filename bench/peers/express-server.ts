/**
 * Express with express-idempotency in its own process, in front of the origin:
 * `node express-server.ts PORT ORIGIN_PORT memory|DATABASE`.
 */
import { Agent, type IncomingMessage, request } from "node:http";
import express from "express";
import { getSharedIdempotencyService, idempotency } from "express-idempotency";
import { SqliteAdapter } from "./express-sqlite.ts";

const [, , port = "", origin = "", store = "memory"] = process.argv;
const agent = new Agent({ keepAlive: true, maxSockets: 256 });

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.use(express.raw({ type: () => true, limit: "1mb" }));
app.use(idempotency(store === "memory" ? {} : { dataAdapter: new SqliteAdapter(store) }));
app.use(async (req, res) => {
  if (getSharedIdempotencyService().isHit(req)) return;
  const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
  const answer = await forward(req, body);
  const bytes = await gather(answer);
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && !HOP.has(name)) res.setHeader(name, value);
  }
  res.status(answer.statusCode ?? 502).send(bytes);
});
app.listen(Number(port), "127.0.0.1");

const HOP: ReadonlySet<string> = new Set(["connection", "keep-alive", "transfer-encoding", "date"]);

function forward(req: express.Request, body: Buffer): Promise<IncomingMessage> {
  return new Promise((settle, fail) => {
    const { connection: _, ...headers } = req.headers;
    const options = { host: "127.0.0.1", port: Number(origin), path: req.originalUrl, method: req.method };
    const question = request({ ...options, headers, agent });
    question.once("response", settle);
    question.once("error", fail);
    question.end(body);
  });
}

async function gather(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
