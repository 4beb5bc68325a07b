import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Call, type Request } from "../core/call.ts";
import { GatewayError } from "../core/errors.ts";
import { Headers } from "../core/headers.ts";
import type { Reply } from "../core/reply.ts";
import { routed, type Shedder } from "./flow.ts";

const PATHS = { encodedSlash: "refuse", semicolon: "refuse" } as const;
const overloaded = new GatewayError("OVERLOADED");

/** A gateway whose router must not be asked, unless `found` says what it finds. */
function stand(shedder: Shedder, outermost: Parameters<typeof routed>[0]["outermost"] = null) {
  let asked = 0;
  const router = {
    find: () => {
      asked++;
      return { kind: "not-found" as const };
    },
  };
  const route = routed({ paths: PATHS, outermost }, router as never, () => {}, shedder);
  const call = new Call(
    "id",
    0,
    { method: "GET", target: "/a", path: "", host: "x", headers: new Headers() } as Request,
    { interim: () => {}, send: () => {} },
  );
  return { route: () => route(call), asked: () => asked };
}

describe("a call that comes while there is too much to do", () => {
  test("is refused before anybody looks where it goes", () => {
    const { route, asked } = stand({ shedding: true, refusal: () => overloaded });
    assert.throws(route, overloaded);
    assert.equal(asked(), 0);
  });

  test("passes where it is not one of those to be refused", () => {
    const { route, asked } = stand({ shedding: true, refusal: () => null });
    assert.throws(route, { code: "ROUTE_NOT_FOUND" });
    assert.equal(asked(), 1);
  });

  test("is refused inside the policies that have a say in every answer, so that browsers may read it", () => {
    const marked: Reply = { status: 503, headers: Headers.of({ Vary: "Origin" }), body: null };
    const { route } = stand({ shedding: true, refusal: () => overloaded }, (next) => (call) => {
      assert.throws(() => next(call), overloaded);
      return marked;
    });
    assert.equal(route(), marked);
  });

  test("asks for no refusal while all is calm", () => {
    const { route } = stand({ shedding: false, refusal: () => assert.fail("asked") });
    assert.throws(route, { code: "ROUTE_NOT_FOUND" });
  });
});
