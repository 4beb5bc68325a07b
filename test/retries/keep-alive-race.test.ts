/** I-04, RTY-2: an origin that closes idle connections just as they are used again gets no POST twice. */
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { seededRandom } from "../faults/seeded-random.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { RawClient } from "../harness/raw.ts";

const POSTS = process.env["TURNPIKE_FULL"] === "1" ? 100_000 : 10_000;
const CLIENTS = 48;

interface RacingOrigin {
  readonly url: string;
  /** How often the head of each POST has arrived. */
  readonly arrivals: ReadonlyMap<string, number>;
  readonly connections: number;
  stop(): Promise<void>;
}

/**
 * Answers, and then closes the connection after a time in which the gateway may or may not use it again: at once, within
 * the turn of the loop, or within a few milliseconds, with FIN or with RST.
 */
async function startRacingOrigin(): Promise<RacingOrigin> {
  const random = seededRandom(2026);
  const arrivals = new Map<string, number>();
  const sockets = new Set<Socket>();
  let connections = 0;
  const close = (socket: Socket): void => {
    // Node never closes a socket that is reset while it is shut down, and then never ends.
    if (!socket.writable) return;
    if (random() < 0.5) socket.end();
    else socket.resetAndDestroy();
  };
  const server = createServer({ noDelay: true }, (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    let pending = "";
    socket.on("data", (chunk) => {
      pending += chunk.toString("latin1");
      const head = /^POST \/\?id=(\d+) .*?\r\n\r\nbody/s.exec(pending);
      if (head === null) return;
      pending = pending.slice(head[0].length);
      const id = head[1] as string;
      arrivals.set(id, (arrivals.get(id) ?? 0) + 1);
      const fate = random();
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${id.length}\r\n\r\n${id}`);
      if (fate < 0.1) close(socket);
      else if (fate < 0.25) setImmediate(() => close(socket));
      else if (fate < 0.6) setTimeout(() => close(socket), random() * 8);
    });
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    arrivals,
    get connections() {
      return connections;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("an origin that closes idle connections at random moments around their next use", () => {
  test(`gets none of ${POSTS} POSTs twice, with retries on`, { timeout: 600_000 }, async (context) => {
    const random = seededRandom(7);
    const origin = await startRacingOrigin();
    let gateway: ChildGateway | null = null;
    try {
      gateway = await startChildGateway(
        {
          lanes: 2,
          upstreams: {
            origin: {
              targets: [origin.url],
              idempotent: true,
              retry: { attempts: 3, backoff: "1ms", minimum: 1000 },
            },
          },
          routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
        },
        { requests: false },
      );
      const { port } = gateway;
      let next = 0;
      const seen: Record<string, number> = {};
      const run = async (): Promise<void> => {
        let client = await RawClient.to(port);
        while (next < POSTS) {
          const id = String(next++);
          client.received = Buffer.alloc(0);
          client.send(`POST /?id=${id} HTTP/1.1\r\nHost: e\r\nContent-Length: 4\r\n\r\nbody`);
          const { status, headers, body } = await client.response(20_000);
          const code = status === 200 ? body.toString() === id : headers.get("x-error-code")?.[0];
          seen[String(code)] = (seen[String(code)] ?? 0) + 1;
          if (headers.get("connection")?.[0] === "close") {
            client.destroy();
            client = await RawClient.to(port);
          }
          if (random() < 0.3) await delay(random() * 8);
        }
        client.destroy();
      };
      await Promise.all(Array.from({ length: CLIENTS }, run));
      const twice = [...origin.arrivals].filter(([, times]) => times > 1);
      context.diagnostic(
        `${POSTS} POSTs, ${origin.connections} connections, answers ${JSON.stringify(seen)}, ${twice.length} duplicated`,
      );
      assert.deepEqual(twice, [], "duplicated POSTs");
      assert.deepEqual(
        Object.keys(seen).filter((code) => code !== "true" && code !== "UPSTREAM_DISCONNECTED"),
        [],
      );
      // Otherwise nothing was raced.
      assert.ok((seen["UPSTREAM_DISCONNECTED"] ?? 0) > 0, "no connection was closed in a request's face");
    } finally {
      await gateway?.stop();
      await origin.stop();
    }
  });
});
