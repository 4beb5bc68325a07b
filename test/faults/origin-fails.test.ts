/** What clients see of an origin that fails: 502 or 504 before the answer has begun, a visible cut after (HTTP-28, 29). */
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { ask, askOnce, errorCode, get, post } from "../harness/ask.ts";
import { freePort } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import { parseResponses, RawClient } from "../harness/raw.ts";
import { startDeafListener } from "./deaf-listener.ts";

const BODY = "0123456789abcdef".repeat(256);
const HEAD_LENGTH = `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\nX-Filler: ${"f".repeat(64)}\r\n\r\n`;
const HEAD_CHUNKED = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Filler: ${"f".repeat(64)}\r\n\r\n`;
const CHUNKED = `400\r\n${BODY.slice(0, 0x400)}\r\nc00\r\n${BODY.slice(0x400)}\r\n0\r\n\r\n`;

const config = (origin: string, upstream: object = {}) => ({
  upstreams: { origin: { targets: [origin], ...upstream } },
  routes: [{ name: "all", path: "/*", to: { upstream: "origin" }, limits: { body: "unlimited" } }],
});

/** A fault is over for the client: it has an answer, or its connection has ended. */
async function outcome(client: RawClient): Promise<"answered" | "fin" | "reset"> {
  await client.until(() => client.closed !== null || parseResponses(client.received).length > 0);
  return parseResponses(client.received).length > 0 ? "answered" : (client.closed ?? "fin");
}

describe("an origin that fails", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  before(async () => {
    origin = await RecordingOrigin.start();
    gateway = await startGateway(config(origin.url));
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });
  beforeEach(() => {
    origin.reset();
    origin.answer = () => ok("ok");
    origin.onConnection = () => {};
  });

  /** The next request goes to the origin on another connection and gets its own answer. */
  async function nextIsServedAfresh(failed: number): Promise<void> {
    origin.answer = (request) => ok(`fresh ${request.target}`);
    origin.onConnection = () => {};
    const response = await askOnce(gateway.port, get("/next"));
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), "fresh /next");
    assert.notEqual(origin.requests.at(-1)?.connection, failed, "the failed connection was used again");
  }

  const endings: readonly [string, (socket: Socket) => void][] = [
    ["a reset", (socket) => socket.resetAndDestroy()],
    ["a FIN", (socket) => socket.end()],
  ];
  for (const [ending, end] of endings) {
    for (const [framing, head, body] of [
      ["Content-Length", HEAD_LENGTH, BODY],
      ["chunked", HEAD_CHUNKED, CHUNKED],
    ] as const) {
      test(`${ending} at 20 offsets of a ${framing} answer is a 502 before the head is whole and never a clean end after`, async () => {
        const whole = Buffer.from(head + body);
        const offsets = new Set([0, 1, 9, head.length - 1, head.length, head.length + 1, whole.length - 1]);
        for (let step = 1; offsets.size < 20; step++) offsets.add(Math.floor((whole.length * step) / 14));
        for (const offset of offsets) {
          origin.answer = (_request, socket) => {
            socket.write(whole.subarray(0, offset), () => end(socket));
            return null;
          };
          const client = await RawClient.to(gateway.port);
          client.send(get(`/cut/${offset}`));
          const seen = await outcome(client);
          client.destroy();
          const failed = origin.requests.at(-1)?.connection ?? -1;
          if (offset < head.length) {
            const [response] = parseResponses(client.received);
            assert.equal(response?.status, 502, `at ${offset}`);
            assert.ok(
              ["UPSTREAM_DISCONNECTED", "UPSTREAM_INVALID_RESPONSE"].includes(
                response === undefined ? "" : (errorCode(response) ?? ""),
              ),
            );
          } else {
            assert.notEqual(seen, "answered", `a cut answer was passed off as whole at ${offset}`);
            if (ending === "a reset") assert.equal(seen, "reset", `at ${offset}`);
            assert.match(client.text, /^HTTP\/1\.1 200 /);
          }
          await nextIsServedAfresh(failed);
        }
      });
    }
  }

  test("a reset inside an answer that ends with the connection is a reset for the client too", async () => {
    origin.answer = (_request, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n\r\n${BODY}`, () => socket.resetAndDestroy());
      return null;
    };
    for (const version of ["1.0", "1.1"]) {
      const client = await RawClient.to(gateway.port);
      client.send(`GET /close HTTP/${version}\r\nHost: example\r\n\r\n`);
      assert.equal(await client.untilClosed(), "reset", `HTTP/${version}`);
      assert.ok(!client.text.endsWith("0\r\n\r\n"), "a last chunk was made up");
    }
  });

  test("an answer that ends with the connection is whole when the origin sends FIN", async () => {
    origin.answer = (_request, socket) => {
      socket.end(`HTTP/1.1 200 OK\r\n\r\n${BODY}`);
      return null;
    };
    const response = await askOnce(gateway.port, get("/close"));
    assert.equal(response.body.toString(), BODY);
  });

  test("a Content-Length that promises too much is cut for the client, with FIN and with reset", async () => {
    for (const end of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
      origin.answer = (_request, socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", () => end(socket));
        return null;
      };
      const client = await RawClient.to(gateway.port);
      client.send(get("/short"));
      assert.notEqual(await outcome(client), "answered");
      client.destroy();
    }
    await nextIsServedAfresh(origin.requests.at(-1)?.connection ?? -1);
  });

  test("a chunked answer without its last chunk has none for the client either", async () => {
    origin.answer = (_request, socket) => {
      socket.end(HEAD_CHUNKED + CHUNKED.slice(0, -"0\r\n\r\n".length));
      return null;
    };
    const client = await RawClient.to(gateway.port);
    client.send(get("/lastless"));
    assert.equal(await outcome(client), "reset");
    assert.ok(!client.text.endsWith("0\r\n\r\n"));
  });

  test("an origin that dies after part of the body has been delivered cuts the client", async () => {
    const sockets: Socket[] = [];
    origin.answer = (_request, socket) => {
      sockets.push(socket);
      return HEAD_CHUNKED + CHUNKED.slice(0, 100);
    };
    const client = await RawClient.to(gateway.port);
    client.send(get("/dies"));
    await client.until(() => client.text.includes("0123456789abcdef"));
    for (const socket of sockets) socket.resetAndDestroy();
    assert.equal(await client.untilClosed(), "reset");
    const line = await gateway.logged((entry) => entry["path"] === "/dies");
    assert.equal(line["aborted"], "upstream");
  });

  test("an origin that half-closes after its answer is not asked again on that connection", async () => {
    origin.answer = (_request, socket) => {
      socket.end(ok("last words"));
      return null;
    };
    const response = await askOnce(gateway.port, get("/half"));
    assert.equal(response.body.toString(), "last words");
    await nextIsServedAfresh(origin.requests.at(-1)?.connection ?? -1);
  });

  test("an origin that half-closes before its answer and then answers is still heard, or a 502", async () => {
    // Node's sockets write after FIN only with allowHalfOpen, so the FIN comes with the answer's first bytes.
    origin.answer = (_request, socket) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Le");
      return null;
    };
    const response = await askOnce(gateway.port, get("/half-head"));
    assert.equal(response.status, 502);
    assert.equal(errorCode(response), "UPSTREAM_DISCONNECTED");
  });

  const garbage: readonly [string, string | Buffer][] = [
    ["no HTTP at all", "garbage\r\n\r\n"],
    ["binary noise", Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) & 0xff))],
    ["HTTP/0.9", "<html>hello</html>"],
    ["HTTP/2.0 in text", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"],
    ["a bare CR in a value", "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nok"],
    ["NUL in a value", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok"],
    ["obs-fold", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok"],
    ["status 099", "HTTP/1.1 099 Low\r\nContent-Length: 2\r\n\r\nok"],
    ["status 999", "HTTP/1.1 999 High\r\nContent-Length: 2\r\n\r\nok"],
    ["status 2000", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["two Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"],
    ["a negative Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok"],
    [
      "Content-Length and Transfer-Encoding",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
    ["chunked, gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    ["a header of 20 KiB", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_480)}\r\nContent-Length: 0\r\n\r\n`],
    ["1,000 headers", `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(1000)}Content-Length: 0\r\n\r\n`],
    [
      "101 that nobody asked for",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    ],
    [
      "1,000 × 103",
      `${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000)}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`,
    ],
  ];
  for (const [what, bytes] of garbage) {
    test(`an answer with ${what} is a 502 that names no internals, and the connection is closed`, async () => {
      let closed = 0;
      origin.answer = (_request, socket) => {
        socket.on("close", () => closed++);
        return bytes;
      };
      const response = await askOnce(gateway.port, get("/garbage"));
      assert.equal(response.status, 502);
      assert.equal(errorCode(response), "UPSTREAM_INVALID_RESPONSE");
      assert.doesNotMatch(response.body.toString(), /127\.0\.0\.1|\.ts| {4}at /);
      await eventually("the origin's connection is closed", () => closed === 1);
      await nextIsServedAfresh(origin.requests.at(-1)?.connection ?? -1);
    });
  }

  const badChunks: readonly [string, string][] = [
    ["a size that is no number", "zz\r\nok\r\n0\r\n\r\n"],
    ["no line end after the data", "2\r\nokX\r\n0\r\n\r\n"],
    ["bare LF", "2\nok\n0\n\n"],
    ["a size beyond all bounds", "fffffffffffffffff\r\nok\r\n0\r\n\r\n"],
    ["broken trailers", "2\r\nok\r\n0\r\nno colon\r\n\r\n"],
  ];
  for (const [what, bytes] of badChunks) {
    for (const together of [true, false]) {
      let last: Socket | null = null;
      test(`a chunked answer with ${what}, ${together ? "behind" : "apart from"} its head, is not passed off as whole`, async () => {
        origin.answer = (_request, socket) => {
          const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
          last = socket;
          return together ? head + bytes : `${head}1\r\na\r\n`;
        };
        const client = await RawClient.to(gateway.port);
        client.send(get("/chunks"));
        if (!together) {
          await client.until(() => client.text.includes("1\r\na\r\n"));
          last?.write(bytes);
        }
        const seen = await outcome(client);
        const [response] = parseResponses(client.received);
        client.destroy();
        assert.ok(seen === "reset" || response?.status === 502, `${seen} ${client.text}`);
        await nextIsServedAfresh(origin.requests.at(-1)?.connection ?? -1);
      });
    }
  }

  test("a second answer that nobody asked for reaches no client and costs the connection", async () => {
    for (const surplus of [ok("second"), "x", "\r\n", "HTTP/1.1 408 Request Timeout\r\n\r\n"]) {
      origin.answer = (request) => Buffer.concat([ok(`first ${request.target}`), Buffer.from(surplus)]);
      const client = await RawClient.to(gateway.port);
      const first = await ask(client, get("/twice"));
      assert.equal(first.body.toString(), "first /twice");
      const failed = origin.requests.at(-1)?.connection ?? -1;
      origin.answer = (request) => ok(`own ${request.target}`);
      const second = await ask(client, get("/after"));
      assert.equal(second.body.toString(), "own /after");
      assert.notEqual(origin.requests.at(-1)?.connection, failed);
      client.destroy();
    }
  });

  test("a byte on a connection that waits for nothing closes it before it is used again", async () => {
    let socketClosed = false;
    let kept: Socket | null = null;
    origin.answer = (_request, socket) => {
      kept = socket;
      socket.on("close", () => {
        socketClosed = true;
      });
      return ok("ok");
    };
    await askOnce(gateway.port, get("/idle"));
    const sender = kept as Socket | null;
    sender?.write(ok("poison"));
    await eventually("the poisoned connection is closed", () => socketClosed);
    await nextIsServedAfresh(origin.requests.at(-1)?.connection ?? -1);
  });

  for (const [what, request, answer] of [
    ["HEAD", "HEAD /b HTTP/1.1\r\nHost: e\r\n\r\n", ok("a body")],
    ["204", get("/b"), "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\na body"],
    ["304", get("/b"), "HTTP/1.1 304 Not Modified\r\n\r\na body"],
  ] as const) {
    test(`a body behind the answer to ${what} reaches nobody and costs the connection`, async () => {
      origin.answer = () => answer;
      const client = await RawClient.to(gateway.port);
      client.send(request);
      await client.until(() => client.text.includes("\r\n\r\n"));
      const failed = origin.requests.at(-1)?.connection ?? -1;
      await nextIsServedAfresh(failed);
      assert.ok(client.text.endsWith("\r\n\r\n"), "a body was sent where none belongs");
      client.destroy();
    });
  }

  test("an origin that refuses is a 502 that says nothing was sent", async () => {
    const dead = await startGateway(config(`http://127.0.0.1:${await freePort()}`));
    try {
      for (const request of [get("/"), post("/", "body")]) {
        const response = await askOnce(dead.port, request);
        assert.equal(response.status, 502);
        assert.equal(errorCode(response), "UPSTREAM_UNREACHABLE");
        assert.doesNotMatch(response.body.toString(), /127\.0\.0\.1|ECONNREFUSED/);
      }
    } finally {
      await dead.stop();
    }
  });

  test("an origin whose name nobody knows is a 502", async () => {
    const lost = await startGateway(config("http://nowhere.invalid:80"));
    try {
      const response = await askOnce(lost.port, get("/"), 10_000);
      assert.equal(response.status, 502);
      assert.equal(errorCode(response), "UPSTREAM_UNREACHABLE");
    } finally {
      await lost.stop();
    }
  });

  test("an origin that closes a fresh connection without a word is a 502, and a POST is not repeated", async () => {
    origin.answer = (_request, socket) => {
      socket.destroy();
      return null;
    };
    const response = await askOnce(gateway.port, post("/silent", "body"));
    assert.equal(response.status, 502);
    assert.equal(errorCode(response), "UPSTREAM_DISCONNECTED");
    assert.equal(origin.requests.filter(({ target }) => target === "/silent").length, 1);
  });
});

describe("an origin that answers before the request is whole", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  before(async () => {
    origin = await RecordingOrigin.start();
    gateway = await startGateway(config(origin.url));
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });

  /** Answers as soon as a head has come, then does `then` with the socket. */
  function answerEarly(answer: string | Buffer, then: (socket: Socket) => void): void {
    origin.answer = () => null;
    origin.onConnection = (socket) => {
      socket.once("data", () => socket.write(answer, () => then(socket)));
    };
  }
  const HUGE = `POST /early HTTP/1.1\r\nHost: example\r\nContent-Length: ${64 * 1024 * 1024}\r\n\r\n`;
  const CHUNKED_POST =
    "POST /early HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";

  for (const [what, then] of [
    ["closes", (socket: Socket) => socket.end()],
    ["goes on reading", () => {}],
    ["stops reading", (socket: Socket) => socket.pause()],
    ["resets after a moment", (socket: Socket) => setImmediate(() => socket.resetAndDestroy())],
  ] as const) {
    for (const [framing, request] of [
      ["Content-Length", HUGE],
      ["chunked", CHUNKED_POST],
    ] as const) {
      test(`and then ${what}: the ${framing} client gets that answer and the next one its own`, async () => {
        answerEarly("HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nearly", then);
        const connections = origin.connections;
        const client = await RawClient.to(gateway.port);
        client.send(request);
        const piece = Buffer.alloc(32 * 1024, "x");
        if (framing === "chunked") client.send("8000\r\n");
        client.send(piece);
        const response = await client.response();
        assert.equal(response.status, 401);
        assert.equal(response.body.toString(), "early");
        // Whatever the client goes on to send is nobody's request.
        client.send(get("/smuggled"));
        origin.onConnection = () => {};
        origin.answer = ({ target }) => ok(`own ${target}`, "Connection: close\r\n");
        const next = await askOnce(gateway.port, get("/next"));
        assert.equal(next.body.toString(), "own /next");
        assert.equal(origin.connections, connections + 2, "the connection was used again");
        client.destroy();
        assert.ok(!origin.requests.some(({ target }) => target === "/smuggled"));
      });
    }
  }

  test("with 413 while 10 MB are on their way: the client reads the 413, 100 times of 100", async () => {
    answerEarly(
      "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig",
      (socket) => socket.end(),
    );
    const piece = Buffer.alloc(1024 * 1024);
    for (let round = 0; round < 100; round++) {
      const client = await RawClient.to(gateway.port);
      client.send(`POST /big HTTP/1.1\r\nHost: e\r\nContent-Length: ${10 * piece.length}\r\n\r\n`);
      for (let i = 0; i < 10; i++) client.send(piece);
      const response = await client.response();
      assert.equal(response.status, 413, `round ${round}`);
      client.destroy();
    }
  });

  test("with an answer that outlasts the upload: both arrive whole", async () => {
    let upload = 0;
    origin.answer = () => null;
    origin.onConnection = (socket) => {
      socket.once("data", () =>
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"),
      );
      socket.on("data", (chunk) => {
        upload += chunk.length;
        if (chunk.includes("THE END")) socket.write("4\r\nlast\r\n0\r\n\r\n");
      });
    };
    const client = await RawClient.to(gateway.port);
    client.send("POST /both HTTP/1.1\r\nHost: e\r\nContent-Length: 100007\r\n\r\n");
    await client.until(() => client.text.includes("first"));
    client.send(Buffer.alloc(100_000, "x"));
    client.send("THE END");
    const response = await client.response();
    assert.equal(response.body.toString(), "firstlast");
    assert.ok(upload > 100_007);
    client.destroy();
  });
});

describe("an origin that stalls", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  before(async () => {
    origin = await RecordingOrigin.start();
    gateway = await startGateway(config(origin.url), { time: "by hand" });
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });

  test("before its answer gets the client a 504 at firstByte, not before, and loses the connection", async () => {
    let closed = false;
    origin.answer = (_request, socket) => {
      socket.on("close", () => {
        closed = true;
      });
      return null;
    };
    for (const request of [get("/stall"), post("/stall", "x")]) {
      closed = false;
      origin.reset();
      const client = await RawClient.to(gateway.port);
      client.send(request);
      await eventually("the request is at the origin", () => origin.requests.length === 1);
      gateway.clock.advance(14_800);
      assert.equal(client.text, "");
      assert.equal(closed, false);
      gateway.clock.advance(300);
      const response = await client.response();
      assert.equal(response.status, 504);
      assert.equal(errorCode(response), "UPSTREAM_TIMEOUT");
      await eventually("the connection is closed", () => closed);
      assert.equal(origin.requests.length, 1, "a request that timed out was repeated");
      client.destroy();
    }
  });

  test("inside its head gets the client a 504 however it trickles", async () => {
    let upstream: Socket | null = null;
    origin.answer = (_request, socket) => {
      upstream = socket;
      return "HTTP/1.1 200 OK\r\nX-";
    };
    const client = await RawClient.to(gateway.port);
    client.send(get("/trickle"));
    await eventually("the origin has begun", () => upstream !== null);
    for (let i = 0; i < 16 && client.text === ""; i++) {
      (upstream as Socket | null)?.write("f");
      gateway.clock.advance(1_000);
    }
    const response = await client.response();
    assert.equal(response.status, 504);
    client.destroy();
  });

  test("inside its body cuts the client at idle", async () => {
    origin.answer = () => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    const client = await RawClient.to(gateway.port);
    client.send(get("/idle"));
    await client.until(() => client.text.endsWith("half"));
    gateway.clock.advance(59_800);
    assert.equal(client.closed, null);
    gateway.clock.advance(400);
    assert.equal(await client.untilClosed(), "reset");
    client.destroy();
  });

  test("between bytes, but never for idle long, is waited for however long the whole takes", async () => {
    let upstream: Socket | null = null;
    origin.answer = (_request, socket) => {
      upstream = socket;
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
    };
    const client = await RawClient.to(gateway.port);
    client.send(get("/slow"));
    await client.until(() => client.text.endsWith("1\r\na\r\n"));
    for (let i = 1; i <= 10; i++) {
      gateway.clock.advance(50_000);
      (upstream as Socket | null)?.write(`1\r\n${i % 10}\r\n`);
      await client.until(() => client.text.endsWith(`1\r\n${i % 10}\r\n`));
    }
    (upstream as Socket | null)?.write("0\r\n\r\n");
    const response = await client.response();
    assert.equal(response.body.toString(), "a1234567890");
    client.destroy();
  });

  test("instead of reading an upload gets the client a 504 at idle", async () => {
    // Nobody listens for data, so nothing is read.
    const accepted: Socket[] = [];
    const deaf = createServer((socket) => accepted.push(socket.on("error", () => {})));
    await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
    const slow = await startGateway(config(`http://127.0.0.1:${(deaf.address() as { port: number }).port}`), {
      time: "by hand",
    });
    const client = await RawClient.to(slow.port);
    try {
      client.send(`POST /deaf HTTP/1.1\r\nHost: e\r\nContent-Length: ${1024 * 1024 * 1024}\r\n\r\n`);
      const piece = Buffer.alloc(1024 * 1024);
      let quiet = 0;
      let queued = 0;
      await eventually("the client cannot send any more", () => {
        quiet = queued > 0 && client.socket.writableLength === queued ? quiet + 1 : 0;
        while (client.socket.writableLength < 4 * piece.length) client.send(piece);
        queued = client.socket.writableLength;
        return quiet >= 10;
      });
      slow.clock.advance(59_000);
      assert.equal(client.text, "");
      slow.clock.advance(2_000);
      const response = await client.response();
      assert.equal(response.status, 504);
      assert.equal(errorCode(response), "UPSTREAM_TIMEOUT");
    } finally {
      client.destroy();
      for (const socket of accepted) socket.destroy();
      await slow.stop();
      await new Promise((resolve) => deaf.close(resolve));
    }
  });

  test("instead of accepting gets the client a 504 at connect, and another target the request", async () => {
    const deaf = await startDeafListener();
    const one = await startGateway(config(deaf.url), { time: "by hand" });
    origin.answer = () => ok("alive");
    const two = await startGateway(
      {
        upstreams: { origin: { targets: [deaf.url, origin.url] } },
        routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
      },
      { time: "by hand" },
    );
    try {
      const client = await RawClient.to(one.port);
      client.send(post("/", "never sent"));
      let waited = 0;
      while (client.text === "" && waited < 60_000) {
        one.clock.advance(100);
        waited += 100;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const response = await client.response();
      assert.equal(response.status, 504);
      assert.equal(errorCode(response), "UPSTREAM_CONNECT_TIMEOUT");
      assert.ok(waited >= 3_000, `after ${waited} ms`);
      client.destroy();

      for (let i = 0; i < 4; i++) {
        const other = await RawClient.to(two.port);
        other.send(post("/", "sent once"));
        while (other.text === "" && waited < 120_000) {
          two.clock.advance(100);
          waited += 100;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        const answered = await other.response();
        assert.equal(answered.status, 200, errorCode(answered));
        other.destroy();
      }
    } finally {
      await one.stop();
      await two.stop();
      await deaf.stop();
    }
  });
});
