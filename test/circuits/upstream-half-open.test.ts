/** I-04, CB-4: of all that come at once when an open circuit may be tried again, one reaches the service. */
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { errorCode, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { RawClient } from "../harness/raw.ts";

const CALLERS = 1_000;
const ROUNDS = process.env["TURNPIKE_FULL"] === "1" ? 10 : 2;

describe(`${CALLERS} calls at a half-open circuit, on two lanes`, () => {
  test("let exactly one through to the service; the others get 503 with Retry-After at once", {
    timeout: 120_000,
  }, async (context) => {
    /** Sockets whose request waits for its answer. */
    const asked: Socket[] = [];
    const origin = createServer({ noDelay: true }, (socket) => {
      socket.on("error", () => {});
      socket.on("data", () => asked.push(socket));
    });
    await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
    const { port } = origin.address() as { port: number };
    const answer = (code: number) => {
      for (const socket of asked.splice(0))
        socket.write(`HTTP/1.1 ${code} Status\r\nContent-Length: 0\r\n\r\n`);
    };
    let gateway: ChildGateway | null = null;
    const clients: RawClient[] = [];
    try {
      gateway = await startChildGateway(
        {
          lanes: 2,
          limits: { connectionsPerIp: 10_000 },
          upstreams: {
            origin: {
              targets: [`http://127.0.0.1:${port}`],
              // Attempts could be more than calls: they must not be.
              retry: { attempts: 3, backoff: "1ms", minimum: 1000 },
              circuitBreaker: { consecutiveFailures: 3, openFor: "500ms" },
            },
          },
          routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
        },
        { requests: false },
      );
      for (let i = 0; i < CALLERS; i++) clients.push(await RawClient.to(gateway.port));
      const [first] = clients as [RawClient];
      const askFirst = async (code: number) => {
        first.received = Buffer.alloc(0);
        first.send(get("/"));
        await eventually("an answer, or the service is asked", () => {
          answer(code);
          return first.text !== "";
        });
        return first.response();
      };
      for (let round = 0; round < ROUNDS; round++) {
        await eventually(
          "the circuit is open",
          async () => errorCode(await askFirst(503)) === "CIRCUIT_OPEN",
        );
        // Until it is half-open, nobody asks.
        const until = Date.now() + 700;
        await eventually("the circuit may be tried", () => Date.now() > until);
        for (const client of clients) {
          client.received = Buffer.alloc(0);
          client.send(get("/probe"));
        }
        await eventually("all but one are answered", () => answeredOf(clients) === CALLERS - 1, 20_000);
        assert.equal(asked.length, 1, "requests at the service");
        const refused = clients.filter(({ text }) => text !== "");
        for (const client of refused) {
          const response = await client.response();
          assert.equal(response.status, 503);
          assert.equal(errorCode(response), "CIRCUIT_OPEN");
          assert.match(response.headers.get("retry-after")?.[0] ?? "", /^[1-9]\d*$/);
        }
        const probe = clients.find(({ text }) => text === "") as RawClient;
        answer(200);
        assert.equal((await probe.response()).status, 200);
        // Closed: everybody is served again.
        assert.equal((await askFirst(200)).status, 200);
      }
      context.diagnostic(`${ROUNDS} rounds`);
    } finally {
      for (const client of clients) client.destroy();
      await gateway?.stop();
      for (const socket of asked) socket.destroy();
      origin.close();
    }
  });
});

const answeredOf = (clients: readonly RawClient[]): number =>
  clients.filter(({ text }) => text !== "").length;
