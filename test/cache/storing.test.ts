/** What is kept (RFC 9111 §3). */
import assert from "node:assert/strict";
import { before, beforeEach, describe, test } from "node:test";
import { errorCode } from "../harness/ask.ts";
import { RawClient } from "../harness/raw.ts";
import {
  answer,
  cacheControl,
  cacheStatus,
  counting,
  field,
  keeps,
  type Stand,
  startStand,
  text,
} from "./stand.ts";

const MINUTE = cacheControl("max-age=60");

describe("a cache keeps an answer (RFC 9111 §3)", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand();
  });

  const kept: readonly (readonly [why: string, fields: string])[] = [
    ["with max-age", MINUTE],
    ["with s-maxage", cacheControl("s-maxage=60")],
    ["with Expires", `Expires: Sun, 22 Nov 2036 12:00:00 GMT\r\n`],
    ["with a quoted number", cacheControl('max-age="60"')],
    ["with directives that nobody knows", cacheControl('x, y=1, z="a, no-store", max-age=60')],
    ["whose Cache-Control is in several lines", `${cacheControl("public")}${MINUTE}`],
    ["with `must-understand` and a status that is understood", cacheControl("max-age=60, must-understand")],
  ];
  for (const [why, fields] of kept) {
    test(why, async () => assert.equal(await keeps(stand, fields), true));
  }

  const notKept: readonly (readonly [why: string, fields: string])[] = [
    ["that says nothing", ""],
    ["that can only be guessed at", "Last-Modified: Sun, 22 Nov 2020 12:00:00 GMT\r\n"],
    ["with no-store", cacheControl("max-age=60, no-store")],
    ["with NO-STORE", cacheControl("max-age=60, NO-STORE")],
    ["with no-store in another line", `${MINUTE}${cacheControl("no-store")}`],
    ["with no-store behind quotes that are never closed", cacheControl('max-age=60, x="a, no-store')],
    ["with private", cacheControl("max-age=60, private")],
    ["with private for some fields", cacheControl('max-age=60, private="x-a"')],
    ["with a cookie", `${MINUTE}Set-Cookie: a=1\r\n`],
    ["with Vary: *", `${MINUTE}Vary: *\r\n`],
    ["with * among others in Vary", `${MINUTE}Vary: accept, *\r\n`],
    ["that varies by what the gateway makes", `${MINUTE}Vary: X-Forwarded-For\r\n`],
    ["that is a stream of events", `${MINUTE}Content-Type: text/event-stream\r\n`],
    ["with max-age=0 and nothing to ask again with", cacheControl("max-age=0")],
    ["with a max-age that is no number", cacheControl("max-age=6o")],
    ["with a negative max-age", cacheControl("max-age=-1")],
    ["with two max-age of which one is 0", cacheControl("max-age=60, max-age=0")],
    ["with s-maxage=0 beside max-age", cacheControl("max-age=60, s-maxage=0")],
    ["with an Expires that is no date", "Expires: 0\r\n"],
    ["with an Expires in the past", "Expires: Sun, 22 Nov 2020 12:00:00 GMT\r\n"],
    ["that other caches have kept for longer than it lives", `${MINUTE}Age: 61\r\n`],
    ["whose Date is longer ago than it lives", `${MINUTE}Date: Sun, 22 Nov 2020 12:00:00 GMT\r\n`],
  ];
  for (const [why, fields] of notKept) {
    test(`but not one ${why}`, async () => assert.equal(await keeps(stand, fields), false));
  }

  const statuses: readonly (readonly [status: number, kept: boolean])[] = [
    ...([200, 203, 300, 301, 302, 307, 308, 404, 405, 410, 414, 451, 501] as const).map(
      (status) => [status, true] as const,
    ),
    ...([201, 206, 400, 401, 403, 409, 429, 500, 502, 503, 504, 599] as const).map(
      (status) => [status, false] as const,
    ),
  ];
  for (const [status, expected] of statuses) {
    test(`${expected ? "" : "but not one "}with status ${status}`, async () => {
      const path = stand.fresh();
      let count = 0;
      stand.origin.answer = () => answer(`answer ${++count}`, MINUTE, status);
      const one = await stand.get(path);
      const two = await stand.get(path);
      assert.deepEqual([one.status, two.status], [status, status]);
      assert.equal(text(one) === text(two), expected);
    });
  }

  test("with 204, which has no body", async () => {
    const path = stand.fresh();
    stand.origin.answer = () => `HTTP/1.1 204 No Content\r\n${MINUTE}\r\n`;
    await stand.get(path);
    const again = await stand.get(path);
    assert.equal(again.status, 204);
    assert.match(cacheStatus(again), /^turnpike; hit/);
  });

  test("but not for a request with no-store (§5.2.1.5)", async () => {
    assert.equal(await keeps(stand, MINUTE, cacheControl("no-store"), ""), false);
  });

  test("and gives it again with its status, its fields and its bytes, its Date and an Age", async () => {
    const path = stand.fresh();
    const date = new Date(stand.clock.wall()).toUTCString();
    const fields = `${MINUTE}Date: ${date}\r\nX-A: 1\r\nX-a: 2\r\nETag: W/"e"\r\nContent-Type: image/x\r\n`;
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    stand.origin.answer = () =>
      Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 256\r\n\r\n`), bytes]);
    await stand.get(path);
    stand.clock.advance(12_500);
    const again = await stand.get(path);
    assert.deepEqual(again.body, bytes);
    assert.equal(again.status, 200);
    for (const [name, value] of [
      ["age", "12"],
      ["date", date],
      ["x-a", "1, 2"],
      ["etag", 'W/"e"'],
      ["content-type", "image/x"],
      ["content-length", "256"],
    ] as const) {
      assert.equal(field(again, name), value, name);
    }
    assert.equal(cacheStatus(again), "turnpike; hit; ttl=47");
  });

  test("as it was answered, not as it was asked for: each request has an id of its own", async () => {
    const path = stand.fresh();
    stand.origin.answer = counting(`${MINUTE}X-Request-Id: theirs\r\n`);
    const ids = [await stand.get(path), await stand.get(path)].map((one) => field(one, "x-request-id"));
    assert.notEqual(ids[0], ids[1]);
    assert.ok(ids.every((id) => id?.startsWith("req_")));
  });

  test("and says what it did behind what caches before it have said (RFC 9211 §2)", async () => {
    const path = stand.fresh();
    stand.origin.answer = counting(`${MINUTE}Cache-Status: inner; hit\r\nCache-Status: middle; fwd=miss\r\n`);
    const inner = "inner; hit, middle; fwd=miss, turnpike";
    assert.equal(
      cacheStatus(await stand.get(path)),
      `${inner}; fwd=uri-miss; fwd-status=200; ttl=60; stored`,
    );
    assert.equal(cacheStatus(await stand.get(path)), `${inner}; hit; ttl=60`);
    assert.equal(cacheStatus(await stand.send("DELETE", path)), `${inner}; fwd=method; fwd-status=200`);
  });

  test("that came in chunks, and drops its trailers", async () => {
    const path = stand.fresh();
    stand.origin.answer = () =>
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${MINUTE}\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n`;
    assert.equal(text(await stand.get(path)), "abcde");
    const again = await stand.get(path);
    assert.equal(text(again), "abcde");
    assert.match(cacheStatus(again), /hit/);
  });

  test("and answers HEAD from it, which it does not keep itself", async () => {
    const path = stand.fresh();
    stand.origin.answer = ({ method }) =>
      method === "HEAD" ? `HTTP/1.1 200 OK\r\n${MINUTE}Content-Length: 5\r\n\r\n` : answer("hello", MINUTE);
    assert.match(cacheStatus(await stand.send("HEAD", path)), /fwd=uri-miss/);
    assert.match(cacheStatus(await stand.get(path)), /fwd=uri-miss/);
    const head = await stand.send("HEAD", path);
    assert.match(cacheStatus(head), /hit/);
    assert.equal(field(head, "x-length"), "5");
    assert.equal(head.body.length, 0);
  });
});

