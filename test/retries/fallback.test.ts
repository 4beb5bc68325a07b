/** What answers where the upstream cannot (CB-13). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { askOnce, errorCode, get, post } from "../harness/ask.ts";
import { freePort } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { fieldsOf, ok, type RecordingOrigin } from "../harness/origin.ts";
import type { RawResponse } from "../harness/raw.ts";
import { cleanUp, cleanUpAfterEach, connect, startOrigin, status } from "./stand.ts";

cleanUpAfterEach();

const dead = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`;

async function startFallingBack(
  upstream: object,
  fallback: object,
  upstreams: object = {},
): Promise<TestGateway> {
  const gateway = await startGateway(
    {
      upstreams: { origin: upstream, ...upstreams },
      routes: [{ name: "all", path: "/*", to: { upstream: "origin", fallback } }],
    },
    { time: "by hand" },
  );
  cleanUp(() => gateway.stop());
  return gateway;
}

const isFallback = (response: RawResponse): boolean => response.headers.get("x-fallback")?.[0] === "true";

const FIXED = { fixed: { status: 200, body: { cached: [] } } };

describe("a fixed fallback", () => {
  test("answers, marked, where nothing could be reached, POSTs too; the log says what it stood in for", async () => {
    const gateway = await startFallingBack({ targets: [await dead()] }, FIXED);
    for (const request of [get("/dead"), post("/dead", "body")]) {
      const response = await askOnce(gateway.port, request);
      assert.equal(response.status, 200);
      assert.equal(response.body.toString(), '{"cached":[]}');
      assert.ok(isFallback(response));
    }
    const line = await gateway.logged(({ path }) => path === "/dead");
    assert.equal(line["status"], 200);
    assert.equal(line["error"], "UPSTREAM_UNREACHABLE");
  });

  test("keeps its own status, and says nothing in answers that are the service's", async () => {
    const origin = await startOrigin(() => ok("well"));
    const gateway = await startFallingBack(
      { targets: [origin.url], circuitBreaker: { consecutiveFailures: 1 } },
      { fixed: { status: 503, headers: { "Retry-After": "60" }, body: "closed" } },
    );
    assert.ok(!isFallback(await askOnce(gateway.port, get("/"))));
    origin.answer = () => status(500);
    const failed = await askOnce(gateway.port, get("/"));
    assert.equal(failed.status, 500, "an error of the service is its answer");
    assert.ok(!isFallback(failed));
    const response = await askOnce(gateway.port, post("/", "body"));
    assert.equal(response.status, 503);
    assert.equal(response.body.toString(), "closed");
    assert.deepEqual(response.headers.get("retry-after"), ["60"]);
    assert.ok(isFallback(response), "the circuit is open");
  });

  test("answers a GET or HEAD that the service took and never answered, but no POST", async () => {
    const origin = await startOrigin((_, socket) => {
      socket.destroy();
      return null;
    });
    const gateway = await startFallingBack({ targets: [origin.url] }, FIXED);
    const read = await askOnce(gateway.port, get("/"));
    assert.equal(read.status, 200);
    assert.ok(isFallback(read));
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const written = await askOnce(gateway.port, post("/", "pay").replace("POST", method));
      assert.equal(written.status, 502, method);
      assert.equal(errorCode(written), "UPSTREAM_DISCONNECTED");
      assert.ok(!isFallback(written));
    }
    const head = await connect(gateway.port);
    head.send("HEAD / HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n");
    await head.untilClosed();
    assert.match(head.text, /^HTTP\/1.1 200 /);
    assert.match(head.text, /X-Fallback: true/);
  });

  test("answers a GET that timed out, and a call that found no place", async () => {
    const origin = await startOrigin(() => null);
    const gateway = await startFallingBack(
      { targets: [origin.url], timeout: { firstByte: "1s" }, concurrency: { limit: 1 } },
      FIXED,
    );
    const first = await connect(gateway.port);
    first.send(get("/slow"));
    await eventually("it is there", () => origin.requests.length === 1);
    assert.ok(isFallback(await askOnce(gateway.port, post("/", "body"))), "the gate is full");
    gateway.clock.advance(1_100);
    const response = await first.response();
    assert.equal(response.status, 200);
    assert.ok(isFallback(response));
    assert.equal(origin.requests.length, 1);
  });

  test("stands in for no answer that has begun", async () => {
    const origin = await startOrigin((_, socket) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      return null;
    });
    const gateway = await startFallingBack({ targets: [origin.url] }, FIXED);
    const client = await connect(gateway.port);
    client.send(get("/"));
    assert.equal(await client.untilClosed(), "reset");
    assert.ok(client.text.endsWith("half"));
  });
});

describe("another upstream as the fallback", () => {
  test("gets the whole request, once, and its answer is marked; its own failure is not hidden", async () => {
    const other = await startOrigin(({ body }) => ok(`other:${body}`));
    const gateway = await startFallingBack(
      { targets: [await dead()] },
      { upstream: "other", rewrite: "/spare/*" },
      { other: { targets: [other.url] } },
    );
    const sent = `POST /a/b?q=1 HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`;
    const response = await askOnce(gateway.port, sent);
    assert.equal(response.body.toString(), "other:body");
    assert.ok(isFallback(response));
    assert.deepEqual(
      other.requests.map(({ target }) => target),
      ["/spare/a/b?q=1"],
    );
    other.answer = (_, socket) => {
      socket.destroy();
      return null;
    };
    const failed = await askOnce(gateway.port, post("/", "pay"));
    assert.equal(errorCode(failed), "UPSTREAM_DISCONNECTED");
    assert.ok(!isFallback(failed));
  });

  test("that does not exist is an error of the config", async () => {
    await assert.rejects(
      startFallingBack(
        { targets: ["http://127.0.0.1:1"] },
        { upstream: "othr" },
        { other: { targets: ["http://127.0.0.1:1"] } },
      ),
      /routes\.0\.to\.fallback\.upstream|routes\[0\]\.to\.fallback\.upstream.*othr/,
    );
  });
});

describe("the last good answer as the fallback", () => {
  /** An origin that can be switched off: what it was sent is counted. */
  async function startSwitchable(answer: RecordingOrigin["answer"]): Promise<{
    origin: RecordingOrigin;
    gateway: TestGateway;
    fail: () => void;
  }> {
    const origin = await startOrigin(answer);
    const gateway = await startFallingBack({ targets: [origin.url] }, { lastGood: true });
    const fail = () => {
      origin.answer = (_, socket) => {
        socket.destroy();
        return null;
      };
    };
    return { origin, gateway, fail };
  }

  test("is the same body and type, with its age, for GET and HEAD of the same URL and for nothing else", async () => {
    const { gateway, fail } = await startSwitchable(({ target }) =>
      ok(`answer to ${target}`, 'Content-Type: text/x\r\nETag: "1"\r\n'),
    );
    for (const path of ["/a", "/a?b=1"]) await askOnce(gateway.port, get(path));
    fail();
    for (const path of ["/a", "/a?b=1"]) {
      const response = await askOnce(gateway.port, get(path));
      assert.equal(response.status, 200);
      assert.equal(response.body.toString(), `answer to ${path}`);
      assert.ok(isFallback(response));
      assert.deepEqual(response.headers.get("content-type"), ["text/x"]);
      assert.match(response.headers.get("age")?.[0] ?? "", /^\d+$/);
    }
    const head = await connect(gateway.port);
    head.send("HEAD /a HTTP/1.1\r\nHost: example\r\nConnection: close\r\n\r\n");
    await head.untilClosed();
    assert.match(head.text, /^HTTP\/1.1 200 [\s\S]*Content-Length: 12\r\n[\s\S]*\r\n\r\n$/);
    for (const request of [get("/b"), get("/a?b=2"), get("/a").replace("example", "other"), post("/a", "x")])
      assert.equal((await askOnce(gateway.port, request)).status, 502, request);
  });

  test("never goes to anybody who sends other credentials", async () => {
    const { gateway, fail } = await startSwitchable((request) =>
      ok(
        JSON.stringify([
          fieldsOf(request, "authorization"),
          fieldsOf(request, "cookie"),
          fieldsOf(request, "x-api-key"),
        ]),
      ),
    );
    const callers = [
      "",
      "Authorization: Bearer a\r\n",
      "Authorization: Bearer b\r\n",
      "Cookie: a=1\r\n",
      "X-API-Key: a\r\n",
    ];
    const before: string[] = [];
    for (const caller of callers)
      before.push((await askOnce(gateway.port, get("/me", caller))).body.toString());
    fail();
    for (const [i, caller] of callers.entries())
      assert.equal((await askOnce(gateway.port, get("/me", caller))).body.toString(), before[i]);
    for (const stranger of ["Cookie: a=2\r\n", "Authorization: Bearer a\r\nCookie: a=1\r\n"])
      assert.equal((await askOnce(gateway.port, get("/me", stranger))).status, 502);
  });

  test("is none that was cut short, set a cookie, was no 200, or may not be kept", async () => {
    const answers: Readonly<Record<string, string | Buffer>> = {
      "/no-store": ok("x", "Cache-Control: no-store\r\n"),
      "/private": ok("x", 'Cache-Control: max-age=1, private="x"\r\n'),
      "/cookie": ok("x", "Set-Cookie: a=1\r\n"),
      "/star": ok("x", "Vary: Accept, *\r\n"),
      "/other": ok("x").toString().replace("200 OK", "203 OK"),
      "/large": ok(Buffer.alloc(1024 * 1024 + 1, "x")),
    };
    const { origin, gateway, fail } = await startSwitchable(({ target }) => answers[target] ?? ok("x"));
    for (const path of Object.keys(answers)) assert.ok((await askOnce(gateway.port, get(path))).status < 300);
    origin.answer = (_, socket) => {
      socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
      return null;
    };
    const cut = await connect(gateway.port);
    cut.send(get("/cut"));
    await cut.untilClosed();
    await askOnce(gateway.port, get("/asked", "Cache-Control: no-store\r\n")).catch(() => {});
    fail();
    for (const path of [...Object.keys(answers), "/cut", "/asked"])
      assert.equal((await askOnce(gateway.port, get(path))).status, 502, path);
  });

  test("depends on what it says it depends on", async () => {
    const { gateway, fail } = await startSwitchable((request) =>
      ok(fieldsOf(request, "accept-language").join(), "Vary: Accept-Language\r\n"),
    );
    await askOnce(gateway.port, get("/", "Accept-Language: de\r\n"));
    fail();
    const same = await askOnce(gateway.port, get("/", "Accept-Language: de\r\n"));
    assert.equal(same.body.toString(), "de");
    assert.equal((await askOnce(gateway.port, get("/", "Accept-Language: en\r\n"))).status, 502);
  });
});
