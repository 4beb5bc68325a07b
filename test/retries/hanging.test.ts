/** RTY-9: calls to an origin that never answers end in time, and leave nothing behind. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { RawClient } from "../harness/raw.ts";
import { type CountingOrigin, startCountingOrigin } from "./counting-origin.ts";

const RATE = 500;
const CALLS = process.env["TURNPIKE_FULL"] === "1" ? 20_000 : 2_000;
/** A second's calls hang at a time, and some. */
const CLIENTS = 800;
const MIB = 1024 * 1024;

describe(`an origin that hangs, asked ${RATE} times a second`, () => {
  for (const [what, timeout, code] of [
    ["timeout.firstByte", { firstByte: "1s" }, "UPSTREAM_TIMEOUT"],
    ["timeout.total", { total: "1s" }, "DEADLINE_EXCEEDED"],
  ] as const) {
    test(`costs every call a 504 by ${what}, and no memory`, { timeout: 120_000 }, async (context) => {
      let origin: CountingOrigin | null = null;
      let gateway: ChildGateway | null = null;
      const clients: RawClient[] = [];
      try {
        origin = await startCountingOrigin("hang");
        gateway = await startChildGateway(
          {
            lanes: 2,
            limits: { connectionsPerIp: 10_000 },
            upstreams: { origin: { targets: [origin.url], timeout, connections: 4_000 } },
            routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
          },
          { requests: false },
        );
        for (let i = 0; i < CLIENTS; i++) clients.push(await RawClient.to(gateway.port));
        const times: number[] = [];
        const memory: number[] = [];
        const seen = new Set<string>();
        const start = Date.now();
        let next = 0;
        const run = async (client: RawClient): Promise<void> => {
          while (next < CALLS) {
            const due = start + (next++ * 1000) / RATE;
            if (due > Date.now()) await delay(due - Date.now());
            client.received = Buffer.alloc(0);
            const sent = performance.now();
            client.send("GET /hangs HTTP/1.1\r\nHost: e\r\n\r\n");
            const response = await client.response(20_000);
            times.push(performance.now() - sent);
            seen.add(`${response.status} ${response.headers.get("x-error-code")?.[0]}`);
            if (times.length % 1000 === 0) memory.push((await (gateway as ChildGateway).rss()) / MIB);
          }
        };
        await Promise.all(clients.map(run));
        assert.deepEqual(seen, new Set([`504 ${code}`]));
        assert.equal(origin.requests, CALLS);
        times.sort((a, b) => a - b);
        const at = (share: number) => Math.round(times[Math.floor(times.length * share)] ?? 0);
        const text = memory.map((mib) => Math.round(mib)).join(", ");
        context.diagnostic(
          `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms; RSS every 1000 calls in MiB: ${text}`,
        );
        assert.ok((memory.at(-1) as number) - (memory[0] as number) < 64, `${text} MiB`);
      } finally {
        for (const client of clients) client.destroy();
        await gateway?.stop();
        await origin?.stop();
      }
    });
  }
});
