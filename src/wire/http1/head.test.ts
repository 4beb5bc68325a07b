import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import { type HeadLimits, parseRequestHead, parseResponseHead, type RequestHead } from "./head.ts";

const LIMITS: HeadLimits = { uri: 100, headers: 1000, header: 500, headerCount: 10 };

/** The head, `null` while it is incomplete, or the code that it is refused with. */
function parse<T>(
  parser: (text: string, limits: HeadLimits) => T,
  text: string,
  limits = LIMITS,
): T | string {
  try {
    return parser(text, limits);
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    return error.code;
  }
}

const request = (text: string, limits = LIMITS) => parse(parseRequestHead, text, limits);
const response = (text: string) => parse(parseResponseHead, text);

function accepted(text: string): RequestHead {
  const head = request(text);
  assert.ok(head !== null && typeof head !== "string", `${JSON.stringify(text)}: ${String(head)}`);
  return head;
}

const withFields = (...lines: readonly string[]) =>
  `POST / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

describe("a request head", () => {
  test("is read as it was written", () => {
    const text = "GET /p?q HTTP/1.1\r\nHost:a\r\nX-B: \t one two \t\r\nx-b:\r\n\r\nGET /next";
    const head = accepted(text);
    assert.equal(head.method, "GET");
    assert.equal(head.target, "/p?q");
    assert.equal(head.minor, 1);
    assert.deepEqual(
      [...head.headers],
      [
        ["Host", "a"],
        ["X-B", "one two"],
        ["x-b", ""],
      ],
    );
    assert.equal(text.slice(head.end), "GET /next");
  });

  test("may have one empty line before it and not two (RFC 9112 §2.2)", () => {
    assert.equal(accepted("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").method, "GET");
    assert.equal(request("\r\n\r\nGET / HTTP/1.1\r\n"), "MALFORMED_REQUEST");
    assert.equal(request("\nGET / HTTP/1.1\r\n"), "MALFORMED_REQUEST");
  });

  test("is incomplete at every byte before its last", () => {
    const text = "\r\nPOST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX: \xff y\t\r\n\r\n";
    for (let end = 0; end < text.length; end++)
      assert.equal(request(text.slice(0, end)), null, `${end} bytes`);
    assert.equal(accepted(text).chunked, true);
  });

  const lines: readonly (readonly [line: string, code: string])[] = [
    ["get / HTTP/1.1", "METHOD_NOT_IMPLEMENTED"],
    ["PROPFIND / HTTP/1.1", "METHOD_NOT_IMPLEMENTED"],
    [`${"A".repeat(33)}`, "METHOD_NOT_IMPLEMENTED"],
    ["GET / HTTP/1.2", "HTTP_VERSION_NOT_SUPPORTED"],
    ["GET / HTTP/2.0", "HTTP_VERSION_NOT_SUPPORTED"],
    ["GET / HTTP/0.9", "HTTP_VERSION_NOT_SUPPORTED"],
    [`GET /${"x".repeat(100)} HTTP/1.1`, "URI_TOO_LONG"],
    ["GET /", "MALFORMED_REQUEST"],
    ["GET  / HTTP/1.1", "MALFORMED_REQUEST"],
    ["GET /  HTTP/1.1", "MALFORMED_REQUEST"],
    ["GET\t/ HTTP/1.1", "MALFORMED_REQUEST"],
    [" GET / HTTP/1.1", "MALFORMED_REQUEST"],
    ["GET / HTTP/1.1 ", "MALFORMED_REQUEST"],
    ["GET / http/1.1", "MALFORMED_REQUEST"],
    ["GET / HTTP/11", "MALFORMED_REQUEST"],
    ["GET / HTTP/1.10", "MALFORMED_REQUEST"],
    ["GET /#f HTTP/1.1", "MALFORMED_REQUEST"],
    ["GET /\x80 HTTP/1.1", "MALFORMED_REQUEST"],
    ["GET /\0 HTTP/1.1", "MALFORMED_REQUEST"],
    ["G(T / HTTP/1.1", "MALFORMED_REQUEST"],
  ];
  for (const [line, code] of lines) {
    test(`is refused for the line ${JSON.stringify(line.slice(0, 30))}: ${code}`, () =>
      assert.equal(request(`${line}\r\nHost: a\r\n\r\n`), code));
  }

  const fields: readonly (readonly [what: string, text: string])[] = [
    ["a line end without CR", "X: a\n"],
    ["a CR without LF", "X: a\rY: b\r\n"],
    ["NUL in a value", "X: a\0b\r\n"],
    ["DEL in a value", "X: a\x7f\r\n"],
    ["white space before the colon", "X : a\r\n"],
    ["white space before the first name", " X: a\r\n"],
    ["obs-fold", "X: a\r\n b\r\n"],
    ["no colon", "Xa\r\n"],
    ["no name", ": a\r\n"],
    ["a name that is no token", "X(: a\r\n"],
    ["a name with an underscore", "X_Y: a\r\n"],
    ["a name with a byte from 0x80", "X\xe9: a\r\n"],
    ["CR LF before the empty line's CR", "X: a\r\n\rX\r\n"],
  ];
  for (const [what, text] of fields) {
    test(`is refused for ${what} (H-07)`, () =>
      assert.equal(request(`GET / HTTP/1.1\r\n${text}\r\n`), "MALFORMED_REQUEST"));
  }

  test("is refused when fields are too many or too large, before it is complete", () => {
    const start = "GET / HTTP/1.1\r\n";
    assert.equal(request(`${start}${"a:b\r\n".repeat(10)}\r\n`) === null, false);
    for (const text of [
      `${"a:b\r\n".repeat(11)}`,
      `a:${"x".repeat(500)}`,
      `${"x".repeat(501)}`,
      // Malformed too, but by then the size had been noticed if the packets were small.
      `${"x".repeat(501)} : a\r\n`,
      `a:${"x".repeat(400)}\r\nb:${"x".repeat(400)}\r\nc:${"x".repeat(300)}\n`,
      `a:${"x".repeat(400)}\r\nb:${"x".repeat(400)}\r\nc:${"x".repeat(300)}`,
    ])
      assert.equal(request(start + text), "HEADERS_TOO_LARGE", text.slice(0, 20));
  });
});

describe("the framing of a request", () => {
  test("is what Content-Length or chunked says", () => {
    assert.deepEqual(framing(), [false, -1]);
    assert.deepEqual(framing("Content-Length: 5"), [false, 5]);
    for (const coding of ["chunked", "CHUNKED", "\t chunked"]) {
      assert.deepEqual(framing(`Transfer-Encoding:${coding}`), [true, -1], coding);
    }
  });

  const refused: readonly (readonly [lines: readonly string[], code?: string])[] = [
    [["Content-Length: 1", "Content-Length: 1"]],
    [["Content-Length: 1", "Content-Length: 2"]],
    [["Content-Length: 1, 1"]],
    [["Content-Length: +1"]],
    [["Content-Length:"]],
    [["Content-Length: 1", "Transfer-Encoding: chunked"]],
    [["Transfer-Encoding: chunked", "Content-Length: 1"]],
    [["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]],
    [["Transfer-Encoding:"]],
    [["Transfer-Encoding: ,chunked"]],
    [["Transfer-Encoding: chunked,"]],
    [["Transfer-Encoding: chunked, identity"]],
    [["Transfer-Encoding: identity"]],
    [["Transfer-Encoding: xchunked"]],
    [["Transfer-Encoding: chunked;q=1"]],
    [['Transfer-Encoding: "chunked"']],
    [["Transfer-Encoding: \xa0chunked"]],
    [["Transfer-Encoding: chunked\t"]],
    [["Transfer-Encoding: chunked "]],
    [["Transfer-Encoding: gzip, chunked"], "TRANSFER_CODING_UNSUPPORTED"],
    [["Expect: 200-ok"], "EXPECTATION_FAILED"],
  ];
  for (const [given, code = "MALFORMED_REQUEST"] of refused) {
    test(`is refused: ${JSON.stringify(given)}`, () => assert.equal(request(withFields(...given)), code));
  }

  test("is refused for any coding in HTTP/1.0", () => {
    const text = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert.equal(request(text), "MALFORMED_REQUEST");
  });

  function framing(...given: readonly string[]): [boolean, number] {
    const { chunked, contentLength } = accepted(withFields(...given));
    return [chunked, contentLength];
  }
});

describe("the connection of a request", () => {
  const cases: readonly (readonly [minor: 0 | 1, lines: readonly string[], close: boolean])[] = [
    [1, [], false],
    [1, ["Connection: keep-alive"], false],
    [1, ["Connection: close"], true],
    [1, ["Connection: keep-alive, CLOSE"], true],
    [1, ["Connection: close", "Connection: keep-alive"], true],
    [1, ["Proxy-Connection: close"], true],
    [0, [], true],
    [0, ["Connection: Keep-Alive"], false],
    [0, ["Connection: keep-alive, close"], true],
  ];
  for (const [minor, lines, close] of cases) {
    test(`of HTTP/1.${minor} with ${JSON.stringify(lines)} ${close ? "ends" : "stays"}`, () => {
      const text = withFields(...lines).replace("HTTP/1.1", `HTTP/1.${minor}`);
      assert.equal(accepted(text).close, close);
    });
  }

  test("takes along what Connection names, but nothing that decisions depend on (HTTP-22)", () => {
    const secured = ["Authorization: x", "X-Forwarded-For: y", "Cookie: z"];
    const named = "Connection: x-mine, Authorization, X-Forwarded-For, cookie, host, close";
    assert.deepEqual(accepted(withFields(named, "X-Mine: 1", ...secured)).headers.nominated, ["x-mine"]);
  });

  test("may be upgraded only if Connection says so, and waits for 100 only in HTTP/1.1", () => {
    assert.equal(accepted(withFields("Upgrade: websocket")).upgrade, false);
    assert.equal(accepted(withFields("Connection: Upgrade", "Upgrade: websocket")).upgrade, true);
    const expecting = withFields("Expect: 100-Continue");
    assert.equal(accepted(expecting).expectContinue, true);
    assert.equal(accepted(expecting.replace("HTTP/1.1", "HTTP/1.0")).expectContinue, false);
  });
});

describe("a response head", () => {
  test("is accepted with a phrase, an empty one and none", () => {
    for (const line of ["HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 599 \xe9\t"]) {
      const head = response(`${line}\r\nX_Y: a\r\n\r\n`);
      assert.ok(head !== null && typeof head !== "string", line);
    }
  });

  test("is incomplete at every byte before its last", () => {
    const text = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
    for (let end = 0; end < text.length; end++)
      assert.equal(response(text.slice(0, end)), null, `${end} bytes`);
  });

  const refused = [
    "HTTP/1.1 099 X\r\n\r\n",
    "HTTP/1.1 600 X\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\n\n      ",
    "HTTP/1.1 200 O\0K\r\n\r\n",
    "ICY 200 OK\r\n\r\n     ",
    "HTTP/1.1 200\r\nX: a\n\r\n",
    "HTTP/1.1 200\r\nX: a\r\n b\r\n\r\n",
    "HTTP/1.1 200\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
    "HTTP/1.1 200\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    "HTTP/1.0 200\r\nTransfer-Encoding: chunked\r\n\r\n",
  ];
  for (const text of refused) {
    test(`is refused as the upstream's mistake: ${JSON.stringify(text)} (H-10)`, () =>
      assert.equal(response(text), "UPSTREAM_INVALID_RESPONSE"));
  }
});
