/** The connections to an origin under pressure: limits, waiting calls, pipelining, slow clients (RTY-11, D-02). */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { afterEach, describe, test } from "node:test";
import { ask, askOnce, errorCode, get, post } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { type GatewayOptions, startGateway, type TestGateway } from "../harness/gateway.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import { RawClient } from "../harness/raw.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setUp(
  upstream: object,
  options: GatewayOptions = {},
): Promise<{ origin: RecordingOrigin; gateway: TestGateway; open: () => Promise<RawClient> }> {
  const origin = await RecordingOrigin.start();
  cleanups.push(() => origin.stop());
  const gateway = await startGateway(
    {
      upstreams: { origin: { targets: [origin.url], ...upstream } },
      routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
    },
    options,
  );
  cleanups.push(() => gateway.stop());
  const open = async () => {
    const client = await RawClient.to(gateway.port);
    cleanups.push(() => client.destroy());
    return client;
  };
  return { origin, gateway, open };
}

describe("one connection to an origin that may be pipelined", () => {
  test("carries GETs and streamed POSTs that had to wait, each with its own answer", async () => {
    const { origin, open } = await setUp({ connections: 1, pending: 100, pipelining: 8 });
    origin.answer = ({ target, body }, socket) => {
      setTimeout(() => socket.write(ok(`${target}:${body}`)), 2);
      return null;
    };
    for (let round = 0; round < 20; round++) {
      const clients = await Promise.all(Array.from({ length: 12 }, open));
      const answers = clients.map(async (client, n) => {
        const path = `/${round}/${n}`;
        if (n % 3 !== 2) return ask(client, get(path));
        // The body follows when its turn has come, or before.
        client.send(`POST ${path} HTTP/1.1\r\nHost: e\r\nContent-Length: 8\r\n\r\n`);
        client.send("half");
        setTimeout(() => client.send("half"), n);
        return client.response();
      });
      for (const [n, response] of (await Promise.all(answers)).entries()) {
        assert.equal(response.status, 200, `${n}: ${errorCode(response)}`);
        assert.equal(response.body.toString(), `/${round}/${n}:${n % 3 === 2 ? "halfhalf" : ""}`);
      }
      for (const client of clients) client.destroy();
    }
    assert.ok(origin.connections < 20, `${origin.connections} connections were needed`);
  });
});

describe("a call that waits for a connection", () => {
  test("gets its turn when one is free, in order, and none is lost when the connection is", async () => {
    const { origin, open } = await setUp({ connections: 2, pending: 100 });
    let n = 0;
    origin.answer = ({ target }, socket) => {
      setTimeout(() => {
        // Every third answer costs the connection.
        if (n++ % 3 === 0) socket.end(ok(target, "Connection: close\r\n"));
        else socket.write(ok(target));
      }, 1);
      return null;
    };
    const clients = await Promise.all(Array.from({ length: 60 }, open));
    const responses = await Promise.all(clients.map((client, i) => ask(client, get(`/${i}`))));
    assert.deepEqual(
      responses.map(({ body }) => body.toString()),
      clients.map((_, i) => `/${i}`),
    );
  });

  test("and whose client leaves is never sent, and leaves its place to others", async () => {
    const { origin, gateway, open } = await setUp({ connections: 1, pending: 2 });
    let held: Socket | null = null;
    origin.answer = ({ target }, socket) => {
      if (target !== "/held") return ok("ok");
      held = socket;
      return null;
    };
    const first = await open();
    first.send(get("/held"));
    await eventually("the connection is taken", () => held !== null);
    for (let round = 0; round < 10; round++) {
      const gone = await open();
      gone.send(get("/gone"));
      gone.socket.resetAndDestroy();
      await gateway.logged((line) => line["path"] === "/gone");
    }
    await eventually("all have gone", async () => {
      return (await gateway.log()).filter((line) => line["path"] === "/gone").length === 10;
    });
    const waiting = await open();
    waiting.send(get("/waits"));
    (await open()).send(get("/waits"));
    await eventually("the second is waiting", async () => {
      const third = await askOnce(gateway.port, post("/third", "x"));
      return errorCode(third) === "OVERLOADED" && third.headers.get("retry-after")?.[0] === "1";
    });
    (held as Socket | null)?.write(ok("held"));
    assert.equal((await waiting.response()).status, 200);
    assert.ok(!origin.requests.some(({ target }) => target === "/gone"));
  });
});

describe("a connection that an origin keeps", () => {
  test("serves calls one after the other, and is opened only once", async () => {
    const { origin, open } = await setUp({});
    const client = await open();
    for (let i = 0; i < 50; i++) await ask(client, i % 2 === 0 ? get("/") : post("/", "body"));
    assert.equal(origin.connections, 1);
  });
});

describe("one more connection than the gateway admits", () => {
  test("reads its 503 with Retry-After, 200 times of 200, though it has sent a request", async () => {
    const origin = await RecordingOrigin.start(() => null);
    cleanups.push(() => origin.stop());
    const gateway = await startGateway({
      limits: { connections: 2 },
      upstreams: { origin: { targets: [origin.url] } },
      routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
    });
    cleanups.push(() => gateway.stop());
    for (let i = 0; i < 2; i++) {
      const busy = await RawClient.to(gateway.port);
      cleanups.push(() => busy.destroy());
      busy.send(get("/busy"));
    }
    await eventually("both are busy", () => origin.requests.length === 2);
    for (let i = 0; i < 200; i++) {
      const client = await RawClient.to(gateway.port);
      client.send(post("/more", "x".repeat(10_000)));
      const response = await client.response();
      assert.equal(response.status, 503);
      assert.deepEqual(response.headers.get("retry-after"), ["1"]);
      client.destroy();
    }
  });
});

describe("a thousand slow clients", () => {
  test("with heads, bodies and answers that trickle all end in time, and honest clients notice nothing", async () => {
    const { origin, gateway, open } = await setUp({}, { time: "by hand" });
    // More than the kernel takes on the way.
    const big = ok(Buffer.alloc(40_000_000, "x"));
    origin.answer = ({ target }) => (target === "/honest" ? ok("honest") : big);
    const heads = await Promise.all(Array.from({ length: 400 }, open));
    const bodies = await Promise.all(Array.from({ length: 400 }, open));
    const readers = await Promise.all(Array.from({ length: 20 }, open));
    const honest = await open();
    for (const client of heads) client.send("GET /slow HTTP/1.1\r\nHost: e\r\nX-");
    for (const client of bodies)
      client.send("POST /slow HTTP/1.1\r\nHost: e\r\nContent-Length: 100000\r\n\r\nx");
    for (const client of readers) {
      client.socket.pause();
      client.send(get("/big"));
    }
    await eventually("they are there", () => origin.connections >= 420);
    for (let second = 0; second < 62; second++) {
      for (const client of [...heads, ...bodies]) if (client.closed === null) client.send("x");
      // Meanwhile what was sent is read, too.
      assert.equal((await ask(honest, get("/honest"))).body.toString(), "honest");
      gateway.clock.advance(1_000);
      if (second === 12) {
        await eventually("slow heads have their 408, and slow bodies", () =>
          [...heads, ...bodies].every(
            ({ closed, text }) => closed !== null && text.startsWith("HTTP/1.1 408"),
          ),
        );
      }
    }
    // Readers that read nothing cost the origin nothing any more.
    await eventually("the origin's connections have gone", () => {
      gateway.clock.advance(1_000);
      return origin.open <= 1;
    });
    assert.equal((await ask(honest, get("/honest"))).body.toString(), "honest");
    assert.ok(!origin.requests.some(({ target }) => target === "/slow"));
  });
});
