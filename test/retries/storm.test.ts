/** RTY-4, I-04: an origin that fails every call gets a fifth more of them, not twice as many. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { RawClient } from "../harness/raw.ts";
import { type CountingOrigin, startCountingOrigin } from "./counting-origin.ts";

const RATE = 500;
const SECONDS = process.env["TURNPIKE_FULL"] === "1" ? 20 : 3;
const CLIENTS = 40;

/** So many requests a second, evenly, over connections that stay; each waits for its answer. */
async function load(port: number, request: string): Promise<number[]> {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.to(port)));
  const statuses: number[] = [];
  const start = Date.now();
  const total = RATE * SECONDS;
  let next = 0;
  const run = async (client: RawClient): Promise<void> => {
    while (next < total) {
      const due = start + (next++ * 1000) / RATE;
      if (due > Date.now()) await delay(due - Date.now());
      client.received = Buffer.alloc(0);
      client.send(request);
      statuses.push((await client.response(20_000)).status);
    }
  };
  await Promise.all(clients.map(run));
  for (const client of clients) client.destroy();
  return statuses;
}

describe("an origin that fails every call, at 500 a second over two lanes", () => {
  const ways: readonly (readonly [string, Parameters<typeof startCountingOrigin>[0]])[] = [
    ["with 503", () => "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"],
    ["by resetting the connection", "destroy"],
    ["by resetting every second request of a connection, and with 502 otherwise", "alternate"],
  ];
  for (const [how, answer] of ways) {
    test(`${how}, gets at most 1.20 attempts for each request`, { timeout: 120_000 }, async (context) => {
      let origin: CountingOrigin | null = null;
      let gateway: ChildGateway | null = null;
      try {
        origin = await startCountingOrigin(answer);
        gateway = await startChildGateway(
          {
            lanes: 2,
            upstreams: { origin: { targets: [origin.url], retry: { attempts: 4, backoff: "5ms" } } },
            routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
          },
          { requests: false },
        );
        const statuses = await load(gateway.port, "GET /storm HTTP/1.1\r\nHost: e\r\n\r\n");
        assert.equal(statuses.length, RATE * SECONDS);
        assert.ok(statuses.every((status) => status === 502 || status === 503));
        context.diagnostic(`${origin.requests} attempts for ${statuses.length} requests`);
        assert.ok(origin.requests <= 1.2 * statuses.length, `${origin.requests} attempts`);
        // And it does retry.
        assert.ok(origin.requests >= 1.1 * statuses.length, `${origin.requests} attempts`);
      } finally {
        await gateway?.stop();
        await origin?.stop();
      }
    });
  }
});
