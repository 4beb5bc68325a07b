/** What is sent again, and what never is (RTY-1, RTY-3, RTY-5 to RTY-8). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask, askOnce, errorCode, get, post } from "../harness/ask.ts";
import { freePort } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { fieldsOf, ok } from "../harness/origin.ts";
import { cleanUpAfterEach, connect, metric, startOrigin, startWith, status } from "./stand.ts";

cleanUpAfterEach();

/** Without pauses, so that no time has to pass. */
const RETRY = { attempts: 3, backoff: "0s", minimum: 1000 };

/** Fails so often, then answers. */
function failing(times: number, failure: string): () => string | Buffer {
  let left = times;
  return () => (left-- > 0 ? failure : ok("well"));
}

describe("a call that the service answers with 503", () => {
  for (const method of ["GET", "OPTIONS", "PUT", "DELETE", "QUERY"]) {
    test(`is sent again where it is a ${method} with a body that is here`, async () => {
      const origin = await startOrigin(failing(2, status(503)));
      const gateway = await startWith({ targets: [origin.url], retry: RETRY });
      const response = await askOnce(gateway.port, post("/again", "body").replace("POST", method));
      assert.equal(response.status, 200);
      assert.equal(response.body.toString(), "well");
      assert.deepEqual(
        origin.requests.map((request) => request.body.toString()),
        ["body", "body", "body"],
      );
    });
  }

  test("is sent again where it is a HEAD", async () => {
    const origin = await startOrigin(failing(1, status(503)));
    const gateway = await startWith({ targets: [origin.url], retry: RETRY });
    const client = await connect(gateway.port);
    client.send("HEAD /head HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n");
    await client.until(() => client.closed !== null);
    assert.match(client.text, /^HTTP\/1.1 200 /);
    assert.equal(origin.requests.length, 2);
  });

  for (const method of ["POST", "PATCH"]) {
    test(`is not where it is a ${method}, with an Idempotency-Key that nobody looks at or without`, async () => {
      const origin = await startOrigin(() => status(503));
      const gateway = await startWith({ targets: [origin.url], retry: RETRY, idempotent: true });
      for (const fields of ["", "Idempotency-Key: k\r\n"]) {
        const response = await askOnce(gateway.port, post("/once", "b", fields).replace("POST", method));
        assert.equal(response.status, 503);
      }
      assert.equal(origin.requests.length, 2);
    });
  }

  test("is not where its body came in pieces and was passed on as it came", async () => {
    const origin = await startOrigin(() => status(503));
    const gateway = await startWith({ targets: [origin.url], retry: RETRY });
    const client = await connect(gateway.port);
    client.send("PUT /streamed HTTP/1.1\r\nHost: e\r\nContent-Length: 8\r\n\r\nhalf");
    await eventually("the half has been passed on", () => origin.text.endsWith("half"));
    client.send("half");
    assert.equal((await client.response()).status, 503);
    assert.equal(origin.requests.length, 1);
  });

  test("is answered with the last answer when the attempts are used up, and never more than they are", async () => {
    let n = 0;
    const origin = await startOrigin(() => status(503, `X-Answer: ${++n}\r\n`));
    const gateway = await startWith({ targets: [origin.url], retry: RETRY });
    const response = await askOnce(gateway.port, get("/down"));
    assert.equal(response.status, 503);
    assert.deepEqual(response.headers.get("x-answer"), ["3"]);
    assert.equal(errorCode(response), undefined, "it is the service's own");
    assert.equal(origin.requests.length, 3);
    const line = await gateway.logged(({ path }) => path === "/down");
    assert.equal(line["attempts"], 3);
    assert.equal(await metric(gateway, 'turnpike_retries_total{upstream="origin",reason="503"}'), 2);
  });

  test("uses the connection that the first answer came on again, and loses it where that answer was not whole", async () => {
    const whole = await startOrigin(failing(1, status(503)));
    const first = await startWith({ targets: [whole.url], retry: RETRY });
    assert.equal((await askOnce(first.port, get("/"))).status, 200);
    assert.equal(whole.connections, 1);
    const partial = "HTTP/1.1 503 Unavailable\r\nContent-Length: 10\r\n\r\nhalf";
    const torn = await startOrigin(failing(1, partial));
    const second = await startWith({ targets: [torn.url], retry: RETRY });
    const response = await askOnce(second.port, get("/"));
    assert.equal(response.body.toString(), "well");
    assert.equal(torn.connections, 2);
  });
});

