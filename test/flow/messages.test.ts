/** What HTTP/1.1 has beside bodies: HEAD, 204, 304, interim answers, Expect, trailers, HTTP/1.0 (HTTP-2, 12, 25, 26, 27). */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { ask, askOnce, errorCode, get, post } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { fieldsOf, ok, RecordingOrigin } from "../harness/origin.ts";
import { RawClient } from "../harness/raw.ts";

describe("a message through the gateway", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  let clients: RawClient[] = [];
  before(async () => {
    origin = await RecordingOrigin.start();
    gateway = await startGateway({
      limits: { body: "1mb" },
      upstreams: { origin: { targets: [origin.url] } },
      routes: [
        { name: "all", path: "/*", to: { upstream: "origin" } },
        { name: "small", path: "/small/*", limits: { body: "1kb" }, to: { upstream: "origin" } },
        { name: "fixed", path: "/fixed", to: { fixed: { status: 200, body: "fixed" } } },
      ],
    });
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });
  beforeEach(() => {
    origin.reset();
    origin.answer = () => ok("ok");
  });
  afterEach(() => {
    for (const client of clients) client.destroy();
    clients = [];
  });
  async function open(): Promise<RawClient> {
    const client = await RawClient.to(gateway.port);
    clients.push(client);
    return client;
  }

  test("is answered by the origin and logged once", async () => {
    const client = await open();
    const response = await ask(client, get("/hello?a=1"));
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), "ok");
    const line = await gateway.logged((entry) => entry["path"] === "/hello");
    assert.equal(line["id"], response.headers.get("x-request-id")?.[0]);
    assert.equal((await gateway.log()).filter((entry) => entry["path"] === "/hello").length, 1);
  });

  describe("HEAD", () => {
    test("has the length that GET would have, no body, and leaves the client's connection usable", async () => {
      const client = await open();
      for (const answer of [
        ok("a body that is not sent").subarray(0, -"a body that is not sent".length),
        "HTTP/1.1 200 OK\r\nContent-Length: 23\r\nX-A: b\r\n\r\n",
      ]) {
        origin.answer = () => answer;
        client.received = Buffer.alloc(0);
        client.send("HEAD /head HTTP/1.1\r\nHost: e\r\n\r\n");
        await client.until(() => client.text.endsWith("\r\n\r\n"));
        assert.match(client.text, /^HTTP\/1\.1 200 /);
        assert.match(client.text, /\r\nContent-Length: 23\r\n/);
      }
      origin.answer = () => ok("next");
      client.received = Buffer.alloc(0);
      assert.equal((await ask(client, get("/next"))).body.toString(), "next");
    });

    test("of a chunked answer, and of ours, has no body either", async () => {
      origin.answer = () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
      const client = await open();
      for (const path of ["/chunked", "/fixed"]) {
        client.received = Buffer.alloc(0);
        client.send(`HEAD ${path} HTTP/1.1\r\nHost: e\r\n\r\n`);
        await client.until(() => client.text.endsWith("\r\n\r\n"));
        assert.match(client.text, /^HTTP\/1\.1 200 /);
      }
      client.received = Buffer.alloc(0);
      origin.answer = () => ok("next");
      assert.equal((await ask(client, get("/next"))).body.toString(), "next");
    });
  });

  for (const status of [204, 304]) {
    test(`${status} has no body, and the next answer on the connection is its own`, async () => {
      origin.answer = ({ target }) =>
        target === "/none" ? `HTTP/1.1 ${status} X\r\nETag: "a"\r\nX-A: b\r\n\r\n` : ok("own");
      const client = await open();
      client.send(get("/none") + get("/next"));
      const [first, second] = await client.responses(2);
      assert.equal(first?.status, status);
      assert.deepEqual(first?.headers.get("etag"), ['"a"']);
      assert.equal(first?.headers.has("transfer-encoding"), false);
      if (status === 204) assert.equal(first?.headers.has("content-length"), false);
      assert.equal(second?.body.toString(), "own");
    });
  }

  describe("an interim answer", () => {
    const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
    test("reaches an HTTP/1.1 client at once and in order, and nobody waits for the final one", async () => {
      let finish = () => {};
      origin.answer = (_request, socket) => {
        finish = () => socket.write(ok("final"));
        return HINTS + HINTS;
      };
      const client = await open();
      client.send(get("/hints"));
      await client.until(() => client.text.split("HTTP/1.1 103").length === 3);
      assert.match(client.text, /\r\nLink: <\/style\.css>; rel=preload\r\n\r\n/);
      finish();
      assert.equal((await client.response()).body.toString(), "final");
    });
    test("is not for an HTTP/1.0 client", async () => {
      origin.answer = () => HINTS + ok("final").toString();
      const client = await open();
      client.send("GET /hints HTTP/1.0\r\nHost: e\r\n\r\n");
      await client.untilClosed();
      assert.match(client.text, /^HTTP\/1\.1 200 /);
      assert.doesNotMatch(client.text, /103|Link/);
    });
    test("100 that nobody asked for is not passed on", async () => {
      origin.answer = () => `HTTP/1.1 100 Continue\r\n\r\n${ok("final").toString()}`;
      const client = await open();
      client.send(get("/hundred"));
      assert.equal((await client.response()).body.toString(), "final");
      assert.match(client.text, /^HTTP\/1\.1 200 /);
    });
  });

  describe("Expect: 100-continue", () => {
    const EXPECT = "Expect: 100-continue\r\n";
    for (const framing of ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"]) {
      test(`gets 100 when the body is going to be read (${framing.trim()})`, async () => {
        const client = await open();
        client.send(`POST /expect HTTP/1.1\r\nHost: e\r\n${EXPECT}${framing}\r\n`);
        await client.until(() => client.text === "HTTP/1.1 100 Continue\r\n\r\n");
        client.send(framing.startsWith("Content") ? "hello" : "5\r\nhello\r\n0\r\n\r\n");
        assert.equal((await client.response()).status, 200);
        assert.equal(origin.requests[0]?.body.toString(), "hello");
        assert.deepEqual(fieldsOf(origin.requests[0] as (typeof origin.requests)[0], "expect"), []);
        // The connection goes on.
        client.received = Buffer.alloc(0);
        assert.equal((await ask(client, get("/next"))).status, 200);
      });
    }
    test("gets no 100 where the body comes without waiting", async () => {
      const client = await open();
      client.send(`POST /expect HTTP/1.1\r\nHost: e\r\n${EXPECT}Content-Length: 5\r\n\r\nhello`);
      await client.response();
      assert.doesNotMatch(client.text, /100 Continue/);
    });
    for (const [what, path, status] of [
      ["is too large", "/small/x", 413],
      ["has no route", "/../x", 400],
    ] as const) {
      test(`gets the final answer and no 100 where the request ${what}`, async () => {
        const client = await open();
        client.send(`POST ${path} HTTP/1.1\r\nHost: e\r\n${EXPECT}Content-Length: 5000\r\n\r\n`);
        const response = await client.response();
        assert.equal(response.status, status);
        assert.doesNotMatch(client.text, /100 Continue/);
        // Whether the body comes now cannot be known, so the connection ends.
        await client.untilClosed();
        assert.equal(origin.requests.length, 0);
      });
    }
    test("gets 417 for any other expectation", async () => {
      const response = await askOnce(gateway.port, get("/", "Expect: 200-ok\r\n"));
      assert.equal(response.status, 417);
      assert.equal(errorCode(response), "EXPECTATION_FAILED");
    });
    test("means nothing from an HTTP/1.0 client", async () => {
      const client = await open();
      client.send(`POST /expect HTTP/1.0\r\nHost: e\r\n${EXPECT}Content-Length: 5\r\n\r\n`);
      client.send("hello");
      await client.untilClosed();
      assert.match(client.text, /^HTTP\/1\.1 200 /);
    });
  });

  describe("trailers", () => {
    const CHUNKED =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Checksum\r\n\r\n2\r\nok\r\n0\r\nChecksum: abc\r\nAuthorization: x\r\nSet-Cookie: a=b\r\n\r\n";
    test("reach a client that said TE: trailers, without those that decide anything", async () => {
      origin.answer = () => CHUNKED;
      const response = await askOnce(gateway.port, get("/t", "TE: trailers\r\nConnection: TE\r\n"));
      assert.equal(response.body.toString(), "ok");
      assert.match(response.trailers, /^Checksum: abc$/m);
      assert.doesNotMatch(response.trailers, /Authorization|Set-Cookie/);
      assert.equal(response.headers.has("checksum"), false);
      assert.deepEqual(fieldsOf(origin.requests[0] as (typeof origin.requests)[0], "te"), ["trailers"]);
    });
    test("reach no other client, and TE is not asked in its name", async () => {
      origin.answer = () => CHUNKED;
      for (const fields of ["", "TE: gzip\r\n", "TE: xtrailers\r\n"]) {
        origin.reset();
        const response = await askOnce(gateway.port, get("/t", fields));
        assert.equal(response.body.toString(), "ok");
        assert.equal(response.trailers.trim(), "");
        assert.equal(response.headers.has("checksum"), false);
      }
    });
    test("that come apart from the body reach a client that asked", async () => {
      let finish = () => {};
      origin.answer = (_request, socket) => {
        finish = () => socket.write("0\r\nChecksum: late\r\n\r\n");
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n";
      };
      const client = await open();
      client.send(get("/t", "TE: trailers\r\nConnection: TE\r\n"));
      await client.until(() => client.text.includes("2\r\nok"));
      finish();
      const response = await client.response();
      assert.match(response.trailers, /Checksum: late/);
    });
    test("that would frame the message make the answer invalid", async () => {
      origin.answer = () => CHUNKED.replace("Authorization: x", "Content-Length: 99");
      const response = await askOnce(gateway.port, get("/t"));
      assert.equal(response.status, 502);
    });
    test("of a request are not passed on", async () => {
      await askOnce(
        gateway.port,
        "POST /t HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Secret: s\r\n\r\n",
      );
      assert.equal(origin.requests[0]?.body.toString(), "ok");
      assert.doesNotMatch(origin.text, /X-Secret/);
    });
  });

  describe("an HTTP/1.0 client", () => {
    test("gets its answer and the end of the connection", async () => {
      const client = await open();
      client.send("GET /old HTTP/1.0\r\n\r\n");
      assert.equal(await client.untilClosed(), "fin");
      assert.match(client.text, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nok$/);
    });
    test("that keeps its connection alive is told so and is served again on it", async () => {
      const client = await open();
      for (let i = 0; i < 3; i++) {
        const response = await ask(client, `GET /old/${i} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
        assert.deepEqual(response.headers.get("connection"), ["keep-alive"]);
      }
      assert.equal(client.closed, null);
    });
    test("gets a chunked answer without chunks, ended by the connection, even if it asked to keep it", async () => {
      let finish = () => {};
      origin.answer = (_request, socket) => {
        finish = () => socket.write("3\r\ndef\r\n0\r\n\r\n");
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
      };
      const client = await open();
      client.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
      await client.until(() => client.text.endsWith("abc"));
      finish();
      assert.equal(await client.untilClosed(), "fin");
      assert.doesNotMatch(client.text, /Transfer-Encoding|Content-Length/);
      assert.match(client.text, /\r\nConnection: close\r\n/);
      assert.ok(client.text.endsWith("\r\n\r\nabcdef"), client.text);
    });
  });

  test("Connection: close from the client ends the connection after the answer", async () => {
    const client = await open();
    const response = await ask(client, get("/bye", "Connection: close\r\n"));
    assert.deepEqual(response.headers.get("connection"), ["close"]);
    assert.equal(await client.untilClosed(), "fin");
  });

  test("the 1,000th request on a connection is answered with Connection: close", async () => {
    const client = await open();
    for (let i = 1; i < 1000; i += 111) {
      client.send(get("/n").repeat(111));
      const responses = await client.responses(111);
      assert.ok(responses.every(({ headers }) => !headers.has("connection")));
      client.received = Buffer.alloc(0);
    }
    const last = await ask(client, get("/n"));
    assert.deepEqual(last.headers.get("connection"), ["close"]);
    assert.equal(await client.untilClosed(), "fin");
  });

  test("a body that comes late, byte by byte, is one body at the origin", async () => {
    const client = await open();
    client.send("POST /slow HTTP/1.1\r\nHost: e\r\nContent-Length: 26\r\n\r\n");
    await client.sendSlowly("abcdefghijklmnopqrstuvwxyz");
    await client.response();
    assert.equal(origin.requests[0]?.body.toString(), "abcdefghijklmnopqrstuvwxyz");
  });

  test("an answer that comes byte by byte is one answer at the client", async () => {
    const whole = ok("abcdefghijklmnopqrstuvwxyz", "X-A: b\r\n");
    origin.answer = (_request, socket) => {
      void (async () => {
        for (const byte of whole) await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
      })();
      return null;
    };
    const response = await askOnce(gateway.port, get("/slow"));
    assert.equal(response.body.toString(), "abcdefghijklmnopqrstuvwxyz");
    assert.deepEqual(response.headers.get("x-a"), ["b"]);
  });

  test("a POST without a body says so to the origin", async () => {
    await askOnce(gateway.port, post("/empty", ""));
    await askOnce(gateway.port, "POST /none HTTP/1.1\r\nHost: e\r\n\r\n");
    await eventually("both arrived", () => origin.requests.length === 2);
    for (const request of origin.requests) assert.deepEqual(fieldsOf(request, "content-length"), ["0"]);
  });
});
