import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KeyedHash } from "./keyed-hash.ts";

function digest(text: string, key0 = 1, key1 = 2): string {
  const hash = new KeyedHash(key0, key1);
  hash.digest(text);
  return `${hash.low},${hash.high}`;
}

describe("the keyed hash", () => {
  test("tells similar texts apart, whatever their lengths", () => {
    const texts = new Set<string>();
    for (let i = 0; i < 100_000; i++) texts.add(`ip:10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    for (let length = 0; length < 600; length++) texts.add("a".repeat(length)).add(`${"a".repeat(length)}\0`);
    assert.equal(new Set([...texts].map((text) => digest(text))).size, texts.size);
  });

  test("depends on every bit of its key", () => {
    const digests = new Set<string>();
    for (let bit = 0; bit < 32; bit++) {
      digests.add(digest("text", 1 << bit, 0));
      digests.add(digest("text", 0, 1 << bit));
    }
    assert.equal(digests.size, 64);
  });

  test("spreads counted-up keys evenly", () => {
    const hash = new KeyedHash(3, 4);
    const buckets = new Array<number>(64).fill(0);
    for (let i = 0; i < 64_000; i++) {
      hash.digest(`consumer:customer-${i}`);
      const bucket = hash.low >>> 26;
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    // Six standard deviations around 1000.
    assert.ok(Math.min(...buckets) > 810 && Math.max(...buckets) < 1190, buckets.join(" "));
  });
});
