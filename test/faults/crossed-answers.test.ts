/** H-06, H-10, RTY-11: whatever an origin does to one call, no other call gets the answer to it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { startGateway } from "../harness/gateway.ts";
import { ok } from "../harness/origin.ts";
import { parseResponses, RawClient, type RawResponse } from "../harness/raw.ts";
import { type Arrival, startFickleOrigin } from "./fickle-origin.ts";
import { seededRandom } from "./seeded-random.ts";

const REQUESTS = 10_000;
const CLIENTS = 32;

type Behaviour = (arrival: Arrival, id: string) => unknown;

const chunked = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n`;
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/** An answer is sent when the request is whole, unless the misbehaviour is to answer sooner. */
const behaviours: Readonly<Record<string, Behaviour>> = {
  good: (arrival, id) => arrival.socket.write(ok(`answer ${id}`)),
  chunked: ({ socket }, id) => socket.write(`${CHUNKED}${chunked(`answer ${id}`)}0\r\n\r\n`),
  interim: ({ socket }, id) => {
    socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    socket.write(ok(`answer ${id}`));
  },
  late: async ({ socket }, id) => {
    await delay(3);
    socket.write(ok(`answer ${id}`));
  },
  pieces: async ({ socket }, id) => {
    const bytes = ok(`answer ${id}`);
    socket.write(bytes.subarray(0, bytes.length - 3));
    await nextTurn();
    socket.write(bytes.subarray(bytes.length - 3));
  },
  cut: ({ socket }, id) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nanswer ${id}`),
  lastless: ({ socket }, id) => socket.end(CHUNKED + chunked(`answer ${id}`)),
  reset: ({ socket }) =>
    // A socket that has sent FIN cannot be reset.
    socket.write("HTTP/1.1 200 OK\r\nContent-Le", () => socket.writable && socket.resetAndDestroy()),
  garbage: ({ socket }) => socket.write("\x00\x01\x02 garbage\r\n\r\n"),
  silent: ({ socket }) => socket.destroy(),
};

/** One request is answered with more than one answer: bytes that the next call must not get. */
const surplus: Readonly<Record<string, Behaviour>> = {
  twice: ({ socket }, id) => socket.write(Buffer.concat([ok(`answer ${id}`), ok(`surplus of ${id}`)])),
  overlong: ({ socket }, id) =>
    socket.write(Buffer.concat([ok(`answer ${id}`), Buffer.from(`HTTP/1.1 200 OK\r\nsurplus of ${id}`)])),
  bodyOnNoContent: ({ socket }, id) =>
    socket.write(`HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n${ok(`surplus of ${id}`)}`),
};

const early: Behaviour = ({ socket }, id) => socket.write(ok(`answer ${id}`));
const earlyAndClose: Behaviour = ({ socket }, id) => socket.end(ok(`answer ${id}`));

const WHOLE = new Set(["good", "chunked", "interim", "late", "pieces"]);

for (const pipelining of [1, 8]) {
  describe(`10,000 calls through an origin that misbehaves on some, pipelining ${pipelining}`, () => {
    // What comes too much on a pipelined connection looks exactly like the answer to the next request: pipelining
    // is for origins that count to one (docs), and is not tried with those that do not.
    const all = pipelining === 1 ? { ...behaviours, ...surplus } : behaviours;
    const modes = Object.keys(all);

    test("cross no answer, and all that the origin answered well arrive", { timeout: 60_000 }, async () => {
      const random = seededRandom(pipelining);
      const origin = await startFickleOrigin((arrival) => {
        const id = arrival.query("id");
        const mode = arrival.query("mode");
        if (mode === "early") early(arrival, id);
        else if (mode === "earlyAndClose") earlyAndClose(arrival, id);
        else
          arrival.whole = async () => {
            await all[mode]?.(arrival, id);
          };
      });
      const gateway = await startGateway({
        upstreams: { origin: { targets: [origin.url], pipelining } },
        routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
      });
      const counts = new Map<string, number>();
      let next = 0;
      let crossed = 0;
      const wrong: string[] = [];

      async function client(): Promise<void> {
        let connection = await RawClient.to(gateway.port);
        while (next < REQUESTS) {
          const id = `i${next++}e`;
          const kind = random();
          const mode =
            kind < 0.5
              ? "good"
              : kind < 0.56
                ? "early"
                : kind < 0.6
                  ? "earlyAndClose"
                  : pick(modes, random());
          const posts = mode.startsWith("early") || random() < 0.3;
          const path = `/echo?id=${id}&mode=${mode}`;
          const size = mode.startsWith("early") ? 150_000 : 300;
          if (connection.closed !== null) {
            connection.destroy();
            connection = await RawClient.to(gateway.port);
          }
          connection.received = Buffer.alloc(0);
          if (!posts) {
            connection.send(`GET ${path} HTTP/1.1\r\nHost: e\r\n\r\n`);
          } else {
            connection.send(`POST ${path} HTTP/1.1\r\nHost: e\r\nContent-Length: ${size}\r\n\r\n`);
            connection.send(Buffer.alloc(size / 2, "b"));
            // H-06: the client goes on, or it stalls until it has the answer, or it leaves.
            const rest = random();
            if (!mode.startsWith("early") || rest < 0.5) connection.send(Buffer.alloc(size / 2, "b"));
            else if (rest < 0.6) {
              connection.destroy();
              connection = await RawClient.to(gateway.port);
              continue;
            }
          }
          if (mode === "late" && random() < 0.3) {
            // Leaves with its call in flight: the answer that comes is nobody's.
            connection.destroy();
            connection = await RawClient.to(gateway.port);
            continue;
          }
          const response = await firstResponse(connection);
          judge(id, mode, posts, response);
          if (response === null || response.headers.get("connection")?.includes("close") || posts) {
            connection.destroy();
            connection = await RawClient.to(gateway.port);
          }
        }
        connection.destroy();
      }

      function judge(id: string, mode: string, posts: boolean, response: RawResponse | null): void {
        const seen = response === null ? "cut" : String(response.status);
        counts.set(`${mode}: ${seen}`, (counts.get(`${mode}: ${seen}`) ?? 0) + 1);
        const body = response?.body.toString() ?? "";
        const others = body.match(/i\d+e/g)?.filter((found) => found !== id) ?? [];
        if (others.length > 0) crossed++;
        const fine =
          response === null ||
          (response.status === 200 && body === `answer ${id}`) ||
          (response.status === 204 && mode === "bodyOnNoContent") ||
          response.headers.get("x-error-code")?.[0]?.startsWith("UPSTREAM_") === true;
        const lost = WHOLE.has(mode) && !posts && response?.status !== 200;
        if (!fine || lost) wrong.push(`${id} ${mode}: ${seen} ${body.slice(0, 100)}`);
      }

      try {
        await Promise.all(Array.from({ length: CLIENTS }, client));
        assert.equal(crossed, 0);
        assert.deepEqual(wrong.slice(0, 10), []);
        for (const mode of modes) {
          assert.ok(
            [...counts.keys()].some((key) => key.startsWith(`${mode}:`)),
            `${mode} was never tried`,
          );
        }
        assert.equal(counts.get("cut: 200"), undefined);
        assert.equal(counts.get("lastless: 200"), undefined);
      } finally {
        await gateway.stop();
        await origin.stop();
      }
    });
  });
}

/** Null if the connection ended without a whole answer. */
async function firstResponse(client: RawClient): Promise<RawResponse | null> {
  await client.until(() => client.closed !== null || parseResponses(client.received).length > 0, 10_000);
  return parseResponses(client.received)[0] ?? null;
}

function pick(list: readonly string[], random: number): string {
  return list[Math.floor(random * list.length)] as string;
}
