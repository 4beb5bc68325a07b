/** How long attempts, pauses and calls may take (RTY-5, RTY-9). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { askOnce, errorCode, get, post } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import type { TestGateway } from "../harness/gateway.ts";
import { ok } from "../harness/origin.ts";
import type { RawClient, RawResponse } from "../harness/raw.ts";
import { cleanUpAfterEach, connect, startOrigin, startWith, status } from "./stand.ts";

cleanUpAfterEach();

/** Moves time until the client is answered; returns the answer and how much time it took. */
async function answered(gateway: TestGateway, client: RawClient): Promise<[RawResponse, number]> {
  let waited = 0;
  await eventually("an answer", () => {
    if (client.text !== "") return true;
    gateway.clock.advance(100);
    waited += 100;
    return false;
  });
  return [await client.response(), waited];
}

describe("timeout.total", () => {
  test("ends a call that hangs with 504 DEADLINE_EXCEEDED, once it has come to the service", async () => {
    const origin = await startOrigin(() => null);
    const gateway = await startWith({ targets: [origin.url], timeout: { total: "2s" } });
    for (const request of [get("/hangs"), post("/hangs", "body")]) {
      origin.reset();
      const client = await connect(gateway.port);
      client.send(request);
      await eventually("the request is there", () => origin.requests.length === 1);
      gateway.clock.advance(1_800);
      assert.equal(client.text, "");
      gateway.clock.advance(300);
      const response = await client.response();
      assert.equal(response.status, 504);
      assert.equal(errorCode(response), "DEADLINE_EXCEEDED");
      assert.equal(origin.requests.length, 1);
      await eventually("the connection is closed", () => origin.open === 0);
    }
  });

  test("holds for all attempts and pauses together", async () => {
    const origin = await startOrigin(() => null);
    const gateway = await startWith({
      targets: [origin.url],
      timeout: { total: "3s" },
      retry: { attempts: 10, perTry: "1s", backoff: "0s", minimum: 1000 },
    });
    const client = await connect(gateway.port);
    client.send(get("/slow"));
    await eventually("the first attempt", () => origin.requests.length === 1);
    const [response, waited] = await answered(gateway, client);
    assert.equal(errorCode(response), "DEADLINE_EXCEEDED");
    assert.ok(waited >= 2_900, `after ${waited} ms`);
    assert.ok(origin.requests.length <= 3);
  });

  test("forbids a retry whose pause it would end in: the answer at hand is passed on at once", async () => {
    const origin = await startOrigin(() => status(503, "Retry-After: 2\r\n"));
    const gateway = await startWith({
      targets: [origin.url],
      timeout: { total: "1s" },
      retry: { attempts: 3, backoff: "0s", minimum: 1000 },
    });
    const response = await askOnce(gateway.port, get("/"));
    assert.equal(response.status, 503);
    assert.equal(errorCode(response), undefined);
    assert.equal(origin.requests.length, 1);
  });

  test("says nothing of how long an answer takes whose head is there", async () => {
    const origin = await startOrigin(() => "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
    const gateway = await startWith({ targets: [origin.url], timeout: { total: "1s" } });
    const client = await connect(gateway.port);
    client.send(get("/"));
    await client.until(() => client.text.endsWith("half"));
    gateway.clock.advance(30_000);
    assert.equal(client.closed, null);
  });
});

describe("a client that says how long it will wait", () => {
  for (const [field, patience] of [
    ["grpc-timeout: 1S", 1_000],
    ["grpc-timeout: 700m", 700],
    ["grpc-timeout: 500000u", 500],
    ["Connect-Timeout-Ms: 800", 800],
    ["Connect-Timeout-Ms: 800\r\ngrpc-timeout: 1H", 800],
  ] as const) {
    test(`with ${field.replace("\r\n", " and ")} is answered with 504 by then`, async () => {
      const origin = await startOrigin(() => null);
      const gateway = await startWith({ targets: [origin.url] });
      const client = await connect(gateway.port);
      client.send(get("/", `${field}\r\n`));
      await eventually("the request is there", () => origin.requests.length === 1);
      gateway.clock.advance(patience - 100);
      assert.equal(client.text, "");
      gateway.clock.advance(200);
      const response = await client.response();
      assert.equal(errorCode(response), "DEADLINE_EXCEEDED");
    });
  }

  test("waits no longer than the upstream allows, and is not cut short by what nobody can read", async () => {
    const origin = await startOrigin(() => null);
    const gateway = await startWith({ targets: [origin.url], timeout: { total: "1s" } });
    for (const field of [
      "grpc-timeout: 1H",
      "grpc-timeout: 1",
      "grpc-timeout: -1S",
      "Connect-Timeout-Ms: 1e3",
    ]) {
      origin.reset();
      const client = await connect(gateway.port);
      client.send(get("/", `${field}\r\n`));
      await eventually("the request is there", () => origin.requests.length === 1);
      gateway.clock.advance(800);
      assert.equal(client.text, "", field);
      gateway.clock.advance(300);
      assert.equal(errorCode(await client.response()), "DEADLINE_EXCEEDED");
    }
  });

  test("and gives it no time at all has not reached the service", async () => {
    const origin = await startOrigin();
    const gateway = await startWith({ targets: [origin.url] });
    const response = await askOnce(gateway.port, get("/", "grpc-timeout: 0m\r\n"));
    assert.equal(errorCode(response), "DEADLINE_EXCEEDED");
    assert.equal(origin.requests.length, 0);
  });

  test("opens no circuit by its impatience", async () => {
    const origin = await startOrigin(() => null);
    const gateway = await startWith({ targets: [origin.url], circuitBreaker: { consecutiveFailures: 1 } });
    const client = await connect(gateway.port);
    client.send(get("/", "Connect-Timeout-Ms: 200\r\n"));
    await eventually("the request is there", () => origin.requests.length === 1);
    gateway.clock.advance(300);
    assert.equal((await client.response()).status, 504);
    origin.answer = () => ok("well");
    assert.equal((await askOnce(gateway.port, get("/"))).status, 200);
  });
});

describe("retry.perTry", () => {
  test("gives up an attempt that hangs, and the next one is answered by another target", async () => {
    const hanging = await startOrigin(() => null);
    const living = await startOrigin(() => ok("well"));
    const gateway = await startWith(
      {
        targets: [hanging.url, living.url],
        retry: { attempts: 2, perTry: "50ms", backoff: "1ms", minimum: 1000 },
      },
      { time: "real" },
    );
    for (let i = 0; i < 6; i++) {
      const response = await askOnce(gateway.port, get("/"));
      assert.equal(response.status, 200);
    }
    assert.equal(hanging.requests.length, 3);
    await eventually("what was given up is closed", () => hanging.open === 0);
  });

  test("ends a POST with 504 UPSTREAM_TIMEOUT, which is not sent again", async () => {
    const origin = await startOrigin(() => null);
    const gateway = await startWith(
      {
        targets: [origin.url],
        retry: { attempts: 5, perTry: "50ms", backoff: "1ms", minimum: 1000 },
      },
      { time: "real" },
    );
    const response = await askOnce(gateway.port, post("/", "body"));
    assert.equal(errorCode(response), "UPSTREAM_TIMEOUT");
    assert.equal(origin.requests.length, 1);
  });
});
