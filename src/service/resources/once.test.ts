import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BytesBody } from "../../core/body.ts";
import { Call, type Request } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import { Headers } from "../../core/headers.ts";
import { idempotencyTerms, STANDARD_TERMS } from "../../core/idempotency-terms.ts";
import { type KeyedCall, keyedCall } from "./once.ts";
import type { Repetition } from "./store.ts";

const BODY = Buffer.from('{"amount": 5}');
const SIGHT = new Set(["notes:internal"]);

function callOf(key: string | null, address = "192.0.2.1"): Call {
  const request: Request = {
    method: "POST",
    target: "/payments",
    path: "/payments",
    query: "",
    host: "example",
    version: "1.1",
    headers: Headers.of(key === null ? {} : { "Idempotency-Key": key }),
    body: new BytesBody(BODY),
    upgrade: null,
    peer: { address, port: 1, secure: false, localPort: 2 },
  };
  return Object.assign(new Call("req_1", 0, request, { interim: () => {}, send: () => {} }), {
    clientIp: address,
  });
}

const keyed = (...of: Parameters<typeof callOf>): KeyedCall =>
  keyedCall(callOf(...of), BODY, SIGHT) as KeyedCall;

const refused = (once: KeyedCall, repetition: Repetition): GatewayError => {
  try {
    once.replay(repetition);
  } catch (error) {
    return GatewayError.from(error);
  }
  throw new Error("it was answered");
};

const answer = () => ({
  status: 201,
  headers: Headers.of({
    ...{ "Content-Type": "application/json", Location: "/payments/pay_1", ETag: '"1-a"' },
    ...{ Date: "now", "X-Request-Id": "req_1", "Set-Cookie": "a=b", "RateLimit-Remaining": "3" },
  }),
  body: Buffer.from('{"id": "pay_1"}'),
});

describe("a call with an Idempotency-Key", () => {
  test("is answered again with the same bytes and fields, and with what is new about it", () => {
    const first = keyed("k");
    const kept = first.keep(answer());
    assert.doesNotMatch(Buffer.from(kept.answer).toString("latin1"), /pay_1/);
    const { status, headers, body } = keyed('"k"').replay({ kind: "replay", requestId: "req_0", ...kept });
    assert.deepEqual([status, body?.bytes?.toString()], [201, '{"id": "pay_1"}']);
    assert.deepEqual(Object.fromEntries(headers), {
      "Content-Type": "application/json",
      Location: "/payments/pay_1",
      ETag: '"1-a"',
      "Idempotent-Replayed": "true",
      "Original-Request": "req_0",
    });
  });

  test("has a record of its own for each caller, and no one else's key opens the answer", () => {
    const [ours, theirs] = [keyed("k"), keyed("k", "198.51.100.1")];
    assert.notDeepEqual(ours.keyed.digest, theirs.keyed.digest);
    const stolen = { kind: "replay" as const, requestId: "req_0", ...ours.keep(answer()) };
    assert.equal(refused(theirs, stolen).code, "IDEMPOTENCY_ANSWER_NOT_KEPT");
  });

  test("tells apart what else may have become of its key", () => {
    const once = keyed("k");
    const told = { requestId: "req_0", id: "idem_1", since: 0, status: 200 };
    const codes = (["running", "unknown", "unkept", "reused"] as const).map((kind) => {
      const { code, headers } = refused(once, { ...told, kind });
      return [code, headers["Original-Request"]];
    });
    assert.deepEqual(codes, [
      ["IDEMPOTENCY_KEY_IN_USE", "req_0"],
      ["IDEMPOTENCY_OUTCOME_UNKNOWN", "req_0"],
      ["IDEMPOTENCY_ANSWER_NOT_KEPT", "req_0"],
      ["IDEMPOTENCY_KEY_REUSED", "req_0"],
    ]);
  });

  test("goes by the terms of the route's policy, else by those that everybody has", () => {
    assert.equal(keyed("k").keyed.keep, STANDARD_TERMS.keep);
    const call = callOf("k");
    call.facts.learn(idempotencyTerms, { keep: 60_000, compat: "stripe", docs: "https://docs.example" });
    const once = keyedCall(call, BODY, SIGHT) as KeyedCall;
    assert.equal(once.keyed.keep, 60_000);
    const { status, headers } = refused(once, { kind: "reused", requestId: "req_0" });
    assert.deepEqual([status, headers["Link"]], [400, '<https://docs.example>; rel="describedby"']);
  });

  test("is none without a key, and refused with a bad one", () => {
    assert.equal(keyedCall(callOf(null), BODY, SIGHT), null);
    assert.throws(() => keyed(""), { code: "IDEMPOTENCY_KEY_INVALID" });
  });
});
