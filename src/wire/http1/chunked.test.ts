import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import { Headers } from "../../core/headers.ts";
import { ChunkedDecoder, chunkHead, lastChunk } from "./chunked.ts";
import { refuseRequest, refuseResponse } from "./head.ts";

const LIMITS = { uri: 100, headers: 200, header: 100, headerCount: 5 };

interface Decoded {
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[] | null;
  /** What lay behind the message. */
  readonly rest: string;
}

/** What the pieces decode to, or the code they are refused with. */
function decode(pieces: readonly string[], refuse = refuseRequest): Decoded | string {
  const decoder = new ChunkedDecoder(LIMITS, refuse, false);
  let body = "";
  let rest = "";
  try {
    for (const piece of pieces) {
      if (decoder.done) {
        rest += piece;
        continue;
      }
      const input = Buffer.from(piece, "latin1");
      const { decoded, consumed } = decoder.decode(input, 0);
      body += input.toString("latin1", 0, decoded);
      if (decoder.done) rest = piece.slice(consumed);
    }
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    return error.code;
  }
  return { body, trailers: decoder.trailers === null ? null : [...decoder.trailers], rest };
}

/** Whole, byte by byte, and in two pieces at every place: always the same. */
function decodeAtEverySplit(bytes: string): Decoded | string {
  const whole = decode([bytes]);
  assert.deepEqual(decode([...bytes]), whole, "byte by byte");
  for (let at = 1; at < bytes.length; at++) {
    assert.deepEqual(decode([bytes.slice(0, at), bytes.slice(at)]), whole, `cut at ${at}`);
  }
  return whole;
}

