import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Call, type Exchange, type Request } from "../../core/call.ts";
import { Headers } from "../../core/headers.ts";
import type { Reply } from "../../core/reply.ts";
import { parseResponseHead } from "./head.ts";
import { interimHead, type ResponseFraming, responseHead, statusLine } from "./response-head.ts";

const DATE = "Sun, 22 Nov 2026 12:00:00 GMT";
const NO_BODY: ResponseFraming = { length: 0, connection: null };
const LIMITS = { uri: 0, headers: 16_384, header: 8192, headerCount: 100 };

function call(): Call {
  const peer = { address: "127.0.0.1", port: 1, localPort: 2, secure: false };
  const request: Request = {
    ...{ method: "GET", target: "/", path: "/", query: "", host: "a", version: "1.1" },
    ...{ headers: new Headers(), body: null, upgrade: null, peer },
  };
  const exchange: Exchange = { interim() {}, send() {} };
  return new Call("req_1", 0, request, exchange);
}

function reply(fields: Readonly<Record<string, string>>, status = 200): Reply {
  return { status, headers: Headers.of(fields), body: null };
}

function head(fields: Readonly<Record<string, string>>, framing = NO_BODY, of = call()): string {
  return responseHead(of, reply(fields), framing, DATE);
}

describe("the head of a response", () => {
  test("has the status line, the reply's fields as they were spelt, a date and the request's id", () => {
    assert.equal(
      head({ "x-ONE": "1", Date: "Mon" }),
      "HTTP/1.1 200 OK\r\nx-ONE: 1\r\nDate: Mon\r\nX-Request-Id: req_1\r\nContent-Length: 0\r\n\r\n",
    );
    assert.equal(head({}).includes(`Date: ${DATE}\r\n`), true);
  });

  test("never copies what frames the message, belongs to a connection or names software", () => {
    const dropped = {
      ...{ Connection: "x", "Keep-Alive": "timeout=5", TE: "trailers", Trailer: "X", Upgrade: "h2c" },
      ...{ "Transfer-Encoding": "chunked", "Content-Length": "77", "Proxy-Connection": "close" },
      ...{ Server: "nginx", "X-Powered-By": "PHP", "X-Request-Id": "theirs" },
    };
    const text = head({ ...dropped, "X-Kept": "y" });
    assert.equal(text, head({ "X-Kept": "y" }));
  });

  const framings: readonly (readonly [framing: ResponseFraming, end: string])[] = [
    [{ length: 5, connection: null }, "Content-Length: 5\r\n\r\n"],
    [{ length: "chunked", connection: null }, "Transfer-Encoding: chunked\r\n\r\n"],
    [{ length: null, connection: "close" }, "X-Request-Id: req_1\r\nConnection: close\r\n\r\n"],
    [{ length: 0, connection: "keep-alive" }, "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n"],
    [{ length: null, connection: "upgrade" }, "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
  ];
  for (const [framing, end] of framings) {
    test(`is framed as said and in one way only: ${JSON.stringify(framing)}`, () => {
      const text = head({ "Content-Length": "9", "Transfer-Encoding": "chunked" }, framing);
      assert.ok(text.endsWith(end), text);
      assert.ok((text.match(/^(content-length|transfer-encoding):/gim) ?? []).length <= 1, text);
    });
  }

  test("has the call's own fields in place of the reply's of the same name", () => {
    const of = call();
    of.answer.set("Cache-Control", "no-store");
    const text = head({ "cache-control": "public", "X-Kept": "y" }, NO_BODY, of);
    assert.deepEqual(text.match(/^cache-control: .*/gim), ["Cache-Control: no-store"]);
    assert.match(text, /^X-Kept: y\r$/m);
  });

  test("keeps repeated fields apart and in order", () => {
    const of = reply({});
    of.headers.append("Set-Cookie", "a=1");
    of.headers.append("Set-Cookie", "b=2");
    assert.match(responseHead(call(), of, NO_BODY, DATE), /Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
  });

  test("is accepted by our own parser of responses", () => {
    const parsed = parseResponseHead(head({ "X-A": "\xe9 b" }), LIMITS);
    assert.equal(parsed?.contentLength, 0);
    assert.equal(parsed?.headers.get("x-a"), "\xe9 b");
  });

  test("has a status line for numbers without a phrase too", () => {
    assert.equal(statusLine(204), "HTTP/1.1 204 No Content\r\n");
    assert.equal(statusLine(299), "HTTP/1.1 299 \r\n");
  });
});

test("an interim answer carries what the origin sent, less what it may not say", () => {
  const headers = Headers.of({ Link: "</a>", "Content-Length": "3", Connection: "close", Server: "x" });
  assert.equal(interimHead(103, headers), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
});
