/** HTTP-2, 12, 25 to 31, 34: answers, streams and goodbyes over HTTP/2. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Stand } from "../conformance/stand.ts";
import { eventually } from "../harness/eventually.ts";
import { answerOf, Http2Client } from "../harness/http2-client.ts";
import {
  Code,
  Flag,
  FrameClient,
  frame,
  headers,
  PREFACE,
  requestFields,
  Type,
  word,
} from "../harness/http2-frames.ts";
import { type Answer, fieldsOf, ok } from "../harness/origin.ts";

const answers: Answer = ({ method, target, body }, socket) => {
  switch (target) {
    case "/trailers":
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\nCache-Control: no-store\r\n\r\n";
    case "/chunked":
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
    case "/hints":
      return Buffer.concat([
        Buffer.from("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n"),
        ok("late"),
      ]);
    case "/204":
      return "HTTP/1.1 204 No Content\r\n\r\n";
    case "/304":
      return 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n';
    case "/hop":
      return ok(
        "x",
        "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nServer: old\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-UPPER: 1\r\n",
      );
    case "/twice":
      return ok("x", "Content-Type: a/b\r\nContent-Type: c/d\r\n");
    case "/cut":
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
      return null;
    case "/cut-chunked":
      socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
      return null;
    case "/early":
      return "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
    case "/hang":
      return null;
    case "/big":
      return Buffer.concat([
        Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n"),
        Buffer.alloc(33_554_432, "x"),
      ]);
    default:
      return method === "HEAD"
        ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        : ok(`${method} ${target} ${body.length}`);
  }
};

describe("an HTTP/2 client", () => {
  let stand: Stand;
  let client: Http2Client;
  before(async () => {
    stand = await Stand.open({}, { answer: answers });
    client = new Http2Client(`http://127.0.0.1:${stand.gateway.port}`);
  });
  after(async () => {
    client.close();
    await stand.close();
  });

  test("gets trailers that may be forwarded if it reads them, and none if not", async () => {
    const asked = await client.ask("/trailers", { te: "trailers" });
    assert.equal(asked.body, "abc");
    assert.deepEqual(Object.entries(asked.trailers), [["x-sum", "1"]]);
    assert.deepEqual(Object.keys((await client.ask("/trailers")).trailers), []);
    assert.deepEqual(Object.keys((await client.ask("/chunked", { te: "trailers" })).trailers), []);
  });

  test("gets interim answers with all their fields, and a 100 only when the body is going to be read", async () => {
    assert.deepEqual((await client.ask("/hints")).interim, [103]);
    const stream = client.open("/x", { ":method": "POST", expect: "100-continue" }, false);
    const answer = answerOf(stream);
    stream.on("continue", () => stream.end("hello"));
    assert.equal((await answer).body, "POST /x 5");
    const refused = await answerOf(
      client.open("/x%2f", { ":method": "POST", expect: "100-continue" }, false),
    );
    assert.deepEqual([refused.status, refused.interim], [400, []]);
  });

  test("gets no body with HEAD, 204 and 304, and the length that there would have been", async () => {
    const head = await client.ask("/length", { ":method": "HEAD" });
    assert.deepEqual([head.status, head.headers["content-length"], head.body], [200, "5", ""]);
    assert.deepEqual((await client.ask("/204")).headers["content-length"], undefined);
    assert.equal((await client.ask("/304")).headers["etag"], '"x"');
  });

  test("gets no field that belongs to the origin's connection, and every other one", async () => {
    const { headers } = await client.ask("/hop");
    assert.deepEqual(headers["set-cookie"], ["a=1", "b=2"]);
    assert.equal(headers["x-upper"], "1");
    for (const name of ["connection", "x-hop", "keep-alive", "server", "transfer-encoding"])
      assert.equal(headers[name], undefined);
    assert.match(String(headers["x-request-id"]), /^req_/);
    assert.ok(headers["date"]);
    assert.equal((await client.ask("/twice")).status, 200);
  });

  test("is shown by a reset that an answer is not whole", async () => {
    for (const path of ["/cut", "/cut-chunked"]) {
      await assert.rejects(client.ask(path), /reset with 2/);
      await assert.rejects(client.ask(path, { te: "trailers" }), /reset with 2/);
    }
    assert.equal((await stand.gateway.logged((line) => line["path"] === "/cut"))["aborted"], "upstream");
  });

  test("that goes away takes its request at the origin with it", async () => {
    const stream = client.open("/hang");
    const { connection } = await stand.arrived("/hang");
    const open = stand.origin.open;
    stream.close(Code.cancel);
    await eventually("the origin's connection has gone", () => stand.origin.open < open);
    assert.ok(connection >= 0);
    const line = await stand.gateway.logged((one) => one["path"] === "/hang");
    assert.deepEqual([line["status"], line["aborted"]], [499, "client"]);
  });

  test("may be answered before its body is whole, and is told to send no more of it", async () => {
    const raw = await FrameClient.to(stand.gateway.port);
    raw.send(
      headers(1, requestFields("/early%2f", [], "POST"), false),
      frame(Type.data, 0, 1, Buffer.alloc(1000)),
    );
    await raw.until((frames) => frames.some(({ type }) => type === Type.reset));
    const kinds = raw.frames.filter(({ stream }) => stream === 1).map(({ type }) => type);
    assert.deepEqual([kinds[0], kinds.at(-1)], [Type.headers, Type.reset]);
    assert.deepEqual(raw.frames.find(({ type }) => type === Type.reset)?.payload, word(Code.noError));
    raw.destroy();
  });

  test("that reads slowly is waited for, and the origin with it", async () => {
    const raw = await FrameClient.to(stand.gateway.port);
    raw.send(headers(1, requestFields("/big")));
    await raw.until(
      (frames) =>
        frames
          .filter(({ type }) => type === Type.data)
          .reduce((sum, { payload }) => sum + payload.length, 0) === 65_535,
    );
    const sent = raw.frames.filter(({ type }) => type === Type.data).length;
    raw.send(headers(3, requestFields("/beside", [], "HEAD")));
    await raw.until((frames) => frames.some(({ stream, type }) => stream === 3 && type === Type.headers));
    assert.equal(
      raw.frames.filter(({ type }) => type === Type.data).length,
      sent,
      "no byte beyond the window",
    );
    raw.destroy();
    await stand.gateway.logged((line) => line["path"] === "/big" && line["aborted"] === "client");
  });

  test("may begin with the preface cut up into single bytes", async () => {
    const raw = await stand.client();
    await raw.sendSlowly(Buffer.concat([PREFACE, frame(Type.settings, 0, 0)]));
    raw.send(headers(1, requestFields("/slowly")));
    await raw.until(() => raw.text.includes("GET /slowly 0"));
    raw.destroy();
  });

  test("that almost begins with the preface is taken for one of HTTP/1.1", async () => {
    const raw = await stand.client();
    raw.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
    await raw.untilClosed();
    assert.match(raw.text, /^HTTP\/1\.1 (?:400|501|505) /);
  });

  test("sends no client field that tells an upstream who is calling", async () => {
    await client.ask("/spoof", {
      "x-consumer-id": "root",
      "x-forwarded-for": "1.2.3.4",
      "x-real-ip": "1.2.3.4",
    });
    const request = await stand.arrived("/spoof");
    assert.deepEqual(fieldsOf(request, "x-consumer-id"), []);
    assert.deepEqual(fieldsOf(request, "x-forwarded-for"), ["127.0.0.1"]);
  });
});

describe("a slow HTTP/2 client", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open(
      { timeouts: { head: "10s", body: "30s", keepAlive: "60s", write: "60s" } },
      { answer: answers, time: "by hand" },
    );
  });
  after(() => stand.close());

  test("that sends no request is let go after the time for a head", async () => {
    const raw = await FrameClient.to(stand.gateway.port);
    await raw.until((frames) => frames.length > 0);
    stand.gateway.clock.advance(10_000);
    await raw.until((frames) => frames.some(({ type }) => type === Type.goaway));
    stand.gateway.clock.advance(1_100);
    await raw.raw.untilClosed();
  });

  test("that stalls in its body gets 408", async () => {
    const raw = await FrameClient.to(stand.gateway.port);
    raw.send(
      headers(1, requestFields("/stall", [], "POST"), false),
      frame(Type.data, 0, 1, Buffer.alloc(10)),
    );
    await stand.untilText("/stall");
    stand.gateway.clock.advance(30_100);
    await raw.until(() => raw.raw.text.includes("REQUEST_TIMEOUT"));
    raw.destroy();
  });

  test("that reads nothing of an answer loses the stream, and the origin its work", async () => {
    // A window of nothing (RFC 9113 §6.5.2: SETTINGS_INITIAL_WINDOW_SIZE).
    const raw = await FrameClient.to(stand.gateway.port, [[4, 0]]);
    for (let id = 1; id < 40; id += 2) raw.send(headers(id, requestFields("/big")));
    await raw.until((frames) => frames.filter(({ type }) => type === Type.headers).length === 20);
    stand.gateway.clock.advance(61_000);
    await raw.until((frames) => frames.filter(({ type }) => type === Type.reset).length === 20);
    await eventually("the origin has no connection left", () => stand.origin.open === 0);
    raw.destroy();
  });

  test("that is idle is let go after the keep-alive time, and a request on its way still answered", async () => {
    const raw = await FrameClient.to(stand.gateway.port);
    raw.send(headers(1, requestFields("/one")));
    await raw.outcome(1);
    stand.gateway.clock.advance(60_100);
    await raw.until((frames) => frames.some(({ type }) => type === Type.goaway));
    raw.send(headers(3, requestFields("/two")));
    await raw.until(() => raw.raw.text.includes("GET /two 0"));
    stand.gateway.clock.advance(1_200);
    await raw.raw.untilClosed();
    assert.equal(raw.goaway, Code.noError);
  });
});

describe("an HTTP/2 connection", () => {
  test("ends a second after its goodbye, however many requests its client sends on", async () => {
    await using stand = await Stand.open({ limits: { requestsPerConnection: 3 } }, { time: "by hand" });
    const raw = await FrameClient.to(stand.gateway.port);
    let id = 1;
    for (let second = 0; second < 2; second += 0.1) {
      if (raw.raw.closed !== null) break;
      raw.send(headers(id, requestFields(`/on/${id}`)));
      id += 2;
      await new Promise((resolve) => setImmediate(resolve));
      stand.gateway.clock.advance(100);
    }
    await raw.raw.untilClosed();
    raw.destroy();
  });

  test("is closed politely after its last request, whose answer is whole", async () => {
    await using stand = await Stand.open({ limits: { requestsPerConnection: 3 } }, { time: "by hand" });
    const raw = await FrameClient.to(stand.gateway.port);
    for (const id of [1, 3, 5]) raw.send(headers(id, requestFields(`/${id}`)));
    await raw.until((frames) => frames.some(({ type }) => type === Type.goaway));
    await raw.until(() => raw.raw.text.includes("GET /5 0"));
    stand.gateway.clock.advance(1_200);
    await raw.raw.untilClosed();
  });

  test("that the gateway's stop finds busy ends with GOAWAY and a whole answer", async () => {
    let answer: () => void = () => {};
    await using stand = await Stand.open(
      {},
      {
        answer: (_request, socket) => {
          answer = () => socket.write(ok("at last"));
          return null;
        },
      },
    );
    const raw = await FrameClient.to(stand.gateway.port);
    raw.send(headers(1, requestFields("/stop")));
    await stand.arrived("/stop");
    const stopped = stand.gateway.running.stop("interrupt");
    await raw.until((frames) => frames.some(({ type }) => type === Type.goaway));
    answer();
    assert.deepEqual(
      await raw.until((frames) =>
        frames.some(({ type, flags }) => type === Type.data && (flags & Flag.endStream) !== 0),
      ),
      undefined,
    );
    assert.match(raw.raw.text, /at last/);
    await stopped;
    await raw.raw.untilClosed();
  });

  test("is not spoken where the config says so", async () => {
    await using stand = await Stand.open({ listen: { http2: false } });
    const raw = await FrameClient.to(stand.gateway.port);
    await raw.raw.untilClosed();
    assert.match(raw.raw.text, /^HTTP\/1\.1 (?:400|501|505) /);
  });
});
