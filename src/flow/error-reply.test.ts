import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Call, type Exchange, type Request } from "../core/call.ts";
import { catalogue, type ErrorCode, type ErrorDetail, GatewayError } from "../core/errors.ts";
import { Headers } from "../core/headers.ts";
import { errorReply } from "./error-reply.ts";

function call(accept?: string): Call {
  const headers = accept === undefined ? new Headers() : Headers.of({ Accept: accept });
  const peer = { address: "127.0.0.1", port: 1, localPort: 2, secure: false };
  const request: Request = {
    ...{ method: "GET", target: "/", path: "/", query: "", host: "a", version: "1.1" },
    ...{ headers, body: null, upgrade: null, peer },
  };
  const exchange: Exchange = { interim() {}, send() {} };
  return new Call("req_1", 0, request, exchange);
}

const PROBLEM = "application/problem+json";

function answer(error: GatewayError, accept?: string, docs: string | null = null) {
  const reply = errorReply(call(accept), error, { docs, hsts: 0 });
  return { ...reply, document: JSON.parse(String(reply.body?.bytes)) };
}

const details: readonly ErrorDetail[] = [
  { field: "items[2].a/b~c", issue: "too long" },
  { field: "", issue: "bad" },
];

describe("the answer to an error", () => {
  test("is the envelope with code, message and request id (ERR-1)", () => {
    const { status, document, headers } = answer(new GatewayError("ROUTE_NOT_FOUND"));
    assert.equal(status, 404);
    assert.equal(headers.get("content-type"), "application/json");
    assert.deepEqual(document, {
      error: {
        code: "ROUTE_NOT_FOUND",
        message: catalogue.ROUTE_NOT_FOUND.title,
        details: [],
        request_id: "req_1",
      },
    });
  });

  test("has the type and the status that clients of another API know its cause by", () => {
    const error = new GatewayError("IDEMPOTENCY_KEY_REUSED", { type: "idempotency_error", status: 400 });
    const { status, document } = answer(error);
    assert.deepEqual([status, document.error.type], [400, "idempotency_error"]);
    assert.deepEqual([answer(error, PROBLEM).status, answer(error, PROBLEM).document.status], [400, 400]);
  });

  test("is problem details for whoever asks for them (ERR-12, RFC 9457)", () => {
    const error = new GatewayError("MALFORMED_REQUEST", { message: "No colon.", details });
    const { document, headers } = answer(error, PROBLEM, "https://docs/errors");
    assert.equal(headers.get("content-type"), PROBLEM);
    assert.deepEqual(document, {
      type: "https://docs/errors#MALFORMED_REQUEST",
      title: catalogue.MALFORMED_REQUEST.title,
      status: 400,
      detail: "No colon.",
      instance: "urn:turnpike:request:req_1",
      code: "MALFORMED_REQUEST",
      request_id: "req_1",
      errors: [
        { field: "items[2].a/b~c", pointer: "#/items/2/a~1b~0c", detail: "too long" },
        { field: "", pointer: "#", detail: "bad" },
      ],
    });
  });

  test("has the status phrase for a title where the type is about:blank (RFC 9457 §4.2.1)", () => {
    const { document } = answer(new GatewayError("LOOP_DETECTED"), PROBLEM);
    assert.deepEqual([document.type, document.title], ["about:blank", "Loop Detected"]);
  });

  test("has the status of the catalogue, in the head and in the document, for every code", () => {
    for (const code of Object.keys(catalogue) as ErrorCode[]) {
      const { status, headers, document, error } = answer(new GatewayError(code), PROBLEM);
      assert.equal(status, catalogue[code].status, code);
      assert.equal(document.status, status, code);
      assert.equal(headers.get("x-error-code"), code);
      assert.equal(error?.code, code);
    }
  });

  test("is never stored, never sniffed and varies with Accept", () => {
    const { headers } = answer(new GatewayError("OVERLOADED"));
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("vary"), "Accept");
  });

  test("carries the fields of the error", () => {
    const error = new GatewayError("METHOD_NOT_ALLOWED", { headers: { Allow: "GET, HEAD" } });
    assert.equal(answer(error).headers.get("allow"), "GET, HEAD");
  });

  test("never shows a cause", () => {
    const thrown = new Error("connect ECONNREFUSED 10.0.0.7:5432 password=hunter2");
    for (const error of [GatewayError.from(thrown), new GatewayError("OVERLOADED", { cause: thrown })]) {
      for (const accept of ["*/*", PROBLEM]) {
        const { document, headers } = answer(error, accept);
        assert.doesNotMatch(JSON.stringify([document, [...headers]]), /hunter2|ECONNREFUSED|\.ts/);
      }
    }
  });

  test("lists a hundred details and says that there were more (ERR-5)", () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => ({ field: `f${i}`, issue: "x" }));
    const all = answer(new GatewayError("MALFORMED_REQUEST", { details: many(100) })).document.error;
    assert.deepEqual([all.details.length, all.truncated], [100, undefined]);
    const cut = answer(new GatewayError("MALFORMED_REQUEST", { details: many(101) })).document.error;
    assert.deepEqual([cut.details.length, cut.truncated], [100, true]);
  });

  test("stays valid JSON whatever the message holds", () => {
    const message = 'a"b\\c\r\n\0</script>é';
    assert.equal(answer(new GatewayError("MALFORMED_REQUEST", { message })).document.error.message, message);
  });
});
