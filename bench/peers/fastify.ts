import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { freePort, launch } from "../processes.ts";
import type { Peer } from "./peer.ts";

const server = fileURLToPath(new URL("fastify-server.ts", import.meta.url));

export const fastify: Peer = {
  name: "fastify",
  does: "node:http in front, @fastify/http-proxy with its default undici pool behind; logger off; no ids, no traces, no log",

  async probe() {
    try {
      const [http, proxy, pool] = ["fastify", "@fastify/http-proxy", "undici"].map(versionOf);
      return { version: `fastify ${http}, @fastify/http-proxy ${proxy}, undici ${pool}` };
    } catch (error) {
      return { missing: `fastify cannot be loaded: ${error instanceof Error ? error.message : error}` };
    }
  },

  async start({ name, folder, originPort, core, environment }) {
    const port = await freePort();
    const command = [process.execPath, server, String(port), `http://127.0.0.1:${originPort}`];
    const program = await launch({
      name,
      command,
      folder,
      core,
      environment: { NODE_ENV: "production", ...environment },
      ready: { port },
    });
    return { program, port, config: readFileSync(server, "utf8") };
  },
};

/** By its file and not by import: some packages do not export their package.json. */
function versionOf(name: string): string {
  const from = createRequire(import.meta.url);
  for (const folder of from.resolve.paths(name) ?? []) {
    try {
      const { version } = JSON.parse(readFileSync(`${folder}/${name}/package.json`, "utf8")) as {
        version: string;
      };
      return version;
    } catch {
      // Not in this node_modules.
    }
  }
  throw new Error(`${name} is not installed`);
}
