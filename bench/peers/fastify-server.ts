/**
 * Fastify with @fastify/http-proxy in its own process: `node fastify-server.ts PORT ORIGIN`, and `LOG COUNT SECONDS`
 * behind them for what the others do in the policies group.
 */
import proxy from "@fastify/http-proxy";
import fastify from "fastify";
import { guard } from "./fastify-policies.ts";

const [, , port = "", upstream = "", log, count, seconds] = process.argv;
if (log === undefined) {
  const server = fastify({ logger: false });
  await server.register(proxy, { upstream });
  await server.listen({ host: "127.0.0.1", port: Number(port) });
} else {
  const server = await guard({ upstream, log, limit: { count: Number(count), seconds: Number(seconds) } });
  await server.listen({ host: "127.0.0.1", port: Number(port) });
}
