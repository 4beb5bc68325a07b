import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Call, type Exchange, type Request } from "./call.ts";

const call = (): Call => new Call("req_1", 0, {} as Request, {} as Exchange);

/** Work that says how often it was given up. */
function work() {
  return {
    aborted: 0,
    abort() {
      this.aborted++;
    },
  };
}

describe("a call whose client goes away", () => {
  test("gives up its work and tells the signal", () => {
    const one = call();
    const forwarding = work();
    const { signal } = one;
    one.onAbort(forwarding);
    one.abort();
    one.abort();
    assert.equal(forwarding.aborted, 1);
    assert.ok(signal.aborted);
    assert.ok(one.gone);
  });

  test("gives up work that begins only afterwards", () => {
    const one = call();
    one.abort();
    const late = work();
    one.onAbort(late);
    assert.equal(late.aborted, 1);
    assert.ok(one.signal.aborted);
  });

  test("goes on with its work while it is held, and ends when it is let go", () => {
    const one = call();
    const forwarding = work();
    const ends: string[] = [];
    one.onEnd(() => ends.push("end"));
    const release = one.hold();
    one.onAbort(forwarding);
    one.abort();
    one.end();
    assert.ok(one.gone);
    assert.equal(forwarding.aborted, 0);
    assert.equal(one.signal.aborted, false);
    assert.deepEqual(ends, []);
    one.onAbort(null);
    release();
    release();
    assert.deepEqual(ends, ["end"]);
    assert.equal(forwarding.aborted, 0);
  });

  test("gives up what is still going on when the last hold is let go", () => {
    const one = call();
    const first = one.hold();
    const second = one.hold();
    const forwarding = work();
    one.onAbort(forwarding);
    one.abort();
    first();
    assert.equal(forwarding.aborted, 0);
    second();
    assert.equal(forwarding.aborted, 1);
  });

  test("ends once, held or not", () => {
    const one = call();
    let ends = 0;
    one.onEnd(() => ends++);
    const release = one.hold();
    release();
    one.end();
    one.end();
    assert.equal(ends, 1);
  });
});
