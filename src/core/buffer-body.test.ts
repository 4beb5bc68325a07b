import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Body, type BodyReader, BytesBody } from "./body.ts";
import { bufferBody } from "./buffer-body.ts";
import { Call, type Request } from "./call.ts";
import { GatewayError } from "./errors.ts";
import { Headers } from "./headers.ts";

/** A body that comes when the test says so, in memory that is used again, as the wire's is. */
class LentBody implements Body {
  readonly bytes = undefined;
  readonly size: number | undefined;
  limit = Number.POSITIVE_INFINITY;
  reader: BodyReader | null = null;
  readonly #memory = Buffer.alloc(64);

  constructor(size?: number) {
    this.size = size;
  }

  read(reader: BodyReader): void {
    this.reader = reader;
  }

  send(text: string): void {
    this.#memory.write(text);
    this.reader?.data(this.#memory.subarray(0, text.length));
    this.#memory.fill("!");
  }

  pause(): void {}
  resume(): void {}
  cancel(): void {}
}

function callWith(body: Body | null): Call {
  const request: Request = {
    method: "POST",
    target: "/",
    path: "/",
    query: "",
    host: "example",
    version: "1.1",
    headers: new Headers(),
    body,
    upgrade: null,
    peer: { address: "127.0.0.1", port: 1, secure: false, localPort: 2 },
  };
  return new Call("req_1", 0, request, { interim: () => {}, send: () => {} });
}

const tooLarge = (error: unknown) => error instanceof GatewayError && error.code === "PAYLOAD_TOO_LARGE";

describe("a buffered body", () => {
  test("that is here already is had at once, and stays as it was", () => {
    const body = new BytesBody(Buffer.from("abc"));
    const call = callWith(body);
    assert.equal(bufferBody(call, 3), body.bytes);
    assert.equal(call.request.body, body);
  });

  test("of a request without one is empty", () => {
    const call = callWith(null);
    assert.deepEqual(bufferBody(call, 0), Buffer.alloc(0));
    assert.equal(call.request.body, null);
  });

  test("that arrives in pieces of lent memory is copied, and can be read again", async () => {
    const body = new LentBody();
    const call = callWith(body);
    const whole = bufferBody(call, 100);
    body.send("abc");
    body.send("de");
    body.reader?.end(null);
    assert.equal((await whole).toString(), "abcde");
    assert.equal(call.request.body?.bytes?.toString(), "abcde");
    assert.equal(call.request.body?.size, 5);
  });

  test("is refused before it is read where its declared size is too much", () => {
    const body = new LentBody(101);
    assert.throws(() => bufferBody(callWith(body), 100), tooLarge);
    assert.equal(body.reader, null);
    assert.throws(() => bufferBody(callWith(new BytesBody(Buffer.alloc(101))), 100), tooLarge);
  });

  test("is bounded while it flows by the lower of the two limits", () => {
    for (const [routes, ours, limit] of [
      [50, 100, 50],
      [Number.POSITIVE_INFINITY, 100, 100],
    ] as const) {
      const body = new LentBody();
      body.limit = routes;
      void bufferBody(callWith(body), ours);
      assert.equal(body.limit, limit);
    }
  });

  test("that fails on its way is nobody's body", async () => {
    const body = new LentBody();
    const call = callWith(body);
    const whole = bufferBody(call, 100) as Promise<Buffer>;
    body.send("abc");
    body.reader?.error(new GatewayError("PAYLOAD_TOO_LARGE"));
    await assert.rejects(whole, tooLarge);
    assert.equal(call.request.body, body);
  });
});
