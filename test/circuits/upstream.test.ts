/** Circuits at work in front of real services (CB-1, CB-3, CB-5, CB-6, CB-9 to CB-11). */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import { askOnce, errorCode, get, post } from "../harness/ask.ts";
import { freePort } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import type { TestGateway } from "../harness/gateway.ts";
import { ok } from "../harness/origin.ts";
import { cleanUpAfterEach, connect, metric, startOrigin, startWith, status } from "../retries/stand.ts";

cleanUpAfterEach();

const BREAKER = { consecutiveFailures: 3, openFor: "10s" };

async function open(gateway: TestGateway, calls = 3): Promise<void> {
  for (let i = 0; i < calls; i++) await askOnce(gateway.port, get("/fail"));
  assert.equal(errorCode(await askOnce(gateway.port, get("/open"))), "CIRCUIT_OPEN");
}

describe("an open circuit", () => {
  test("answers 503 with the seconds that are left, and the service gets no connection and no byte", async () => {
    const origin = await startOrigin((_, socket) => {
      socket.end("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return null;
    });
    const gateway = await startWith({ targets: [origin.url], circuitBreaker: BREAKER });
    await open(gateway);
    const { connections } = origin;
    gateway.clock.advance(3_500);
    for (const request of [get("/"), post("/", "body"), "HEAD / HTTP/1.1\r\nHost: e\r\n\r\n"]) {
      const response = await askOnce(gateway.port, request.replace("HEAD", "OPTIONS"));
      assert.equal(response.status, 503);
      assert.equal(errorCode(response), "CIRCUIT_OPEN");
      assert.deepEqual(response.headers.get("retry-after"), ["7"]);
      assert.ok(!response.body.toString().includes("127.0.0.1"));
    }
    assert.equal(origin.connections, connections);
    assert.equal(origin.requests.length, 3);
    const line = await gateway.logged(({ path }) => path === "/open");
    assert.equal(line["circuit"], "open");
    assert.equal(line["error"], "CIRCUIT_OPEN");
  });

  test("is closed by a probe that is answered well, and opened anew by one that is not", async () => {
    const origin = await startOrigin(() => status(503));
    const gateway = await startWith({ targets: [origin.url], circuitBreaker: BREAKER });
    await open(gateway);
    gateway.clock.advance(10_000);
    assert.equal(errorCode(await askOnce(gateway.port, get("/probe/1"))), undefined);
    assert.equal(errorCode(await askOnce(gateway.port, get("/"))), "CIRCUIT_OPEN");
    gateway.clock.advance(10_000);
    origin.answer = () => ok("well");
    assert.equal((await askOnce(gateway.port, get("/probe/2"))).status, 200);
    for (let i = 0; i < 5; i++) assert.equal((await askOnce(gateway.port, get("/"))).status, 200);
    const line = await gateway.logged(({ path }) => path === "/probe/2");
    assert.equal(line["circuit"], "probe");
  });

  test("lets another probe through when the first one's client goes away", async () => {
    const origin = await startOrigin(() => status(503));
    const gateway = await startWith({ targets: [origin.url], circuitBreaker: BREAKER });
    await open(gateway);
    gateway.clock.advance(10_000);
    origin.answer = () => null;
    const probe = await connect(gateway.port);
    probe.send(get("/leaves"));
    await eventually("the probe is there", () => origin.requests.length === 4);
    assert.equal(errorCode(await askOnce(gateway.port, get("/"))), "CIRCUIT_OPEN");
    probe.socket.resetAndDestroy();
    await gateway.logged(({ path }) => path === "/leaves");
    origin.answer = () => ok("well");
    assert.equal((await askOnce(gateway.port, get("/"))).status, 200);
  });

  test("does not make a call wait for a place in the queue before it is refused", async () => {
    const waiting: Socket[] = [];
    const origin = await startOrigin(() => status(503));
    const gateway = await startWith({
      targets: [origin.url],
      circuitBreaker: BREAKER,
      concurrency: { limit: 1, queue: 100, wait: "1h" },
    });
    await open(gateway);
    gateway.clock.advance(10_000);
    origin.answer = (_, socket) => {
      waiting.push(socket);
      return null;
    };
    const probe = await connect(gateway.port);
    probe.send(get("/probe"));
    await eventually("the probe is there", () => waiting.length === 1);
    assert.equal(errorCode(await askOnce(gateway.port, get("/"))), "CIRCUIT_OPEN");
  });
});

describe("what opens a circuit", () => {
  const failing: readonly (readonly [string, (socket: Socket) => string | null])[] = [
    ["500", () => status(500)],
    ["502", () => status(502)],
    ["503", () => status(503)],
    ["504", () => status(504)],
    [
      "connections that are closed",
      (socket) => {
        socket.destroy();
        return null;
      },
    ],
    ["answers that are no HTTP", () => "SMTP ready\r\n\r\n"],
  ];
  for (const [what, answer] of failing) {
    test(`is ${what}`, async () => {
      const origin = await startOrigin((_, socket) => answer(socket));
      const gateway = await startWith({ targets: [origin.url], circuitBreaker: BREAKER });
      await open(gateway);
    });
  }

  test("is a port that nobody listens on", async () => {
    const gateway = await startWith({
      targets: [`http://127.0.0.1:${await freePort()}`],
      circuitBreaker: BREAKER,
    });
    await open(gateway);
  });

  test("is answers that do not come in time", async () => {
    const origin = await startOrigin(() => null);
    const gateway = await startWith({
      targets: [origin.url],
      circuitBreaker: BREAKER,
      timeout: { firstByte: "200ms" },
    });
    for (let i = 1; i <= 3; i++) {
      const client = await connect(gateway.port);
      client.send(get("/slow"));
      await eventually("it is there", () => origin.requests.length === i);
      gateway.clock.advance(300);
      assert.equal((await client.response()).status, 504);
    }
    assert.equal(errorCode(await askOnce(gateway.port, get("/"))), "CIRCUIT_OPEN");
  });

  test("is neither what is the client's fault, nor what is the gateway's own", async () => {
    const origin = await startOrigin(({ target }, socket) => {
      const code = Number(target.slice(1));
      if (code > 0) return status(code);
      socket.pause();
      return null;
    });
    const gateway = await startWith({
      targets: [origin.url],
      circuitBreaker: { ...BREAKER, consecutiveFailures: 1 },
    });
    for (const code of [400, 401, 403, 404, 409, 413, 422, 429, 501])
      assert.equal((await askOnce(gateway.port, get(`/${code}`))).status, code);
    for (let i = 0; i < 5; i++) {
      const client = await connect(gateway.port);
      client.send(get(`/gone/${i}`));
      await eventually("it is there", () => origin.requests.some(({ target }) => target === `/gone/${i}`));
      client.socket.resetAndDestroy();
      await gateway.logged(({ path }) => path === `/gone/${i}`);
    }
    assert.equal((await askOnce(gateway.port, get("/200"))).status, 200);
  });

  test("is, of the statuses, what is listed", async () => {
    const origin = await startOrigin(({ target }) => status(Number(target.slice(1))));
    const gateway = await startWith({
      targets: [origin.url],
      circuitBreaker: { ...BREAKER, consecutiveFailures: 1, failures: [429] },
    });
    assert.equal((await askOnce(gateway.port, get("/500"))).status, 500);
    assert.equal((await askOnce(gateway.port, get("/429"))).status, 429);
    assert.equal(errorCode(await askOnce(gateway.port, get("/200"))), "CIRCUIT_OPEN");
  });
});

describe("an answer's head", () => {
  test("decides, whatever comes of its body; a body that takes its time is not slow (CB-10)", async () => {
    const origin = await startOrigin(() => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    const gateway = await startWith({
      targets: [origin.url],
      circuitBreaker: { ...BREAKER, slowCall: "1s", minimumCalls: 1, slowRate: 0.01 },
    });
    const client = await connect(gateway.port);
    client.send(get("/events"));
    await client.until(() => client.text.endsWith("1\r\na\r\n"));
    gateway.clock.advance(5_000);
    origin.answer = () => ok("well");
    for (let i = 0; i < 5; i++) assert.equal((await askOnce(gateway.port, get("/"))).status, 200);
  });
});

describe("retries and circuits together", () => {
  test("count every attempt at a single target, and none is sent once the circuit has opened", async () => {
    const origin = await startOrigin(() => status(503));
    const gateway = await startWith({
      targets: [origin.url],
      circuitBreaker: BREAKER,
      retry: { attempts: 10, backoff: "0s", minimum: 1000 },
    });
    const response = await askOnce(gateway.port, get("/"));
    assert.equal(response.status, 503);
    assert.equal(origin.requests.length, 3);
    assert.equal(errorCode(await askOnce(gateway.port, get("/"))), "CIRCUIT_OPEN");
  });

  test("open the circuit of the target that fails, and leave the other's and the upstream's alone", async () => {
    const bad = await startOrigin(() => status(503));
    const good = await startOrigin(() => ok("well"));
    const gateway = await startWith({
      targets: [bad.url, good.url],
      circuitBreaker: { ...BREAKER, consecutiveFailures: 3 },
      retry: { attempts: 2, backoff: "0s", minimum: 1000 },
    });
    for (let i = 0; i < 50; i++) assert.equal((await askOnce(gateway.port, get("/"))).status, 200);
    assert.equal(bad.requests.length, 3);
    assert.equal(good.requests.length, 50);
    assert.equal(await metric(gateway, 'turnpike_retries_total{upstream="origin",reason="503"}'), 3);
  });

  test("answer with 503 where every target's circuit is open", async () => {
    const origins = [await startOrigin(() => status(500)), await startOrigin(() => status(500))];
    const gateway = await startWith({
      targets: origins.map(({ url }) => url),
      circuitBreaker: { ...BREAKER, failureRate: 1, minimumCalls: 1000, consecutiveFailures: 3 },
    });
    // The upstream's own circuit opens as early: by calls.
    for (let i = 0; i < 10; i++) await askOnce(gateway.port, get("/"));
    const response = await askOnce(gateway.port, get("/"));
    assert.equal(errorCode(response), "CIRCUIT_OPEN");
    assert.match(response.headers.get("retry-after")?.[0] ?? "", /^([1-9]|10)$/);
    assert.ok(origins.reduce((sum, { requests }) => sum + requests.length, 0) <= 5);
  });
});
