import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BytesBody } from "../../core/body.ts";
import { Call, type Exchange, type Request } from "../../core/call.ts";
import { Headers } from "../../core/headers.ts";
import { makeFixed } from "./fixed.ts";

function call(body: Request["body"] = null): Call {
  const peer = { address: "127.0.0.1", port: 1, localPort: 2, secure: false };
  const request: Request = {
    ...{ method: "POST", target: "/", path: "/", query: "", host: "a", version: "1.1" },
    ...{ headers: new Headers(), body, upgrade: null, peer },
  };
  const exchange: Exchange = { interim() {}, send() {} };
  return new Call("req_1", 0, request, exchange);
}

describe("a fixed answer", () => {
  const handler = makeFixed({
    status: 203,
    headers: [
      ["X-One", "1"],
      ["X-One", "2"],
    ],
    body: Buffer.from("hello"),
  });

  test("is what the config says", async () => {
    const reply = await handler(call());
    assert.equal(reply.status, 203);
    assert.deepEqual(
      [...reply.headers],
      [
        ["X-One", "1"],
        ["X-One", "2"],
      ],
    );
    assert.equal(reply.body?.bytes?.toString(), "hello");
  });

  test("is the same for every call, each with a body of its own", async () => {
    const [one, two] = [await handler(call()), await handler(call())];
    assert.notEqual(one.body, two.body);
    assert.deepEqual(one.body?.bytes, two.body?.bytes);
  });

  test("gives up the request's body, which nobody will read", async () => {
    let cancelled = 0;
    const body = new BytesBody(Buffer.from("x"));
    body.cancel = () => {
      cancelled++;
    };
    await handler(call(body));
    assert.equal(cancelled, 1);
  });

  test("may have no body, which is not an empty one", async () => {
    const reply = await makeFixed({ status: 204, headers: [], body: null })(call());
    assert.equal(reply.body, null);
    const empty = await makeFixed({ status: 200, headers: [], body: Buffer.alloc(0) })(call());
    assert.equal(empty.body?.size, 0);
  });

  test("cannot be made of a header that would break the message apart", () => {
    const made = () => makeFixed({ status: 200, headers: [["X", "a\r\nY: b"]], body: null });
    assert.throws(made, TypeError);
  });
});