describe("a cache does not keep what is not whole", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand();
  });

  const broken: readonly (readonly [what: string, bytes: string])[] = [
    ["an answer shorter than its Content-Length", `HTTP/1.1 200 OK\r\n${MINUTE}Content-Length: 9\r\n\r\nabc`],
    [
      "chunks without the last one",
      `HTTP/1.1 200 OK\r\n${MINUTE}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
    ],
    ["a chunk that ends too early", `HTTP/1.1 200 OK\r\n${MINUTE}Transfer-Encoding: chunked\r\n\r\n9\r\nabc`],
  ];
  for (const [what, bytes] of broken) {
    test(`such as ${what}`, async () => {
      const path = stand.fresh();
      stand.origin.answer = (_request, socket) => {
        socket.end(bytes);
        return null;
      };
      const client = await RawClient.to(stand.gateway.port);
      client.send(`GET ${path} HTTP/1.1\r\nHost: example\r\n\r\n`);
      await client.untilClosed();
      client.destroy();
      stand.origin.answer = counting(MINUTE);
      const next = await stand.get(path);
      assert.equal(text(next), "answer 1");
      assert.match(cacheStatus(next), /fwd=uri-miss/);
    });
  }
});

describe("requests that are none for a cache", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand();
    stand.origin.answer = counting(MINUTE);
    await stand.get("/kept");
  });
  beforeEach(() => stand.origin.reset());

  for (const [what, fields] of [
    ["for a part", "Range: bytes=0-1\r\n"],
    ["with If-Match", 'If-Match: "x"\r\n'],
    ["with If-Unmodified-Since", "If-Unmodified-Since: Sun, 22 Nov 2026 12:00:00 GMT\r\n"],
    ["with another method in disguise", "X-HTTP-Method-Override: DELETE\r\n"],
  ] as const) {
    test(`go to the upstream: ${what}`, async () => {
      const response = await stand.get("/kept", fields);
      assert.equal(cacheStatus(response), "turnpike; fwd=bypass; fwd-status=200");
      assert.equal(stand.origin.requests.length, 1);
      const before = await stand.get("/kept");
      assert.equal(text(before), "answer 1", "and what they get is not kept");
    });
  }

  for (const method of ["OPTIONS", "QUERY"]) {
    test(`go to the upstream and change nothing: ${method}`, async () => {
      const response = await stand.send(method, "/kept");
      assert.equal(cacheStatus(response), "turnpike; fwd=method; fwd-status=200");
      assert.match(cacheStatus(await stand.get("/kept")), /hit/);
    });
  }

  test("only-if-cached is 504 where there is nothing (§5.2.1.7), and asks nobody", async () => {
    const response = await stand.get("/nothing", cacheControl("only-if-cached"));
    assert.equal(response.status, 504);
    assert.equal(errorCode(response), "NOT_CACHED");
    assert.deepEqual(stand.asked(), []);
    assert.equal((await stand.get("/kept", cacheControl("only-if-cached"))).status, 200);
  });
});
