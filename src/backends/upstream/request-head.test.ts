import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Body, BytesBody } from "../../core/body.ts";
import { Call, type Exchange, type Request } from "../../core/call.ts";
import { Headers } from "../../core/headers.ts";
import type { FieldRules } from "../../core/kinds.ts";
import { requestHead } from "./request-head.ts";

type Fields = readonly (readonly [name: string, value: string])[];

const NONE: FieldRules = { set: [], remove: [] };
const VIA = "Via: 1.1 turnpike-1";

function call(fields: Fields, more: Partial<Request> = {}): Call {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  const peer = { address: "127.0.0.1", port: 1, localPort: 2, secure: false };
  const request: Request = {
    ...{ method: "GET", target: "/t", path: "/t", query: "?q=1", host: "a", version: "1.1" },
    ...{ headers, body: null, upgrade: null, peer },
    ...more,
  };
  const exchange: Exchange = { interim() {}, send() {} };
  const made = new Call("req_1", 0, request, exchange);
  made.provenance = "X-Request-Id: req_1\r\n";
  return made;
}

function lines(of: Call, rules = NONE): string[] {
  const text = requestHead(of, "/p", "origin:80", rules, "turnpike-1");
  assert.ok(text.endsWith("\r\n\r\n"));
  assert.equal(text.indexOf("\r\n\r\n"), text.length - 4, "one empty line, at the end");
  return text.slice(0, -4).split("\r\n");
}

const START = ["GET /p?q=1 HTTP/1.1", "Host: origin:80"];
const END = ["X-Request-Id: req_1", VIA];

function streamed(size: number | undefined): Body {
  const nothing = () => {};
  return {
    ...{ size, bytes: undefined, limit: 1 },
    ...{ read: nothing, pause: nothing, resume: nothing, cancel: nothing },
  };
}

describe("the head that an upstream is sent", () => {
  test("has the rewritten path, the query as it came and exactly one Host", () => {
    assert.deepEqual(lines(call([["Host", "client"]])), [...START, ...END]);
  });

  test("passes fields on in order, as they were spelt, repetition included", () => {
    const fields: Fields = [
      ["x-B", "2"],
      ["Cookie", "a=1"],
      ["X-A", "\xe9 \t1"],
      ["X-B", "3"],
    ];
    const passed = fields.map(([name, value]) => `${name}: ${value}`);
    assert.deepEqual(lines(call(fields)), [...START, ...passed, ...END]);
  });

  test("never copies what is about the client's connection, its framing or who is calling", () => {
    const names = "Connection Keep-Alive Proxy-Connection Proxy-Authorization TE Trailer Upgrade Expect";
    const more = "Transfer-Encoding Content-Length Forwarded X-Forwarded-For X-Forwarded-Proto X-Real-IP";
    const all = `${names} ${more} X-Forwarded-Host X-Request-Id traceparent tracestate HTTP2-Settings`;
    const fields = all.split(" ").map((name): [string, string] => [name, "theirs"]);
    assert.deepEqual(lines(call(fields)), [...START, ...END]);
  });

  test("leaves out what Connection nominated (RFC 9110 §7.6.1)", () => {
    const made = call([
      ["X-Mine", "1"],
      ["X-Kept", "2"],
    ]);
    made.request.headers.nominated = ["x-mine"];
    assert.deepEqual(lines(made), [...START, "X-Kept: 2", ...END]);
  });

  test("obeys the rules: removes first, then sets, each field once", () => {
    const rules: FieldRules = {
      set: [
        ["X-New", "n"],
        ["X-Old", "new"],
      ],
      remove: ["x-gone"],
    };
    const made = call([
      ["X-Gone", "1"],
      ["x-old", "old"],
      ["X-Kept", "2"],
    ]);
    assert.deepEqual(lines(made, rules), [...START, "X-Kept: 2", "X-New: n", "X-Old: new", ...END]);
  });
});

describe("the framing that an upstream is sent", () => {
  const cases: readonly (readonly [method: string, body: Body | null, framing: readonly string[]])[] = [
    ["GET", null, []],
    ["DELETE", null, []],
    ["POST", null, ["Content-Length: 0"]],
    ["PUT", null, ["Content-Length: 0"]],
    ["PATCH", null, ["Content-Length: 0"]],
    ["POST", new BytesBody(Buffer.from("abc")), ["Content-Length: 3"]],
    ["GET", new BytesBody(Buffer.alloc(0)), ["Content-Length: 0"]],
    ["POST", streamed(77), ["Content-Length: 77"]],
    ["POST", streamed(undefined), ["Transfer-Encoding: chunked"]],
  ];
  for (const [method, body, framing] of cases) {
    const shown = body === null ? "no body" : `a body of ${body.size ?? "unknown"} bytes`;
    test(`of ${method} with ${shown} is ${framing[0] ?? "nothing"}, whatever the client wrote`, () => {
      const theirs: Fields = [
        ["Content-Length", "999"],
        ["transfer-encoding", "CHUNKED"],
      ];
      const found = lines(call(theirs, { method, body })).filter((line) =>
        /^(content-l|transfer-e)/i.test(line),
      );
      assert.deepEqual(found, framing);
    });
  }
});

describe("Via", () => {
  test("is continued in one field (RFC 9110 §7.6.3)", () => {
    const made = call([
      ["Via", "1.0 one"],
      ["via", "1.1 two (x)"],
    ]);
    assert.equal(lines(made).at(-1), "Via: 1.0 one, 1.1 two (x), 1.1 turnpike-1");
  });

  test("shows a loop when this gateway is in it already", () => {
    assert.throws(() => lines(call([["Via", "1.1 turnpike-1"]])), { code: "LOOP_DETECTED" });
    assert.doesNotThrow(() => lines(call([["Via", "1.1 turnpike-2"]])));
  });
});

describe("what a connection is asked for", () => {
  test("is trailers, in our own name, when the client takes them (RFC 9110 §10.1.4)", () => {
    for (const [te, asks] of [
      ["trailers", true],
      ["gzip;q=0.5, Trailers", true],
      ["gzip", false],
      ["", false],
    ] as const) {
      assert.equal(lines(call([["TE", te]])).includes("TE: trailers"), asks, te);
      assert.equal(lines(call([["TE", te]])).includes("Connection: TE"), asks, te);
    }
  });

  test("is an upgrade to WebSocket and to nothing else", () => {
    const fields: Fields = [
      ["Connection", "Upgrade"],
      ["Upgrade", "h2c, websocket"],
      ["Sec-WebSocket-Key", "k"],
    ];
    const upgrading = lines(call(fields, { upgrade: "websocket" }));
    assert.deepEqual(upgrading.slice(-2), ["Connection: Upgrade", "Upgrade: websocket"]);
    assert.ok(upgrading.includes("Sec-WebSocket-Key: k"));
    assert.equal(
      lines(call(fields)).some((line) => /^(connection|upgrade):/i.test(line)),
      false,
    );
  });
});