describe("a status", () => {
  for (const [code, on, attempts] of [
    [500, undefined, 1],
    [501, undefined, 1],
    [404, undefined, 1],
    [409, undefined, 1],
    [429, undefined, 1],
    [429, [429], 3],
    [502, undefined, 3],
    [504, undefined, 3],
    [503, ["disconnected"], 1],
  ] as const) {
    const listed = on === undefined ? "by default" : `where ${on.join(", ")} is listed`;
    test(`of ${code} is met with ${attempts} attempts ${listed}`, async () => {
      const origin = await startOrigin(() => status(code));
      const retry = on === undefined ? RETRY : { ...RETRY, on };
      const gateway = await startWith({ targets: [origin.url], retry });
      assert.equal((await askOnce(gateway.port, get("/"))).status, code);
      assert.equal(origin.requests.length, attempts);
    });
  }
});

describe("an answer that asks for time", () => {
  test("in seconds gets it, and no attempt before", async () => {
    const origin = await startOrigin(failing(1, status(503, "Retry-After: 2\r\n")));
    const gateway = await startWith({ targets: [origin.url], retry: RETRY });
    const client = await connect(gateway.port);
    client.send(get("/"));
    await eventually("the first attempt", () => origin.requests.length === 1);
    // The answer is on its way back: the pause begins when it has come.
    await eventually("its answer", async () => {
      gateway.clock.advance(0);
      return (await metric(gateway, 'turnpike_retries_total{upstream="origin",reason="503"}')) === 1;
    });
    gateway.clock.advance(1_900);
    assert.equal(origin.requests.length, 1);
    gateway.clock.advance(200);
    assert.equal((await client.response()).status, 200);
    assert.equal(origin.requests.length, 2);
  });

  test("as a date gets it, too", async () => {
    const date = new Date(Date.UTC(2026, 10, 22, 12) + 2_000).toUTCString();
    const origin = await startOrigin(failing(1, status(503, `Retry-After: ${date}\r\n`)));
    const gateway = await startWith({ targets: [origin.url], retry: RETRY });
    const client = await connect(gateway.port);
    client.send(get("/"));
    const retries = 'turnpike_retries_total{upstream="origin",reason="503"}';
    await eventually("its answer", async () => (await metric(gateway, retries)) === 1);
    gateway.clock.advance(1_900);
    assert.equal(origin.requests.length, 1);
    gateway.clock.advance(200);
    assert.equal((await client.response()).status, 200);
  });

  for (const wish of ["3", "86400", "Thu, 01 Jan 2099 00:00:00 GMT"]) {
    test(`of ${wish}, more than maxRetryAfter, is passed on at once`, async () => {
      const origin = await startOrigin(() => status(503, `Retry-After: ${wish}\r\n`));
      const gateway = await startWith({ targets: [origin.url], retry: RETRY });
      const response = await askOnce(gateway.port, get("/"));
      assert.equal(response.status, 503);
      assert.deepEqual(response.headers.get("retry-after"), [wish]);
      assert.equal(origin.requests.length, 1);
    });
  }

  test("or not to be asked again (X-Should-Retry: false) is passed on at once", async () => {
    const origin = await startOrigin(() => status(503, "X-Should-Retry: false\r\n"));
    const gateway = await startWith({ targets: [origin.url], retry: RETRY });
    assert.equal((await askOnce(gateway.port, get("/"))).status, 503);
    assert.equal(origin.requests.length, 1);
  });
});

