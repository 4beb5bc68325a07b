/** HTTP-9, RTY-1, RTY-2: an origin closes kept connections whenever it likes, also while a request is on its way. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startChildGateway } from "../harness/child-gateway.ts";
import { ok } from "../harness/origin.ts";
import { parseResponses, RawClient, type RawResponse } from "../harness/raw.ts";
import { type Arrival, startFickleOrigin } from "./fickle-origin.ts";
import { seededRandom } from "./seeded-random.ts";

const REQUESTS = 6_000;
const CLIENTS = 32;

for (const pipelining of [1, 8]) {
  describe(`an origin that closes kept connections at random moments, pipelining ${pipelining}`, () => {
    test("gets no POST twice and loses no GET", { timeout: 60_000 }, async (context) => {
      const random = seededRandom(40 + pipelining);
      const heads = new Map<string, number>();

      function close({ socket }: Arrival): void {
        if (!socket.writable) return;
        const how = random();
        if (how < 0.4) socket.end();
        else if (how < 0.7) socket.destroy();
        else socket.resetAndDestroy();
      }
      const origin = await startFickleOrigin((arrival) => {
        const id = arrival.query("id");
        // A head that has arrived may have been processed.
        heads.set(id, (heads.get(id) ?? 0) + 1);
        // Only kept connections are closed in a request's face, as RFC 9112 §9.3.1 has it.
        const kept = arrival.earlier > 0;
        const when = random();
        if (kept && when < 0.06) {
          close(arrival);
          return;
        }
        arrival.whole = () => {
          if (kept && when < 0.12) {
            close(arrival);
            return;
          }
          arrival.socket.write(ok(id));
          if (when < 0.3) close(arrival);
          else if (when < 0.4) setImmediate(() => close(arrival));
          // The sweep: while the next request is being made, sent, read.
          else if (when < 0.7) setTimeout(() => close(arrival), random() * 6);
        };
      });
      const gateway = await startChildGateway({
        upstreams: { origin: { targets: [origin.url], pipelining } },
        routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
      });

      let next = 0;
      const wrong: string[] = [];
      const ambiguous: string[] = [];
      async function client(): Promise<void> {
        let connection = await RawClient.to(gateway.port);
        for (let turn = 0; next < REQUESTS; turn++) {
          const posts = turn % 4 === 3;
          const id = `${posts ? "post" : "get"}${next++}`;
          connection.received = Buffer.alloc(0);
          if (connection.closed !== null) {
            connection.destroy();
            connection = await RawClient.to(gateway.port);
          }
          connection.send(
            posts
              ? `POST /?id=${id} HTTP/1.1\r\nHost: e\r\nContent-Length: 4\r\n\r\nbody`
              : `GET /?id=${id} HTTP/1.1\r\nHost: e\r\n\r\n`,
          );
          const response = await firstResponse(connection);
          if (response?.status === 200 && response.body.toString() === id) {
            // Answered, and by the origin.
          } else if (posts && response?.headers.get("x-error-code")?.[0] === "UPSTREAM_DISCONNECTED") {
            ambiguous.push(id);
          } else {
            wrong.push(`${id}: ${response?.status} ${response?.body}`);
          }
          if (random() < 0.3) await delay(random() * 5);
        }
        connection.destroy();
      }
      try {
        await Promise.all(Array.from({ length: CLIENTS }, client));
        assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} lost`);
        const twice = [...heads].filter(([id, times]) => id.startsWith("post") && times > 1);
        assert.deepEqual(twice, [], "duplicated POSTs");
        const repeated = [...heads].filter(([, times]) => times > 1).length;
        context.diagnostic(
          `${REQUESTS} requests, ${origin.connections} connections, ${repeated} GETs repeated, ${ambiguous.length} POSTs answered 502`,
        );
        // Otherwise nothing was raced.
        assert.ok(repeated > 50, `${repeated} GETs repeated`);
        assert.ok(ambiguous.length > 20, `${ambiguous.length} POSTs raced`);
      } finally {
        await gateway.stop();
        await origin.stop();
      }
    });
  });
}

async function firstResponse(client: RawClient): Promise<RawResponse | null> {
  await client.until(() => client.closed !== null || parseResponses(client.received).length > 0, 10_000);
  return parseResponses(client.received)[0] ?? null;
}
