import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { refuseRequest } from "./head.ts";
import { MessageBody } from "./message-body.ts";

const LIMITS = { uri: 100, headers: 200, header: 100, headerCount: 5 };

interface Watched {
  readonly body: MessageBody;
  /** What the reader was told and what the connection was asked, in order. */
  readonly events: string[];
  read(): void;
  push(text: string): string | null;
}

function watch(framing: number | "chunked" | "until closed"): Watched {
  const events: string[] = [];
  const note = (event: string) => () => {
    events.push(event);
  };
  const source = {
    bodyWanted: note("wanted"),
    bodyPaused: note("paused"),
    bodyResumed: note("resumed"),
    bodyCancelled: note("cancelled"),
  };
  const decoder = framing === "chunked" ? new ChunkedDecoder(LIMITS, refuseRequest, false) : null;
  const body = new MessageBody(source, typeof framing === "number" ? framing : undefined, decoder);
  return {
    body,
    events,
    read() {
      body.read({
        data: (chunk) => events.push(`data ${chunk.toString("latin1")}`),
        end: (trailers) => events.push(trailers?.size ? `end ${[...trailers].join()}` : "end"),
        error: (error) => events.push(`error ${error.code}`),
      });
    },
    push: (text) => body.push(Buffer.from(text, "latin1"))?.toString("latin1") ?? null,
  };
}

describe("the body of a message", () => {
  test("with a length ends with its last byte and leaves what lies behind", () => {
    const { body, events, read, push } = watch(5);
    read();
    assert.equal(push("abc"), null);
    assert.equal(body.complete, false);
    assert.equal(push("deGET"), "GET");
    assert.equal(body.complete, true);
    assert.deepEqual(events, ["wanted", "data abc", "data de", "end"]);
  });

  test("that is chunked ends with its last chunk, tells its trailers and leaves what lies behind", () => {
    const { events, read, push } = watch("chunked");
    read();
    assert.equal(push("2\r\nab\r\n1\r"), null);
    assert.equal(push("\nc\r\n0\r\nX: y\r\n\r\nGET"), "GET");
    assert.deepEqual(events, ["wanted", "data ab", "data c", "end X,y"]);
  });

  test("without either ends when the connection says so, once", () => {
    const { body, events, read, push } = watch("until closed");
    read();
    assert.equal(push("abc"), null);
    body.finish();
    body.finish();
    assert.deepEqual(events, ["wanted", "data abc", "end"]);
  });

  test("waits for its reader with what has come before", () => {
    const { body, events, read, push } = watch(4);
    push("ab");
    assert.equal(body.idle, true);
    push("cd");
    assert.deepEqual(events, []);
    read();
    assert.deepEqual(events, ["data ab", "data cd", "end"], "and wants no more");
  });

  test("is given whole only when it is whole, in one piece, and without trailers", () => {
    const cases: readonly (readonly [
      framing: 2 | "chunked",
      pieces: readonly string[],
      whole: string | null,
    ])[] = [
      [2, ["ab"], "ab"],
      [2, ["a"], null],
      [2, ["a", "b"], null],
      ["chunked", ["1\r\na\r\n0\r\n\r\n"], "a"],
      ["chunked", ["0\r\n\r\n"], ""],
      ["chunked", ["1\r\na\r\n0\r\nX: y\r\n\r\n"], null],
    ];
    for (const [framing, pieces, whole] of cases) {
      const { body, push } = watch(framing);
      for (const piece of pieces) push(piece);
      assert.equal(body.gathered()?.toString("latin1") ?? null, whole, JSON.stringify(pieces));
    }
  });
});

describe("a body that fails", () => {
  test("never ends: its reader gets the error and nothing after it", () => {
    const { body, events, read, push } = watch(5);
    read();
    push("ab");
    body.fail(new GatewayError("CLIENT_CLOSED"));
    push("cde");
    body.fail(new GatewayError("REQUEST_TIMEOUT"));
    assert.deepEqual(events, ["wanted", "data ab", "error CLIENT_CLOSED"]);
  });

  test("before it had a reader tells the reader that comes", () => {
    const { body, events, read, push } = watch(5);
    push("ab");
    body.fail(new GatewayError("CLIENT_CLOSED"));
    read();
    assert.equal(events.at(-1), "error CLIENT_CLOSED");
    assert.equal(events.includes("end"), false);
  });

  test("cannot fail any more when it is complete", () => {
    const { body, events, read, push } = watch(1);
    read();
    push("a");
    body.fail(new GatewayError("CLIENT_CLOSED"));
    assert.deepEqual(events, ["wanted", "data a", "end"]);
  });

  test("of chunks throws what broke the rule and delivers nothing of it", () => {
    const { events, read, push } = watch("chunked");
    read();
    assert.throws(() => push("1\r\nab"), { code: "MALFORMED_REQUEST" });
    assert.deepEqual(events, ["wanted"]);
  });
});

describe("the limit of a body", () => {
  for (const framing of [8, "chunked"] as const) {
    const wire = (text: string) => (framing === "chunked" ? `${text.length}\r\n${text}\r\n` : text);

    test(`is the last byte that passes (${framing})`, () => {
      const { body, events, read, push } = watch(framing);
      body.limit = 4;
      read();
      push(wire("abcd"));
      assert.deepEqual(events, ["wanted", "data abcd"]);
      push(wire("e"));
      assert.deepEqual(events.slice(2), ["error PAYLOAD_TOO_LARGE"]);
    });

    test(`counts what came before it was set (${framing})`, () => {
      const { body, events, read, push } = watch(framing);
      push(wire("abcde"));
      body.limit = 4;
      read();
      assert.deepEqual(events, ["error PAYLOAD_TOO_LARGE"]);
    });
  }
});

describe("the flow of a body", () => {
  test("is paused and resumed once, however often it is asked", () => {
    const { body, events, read } = watch(5);
    read();
    body.pause();
    body.pause();
    assert.equal(body.wanting, false);
    body.resume();
    body.resume();
    assert.equal(body.wanting, true);
    assert.deepEqual(events, ["wanted", "paused", "resumed"]);
  });

  test("asks nothing of the connection when the body is complete: its bytes are somebody else's", () => {
    const { body, events, read, push } = watch(1);
    read();
    push("a");
    body.pause();
    body.resume();
    body.cancel();
    assert.deepEqual(events, ["wanted", "data a", "end"]);
  });

  test("ends for the reader when it cancels, while the bytes are still counted past", () => {
    const { body, events, read, push } = watch(3);
    read();
    body.cancel();
    body.cancel();
    assert.equal(push("abcGET"), "GET");
    assert.equal(body.complete, true);
    assert.deepEqual(events, ["wanted", "cancelled"]);
  });
});