describe("a chunked body", () => {
  const accepted: readonly (readonly [bytes: string, body: string])[] = [
    ["0\r\n\r\n", ""],
    ["3\r\nabc\r\n0\r\n\r\n", "abc"],
    ["1\r\na\r\n1\r\nb\r\n00\r\n\r\n", "ab"],
    ["A\r\n0123456789\r\n0\r\n\r\n", "0123456789"],
    ["a\r\n0123456789\r\n0\r\n\r\n", "0123456789"],
    ["0000000000001\r\na\r\n0\r\n\r\n", "a"],
    ["5\r\n\r\n0\r\n\r\n0\r\n\r\n", "\r\n0\r\n"],
    ["1;a\r\nx\r\n0;b=c;d\r\n\r\n", "x"],
    ['1;a="q;\t=x"\r\nx\r\n0\r\n\r\n'.replace("\t", " "), "x"],
    ['1;a="";b\r\nx\r\n0\r\n\r\n', "x"],
  ];
  for (const [bytes, body] of accepted) {
    test(`is decoded in the same way at every split: ${JSON.stringify(bytes)}`, () =>
      assert.deepEqual(decodeAtEverySplit(bytes), { body, trailers: [], rest: "" }));
  }

  test("ends where it says, and leaves every byte behind it", () => {
    const next = "GET / HTTP/1.1\r\n\r\n";
    assert.deepEqual(decodeAtEverySplit(`1\r\na\r\n0\r\nX: y\r\n\r\n${next}`), {
      body: "a",
      trailers: [["X", "y"]],
      rest: next,
    });
  });

  const refused: readonly (readonly [what: string, bytes: string])[] = [
    ["a bare LF behind the size", "1\na\r\n0\r\n\r\n"],
    ["a bare CR behind the size", "1\ra\r\n0\r\n\r\n"],
    ["no size", "\r\n"],
    ["no size but an extension", ";a\r\n"],
    ["white space before the size", " 1\r\na"],
    ["white space behind the size", "1 \r\na"],
    ["a tab before an extension", "1\t;a\r\nx"],
    ["white space in an extension", "1; a\r\nx"],
    ["0x", "0x1\r\na"],
    ["a plus", "+1\r\na"],
    ["a minus", "-1\r\na"],
    ["an underscore", "1_0\r\na"],
    ["17 digits", "00000000000000001\r\na"],
    ["a size beyond 2^52", "10000000000000\r\na"],
    ["no CR LF behind the data", "1\r\nab0\r\n\r\n"],
    ["a bare LF behind the data", "1\r\na\n0\r\n\r\n"],
    ["a lone semicolon", "1;\r\na"],
    ["two semicolons", "1;;a\r\nx"],
    ["an extension without a value", "1;a=\r\nx"],
    ["an extension with two values", "1;a=b=c\r\nx"],
    ["NUL in an extension", "1;a\0\r\nx"],
    ["LF in an extension", "1;a\nx"],
    ["CR in an extension", "1;a\rb\r\nx"],
    ["LF in a quoted extension", '1;a="\n"\r\nx'],
    ["an escape in a quoted extension", '1;a="\\""\r\nx'],
    ["something behind a quoted value", '1;a="b"c\r\nx'],
    ["4 KiB of extensions", `1;${"a".repeat(4097)}\r\nx`],
    ["a bare LF at the end", "0\r\n\n"],
    ["a trailer without a colon", "0\r\nX\r\n\r\n"],
    ["obs-fold in a trailer", "0\r\nX: a\r\n b\r\n\r\n"],
    ["a trailer that frames", "0\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["a trailer that frames by length", "0\r\nContent-Length: 1\r\n\r\n"],
    ["a trailer that routes", "0\r\nHost: b\r\n\r\n"],
    ["a trailer about the connection", "0\r\nConnection: close\r\n\r\n"],
  ];
  for (const [what, bytes] of refused) {
    test(`is refused at every split for ${what} (H-04)`, () => {
      if (bytes.length > 100) assert.equal(decode([bytes]), "MALFORMED_REQUEST");
      else assert.equal(decodeAtEverySplit(bytes), "MALFORMED_REQUEST");
    });
  }

  test("is refused for too many or too large trailers", () => {
    for (const fields of ["a:b\r\n".repeat(6), `a:${"x".repeat(200)}\r\n`]) {
      assert.equal(decode([`0\r\n${fields}\r\n`]), "HEADERS_TOO_LARGE");
      assert.equal(decode([...`0\r\n${fields}\r\n`]), "HEADERS_TOO_LARGE");
    }
  });

  test("is the upstream's mistake where an upstream sent it", () => {
    assert.equal(decode(["x\r\n"], refuseResponse), "UPSTREAM_INVALID_RESPONSE");
  });

  test("counts the extensions of all chunks together", () => {
    const chunk = `1;${"e".repeat(99)}\r\na\r\n`;
    assert.equal(decode([`${chunk.repeat(50)}0\r\n\r\n`]), "MALFORMED_REQUEST");
  });

  test("of ten thousand one-byte chunks is one piece of memory", () => {
    const bytes = Buffer.from(`${"1\r\nx\r\n".repeat(10_000)}0\r\n\r\n`);
    const decoder = new ChunkedDecoder(LIMITS, refuseRequest, false);
    assert.deepEqual(decoder.decode(bytes, 0), { decoded: 10_000, consumed: bytes.length });
    assert.equal(bytes.toString("latin1", 0, 10_000), "x".repeat(10_000));
  });
});

describe("what the encoder writes", () => {
  test("is read by the decoder as it was", () => {
    const bytes = `${chunkHead(300)}${"x".repeat(300)}\r\n${lastChunk(Headers.of({ "X-Sum": "1" }))}`;
    assert.deepEqual(decode([bytes]), { body: "x".repeat(300), trailers: [["X-Sum", "1"]], rest: "" });
  });

  test("has no trailer that could change a decision already taken (RFC 9110 §6.5.1)", () => {
    const names =
      "Host Content-Length Content-Type Transfer-Encoding Connection Authorization Cookie Set-Cookie";
    const more = "Cache-Control Location X-Forwarded-For X-Request-Id traceparent If-Match Trailer TE Expect";
    const fields = Object.fromEntries(`${names} ${more}`.split(" ").map((name) => [name, "x"]));
    assert.equal(lastChunk(Headers.of({ ...fields, "X-Kept": "y" })), "0\r\nX-Kept: y\r\n\r\n");
  });

  test("without trailers is the last chunk alone", () => assert.equal(lastChunk(null), "0\r\n\r\n"));
});
