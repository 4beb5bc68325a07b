import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lock, unlock } from "./spin-lock.ts";

describe("a lock", () => {
  test("is free again after its holder has let go", () => {
    const words = new Int32Array(new SharedArrayBuffer(8));
    for (let i = 0; i < 3; i++) unlock(words, 1, lock(words, 1));
    assert.deepEqual([...words], [0, 0]);
  });

  test("is taken over from a holder that died, who cannot open it any more", () => {
    const words = new Int32Array(new SharedArrayBuffer(8));
    const dead = lock(words, 1);
    const mine = lock(words, 1);
    assert.notEqual(mine, dead);
    unlock(words, 1, dead);
    assert.equal(words[1], mine);
  });
});
