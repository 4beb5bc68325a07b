import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, launch } from "../processes.ts";
import { versionOf } from "./installed.ts";
import type { Peer } from "./peer.ts";

const server = fileURLToPath(new URL("express-server.ts", import.meta.url));
const adapter = fileURLToPath(new URL("express-sqlite.ts", import.meta.url));

/** What people put together today: Express, and a middleware for idempotency keys from npm. */
export const express: Peer = {
  name: "express",
  statesLimits: false,

  does({ idempotency }) {
    const keeping =
      idempotency === "disk"
        ? "its interface for stores implemented on SQLite (synced), a transaction for each write"
        : "its own store in memory";
    return `express behind node:http, a handler that asks the origin by node:http with an agent of kept connections; express-idempotency with ${keeping}; looks a key up and creates it in two steps, stores the answer after it was sent`;
  },

  async probe() {
    try {
      return {
        version: `express ${versionOf("express")}, express-idempotency ${versionOf("express-idempotency")}`,
      };
    } catch (error) {
      return { missing: `express cannot be loaded: ${error instanceof Error ? error.message : error}` };
    }
  },

  async start({ name, folder, originPort, core, setting: { idempotency }, environment }) {
    const port = await freePort();
    const store = idempotency === "disk" ? join(folder, `${name}.db`) : "memory";
    const program = await launch({
      name,
      command: [process.execPath, server, String(port), String(originPort), store],
      folder,
      core,
      environment: { NODE_ENV: "production", ...environment },
      ready: { port },
    });
    const config = [server, adapter].map((file) => readFileSync(file, "utf8")).join("\n");
    return { program, port, config, logPath: null };
  },
};
