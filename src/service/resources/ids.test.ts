import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { describe, test } from "node:test";
import { Ids } from "./ids.ts";

const fill = (bytes: Uint8Array): void => void randomFillSync(bytes);

describe("ids", () => {
  for (const [kind, make] of [
    ["with a prefix", (ids: Ids) => ids.prefixed("ord")],
    ["as UUIDs", (ids: Ids) => ids.uuid()],
  ] as const) {
    test(`${kind} grow strictly, also within a millisecond and when the clock is set back`, () => {
      let now = Date.UTC(2026, 10, 22);
      const ids = new Ids(() => now, fill);
      const made: string[] = [];
      for (let n = 0; n < 5000; n++) {
        if (n % 1000 === 999) now += n % 2000 === 999 ? 1 : -5000;
        made.push(make(ids));
      }
      assert.deepEqual(made, [...new Set(made)].sort());
    });

    test(`${kind} carry into the time where a millisecond has no more`, () => {
      const ids = new Ids(
        () => 1000,
        (bytes) => void bytes.fill(0xff),
      );
      const made = Array.from({ length: 40_000 }, () => make(ids));
      assert.deepEqual(made, [...new Set(made)].sort());
    });
  }

  test("with a prefix have 26 characters behind it", () => {
    assert.match(new Ids(Date.now, fill).prefixed("ord"), /^ord_[0-9a-hjkmnp-tv-z]{26}$/);
  });

  test("as UUIDs are of version 7 and say the time", () => {
    const at = Date.UTC(2026, 10, 22);
    const id = new Ids(() => at, fill).uuid();
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(Number.parseInt(id.slice(0, 13).replace("-", ""), 16), at);
  });

  test("are not told by the one before: it takes 64 random bits to get from one to the next", () => {
    const ids = new Ids(() => 1000, fill);
    const steps = new Set<bigint>();
    let last = BigInt(`0x${ids.uuid().replaceAll("-", "")}`);
    for (let n = 0; n < 1000; n++) {
      const next = BigInt(`0x${ids.uuid().replaceAll("-", "")}`);
      steps.add(next - last);
      last = next;
    }
    assert.equal(steps.size, 1000);
  });
});
