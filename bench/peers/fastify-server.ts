/** Fastify with @fastify/http-proxy in its own process: `node fastify-server.ts PORT ORIGIN`. */
import proxy from "@fastify/http-proxy";
import fastify from "fastify";

const [, , port = "", upstream = ""] = process.argv;
const server = fastify({ logger: false });
await server.register(proxy, { upstream });
await server.listen({ host: "127.0.0.1", port: Number(port) });
