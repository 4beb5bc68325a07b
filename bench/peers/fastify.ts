import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePort, launch } from "../processes.ts";
import { versionOf } from "./installed.ts";
import type { Peer } from "./peer.ts";

const server = fileURLToPath(new URL("fastify-server.ts", import.meta.url));
const policies = fileURLToPath(new URL("fastify-policies.ts", import.meta.url));

export const fastify: Peer = {
  name: "fastify",
  statesLimits: true,

  does({ stack }) {
    const proxying = "node:http in front, @fastify/http-proxy with its default undici pool behind";
    return stack === null
      ? `${proxying}; logger off; no ids, no traces, no log`
      : `${proxying}; hand-written hooks over maps for key, token bucket, limit fields, CORS and request id; Fastify's own logger with one line a request, collected as Turnpike does; no traces`;
  },

  async probe() {
    try {
      const [http, proxy, pool] = ["fastify", "@fastify/http-proxy", "undici"].map(versionOf);
      return { version: `fastify ${http}, @fastify/http-proxy ${proxy}, undici ${pool}` };
    } catch (error) {
      return { missing: `fastify cannot be loaded: ${error instanceof Error ? error.message : error}` };
    }
  },

  async start({ name, folder, originPort, core, setting: { stack }, environment }) {
    const port = await freePort();
    const logPath = stack === null ? null : `${folder}/${name}-access.log`;
    const guarding =
      stack === null || logPath === null
        ? []
        : [logPath, String(stack.limit.count), String(stack.limit.seconds)];
    const command = [process.execPath, server, String(port), `http://127.0.0.1:${originPort}`, ...guarding];
    const program = await launch({
      name,
      command,
      folder,
      core,
      environment: { NODE_ENV: "production", ...environment },
      ready: { port },
    });
    const config = [server, ...(stack === null ? [] : [policies])].map((file) => readFileSync(file, "utf8"));
    return { program, port, config: config.join("\n"), logPath };
  },
};