describe("a later attempt", () => {
  test("says which one it is, with the request's id and a span of its own; a client cannot say it", async () => {
    const origin = await startOrigin(failing(2, status(503)));
    const gateway = await startWith({ targets: [origin.url], retry: RETRY });
    await askOnce(gateway.port, get("/", "X-Attempt-Count: 9\r\n"));
    const counts = origin.requests.map((request) => fieldsOf(request, "x-attempt-count"));
    assert.deepEqual(counts, [[], ["2"], ["3"]]);
    const ids = new Set(origin.requests.flatMap((request) => fieldsOf(request, "x-request-id")));
    assert.equal(ids.size, 1);
    const traces = origin.requests.flatMap((request) => fieldsOf(request, "traceparent"));
    assert.equal(new Set(traces).size, 3);
    assert.equal(new Set(traces.map((trace) => trace.slice(0, 35))).size, 1);
    for (const trace of traces) assert.match(trace, /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
  });

  test("goes to another target where there is one", async () => {
    const bad = await startOrigin(() => status(503));
    const good = await startOrigin(() => ok("well"));
    const gateway = await startWith({ targets: [bad.url, good.url], retry: { ...RETRY, attempts: 2 } });
    for (let i = 0; i < 20; i++) assert.equal((await askOnce(gateway.port, get("/"))).status, 200);
    assert.equal(good.requests.length, 20);
    assert.equal(bad.requests.length, 10);
  });

  test("is not made when the client has gone", async () => {
    const origin = await startOrigin(() => status(503));
    const gateway = await startWith({
      targets: [origin.url],
      retry: { ...RETRY, backoff: "1m", maxBackoff: "1m" },
    });
    const client = await connect(gateway.port);
    client.send(get("/left"));
    const retries = 'turnpike_retries_total{upstream="origin",reason="503"}';
    await eventually("the pause", async () => (await metric(gateway, retries)) === 1);
    client.socket.resetAndDestroy();
    const line = await gateway.logged(({ path }) => path === "/left");
    assert.equal(line["status"], 499);
    assert.equal(origin.requests.length, 1);
  });
});

describe("a target that refuses connections", () => {
  test("costs no call an attempt while another one lives, however many are dead", async () => {
    const living = await startOrigin();
    const dead = await Promise.all([1, 2, 3].map(async () => `http://127.0.0.1:${await freePort()}`));
    const gateway = await startWith({ targets: [...dead, living.url], retry: { attempts: 1, minimum: 0 } });
    for (let i = 0; i < 40; i++) {
      const response = await askOnce(gateway.port, i % 2 === 0 ? get("/") : post("/", "body"));
      assert.equal(response.status, 200, `call ${i}: ${errorCode(response)}`);
    }
    assert.equal(living.requests.length, 40);
  });

  test("is tried again, with a POST as well, for nothing has left", async () => {
    const port = await freePort();
    const gateway = await startWith({
      targets: [`http://127.0.0.1:${port}`],
      retry: { ...RETRY, attempts: 3 },
    });
    const response = await askOnce(gateway.port, post("/dead", "body"));
    assert.equal(errorCode(response), "UPSTREAM_UNREACHABLE");
    const line = await gateway.logged(({ path }) => path === "/dead");
    assert.equal(line["attempts"], 3);
  });
});

describe("a keyed POST", () => {
  test("is sent again, with its key, to a service that is declared to honour keys, and to no other", async () => {
    for (const idempotent of [true, false]) {
      const origin = await startOrigin(failing(1, status(503)));
      const gateway = await startWith(
        { targets: [origin.url], retry: RETRY, idempotent },
        { route: { policies: [{ idempotency: {} }] } },
      );
      const client = await connect(gateway.port);
      const response = await ask(client, post("/pay", "body", "Idempotency-Key: k1\r\n"));
      assert.equal(response.status, idempotent ? 200 : 503);
      const keys = origin.requests.flatMap((request) => fieldsOf(request, "idempotency-key"));
      assert.deepEqual(keys, idempotent ? ["k1", "k1"] : ["k1"]);
    }
  });
});
