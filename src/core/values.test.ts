import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  duration,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  size,
  sizeOrUnlimited,
} from "./values.ts";

const message = (schema: ReturnType<typeof duration>, value: unknown): string | undefined =>
  schema.safeParse(value).error?.issues[0]?.message;

describe("a duration", () => {
  const written: [text: string, ms: number | undefined][] = [
    ["500ms", 500],
    ["10s", 10_000],
    ["1.5s", 1500],
    ["90 s", 90_000],
    ["1m", 60_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    ["10S", 10_000],
    ["10", undefined],
    ["s", undefined],
    ["-1s", undefined],
    ["1 s ", undefined],
    ["1s2s", undefined],
    ["1e3s", undefined],
    ["1w", undefined],
    ["constructor", undefined],
    ["1constructor", undefined],
    ["", undefined],
  ];
  for (const [text, ms] of written) {
    test(`"${text}" is ${ms === undefined ? "refused" : `${ms} ms`}`, () => {
      assert.equal(parseDuration(text), ms);
    });
  }

  test("reads back as written by formatDuration", () => {
    fc.assert(fc.property(fc.nat(10 ** 9), (ms) => parseDuration(formatDuration(ms)) === ms));
  });

  test("is written with the largest unit that keeps it whole", () => {
    assert.deepEqual([0, 999, 1000, 90_000, 3_600_000].map(formatDuration), [
      "0s",
      "999ms",
      "1s",
      "90s",
      "1h",
    ]);
  });

  test("given as a number is refused with both spellings that it may have meant", () => {
    assert.match(message(duration(), 10) ?? "", /found the number 10; write 10s for seconds or 10ms/);
    assert.match(message(duration(), "10") ?? "", /found "10"; write 10s for seconds or 10ms/);
  });

  test("is held within its bounds, which are part of them", () => {
    const bounded = duration({ min: "1s", max: "1m" });
    assert.equal(bounded.parse("1s"), 1000);
    assert.equal(bounded.parse("1m"), 60_000);
    assert.equal(message(bounded, "999ms"), 'must be between 1s and 1m, found "999ms"');
    assert.equal(message(bounded, "61s"), 'must be between 1s and 1m, found "61s"');
  });
});

describe("a size", () => {
  const written: [text: string, bytes: number | undefined][] = [
    ["0b", 0],
    ["100b", 100],
    ["16kb", 16_384],
    ["1mb", 1_048_576],
    ["2.5MB", 2_621_440],
    ["1 gb", 1_073_741_824],
    ["1kib", undefined],
    ["1k", undefined],
    ["1024", undefined],
    ["unlimited", undefined],
  ];
  for (const [text, bytes] of written) {
    test(`"${text}" is ${bytes === undefined ? "refused" : `${bytes} bytes`}`, () => {
      assert.equal(parseSize(text), bytes);
    });
  }

  test("reads back as written by formatSize", () => {
    fc.assert(fc.property(fc.nat(10 ** 9), (bytes) => parseSize(formatSize(bytes)) === bytes));
    assert.equal(formatSize(Number.POSITIVE_INFINITY), "unlimited");
  });

  test("may be unlimited only where that is allowed", () => {
    const bounds = { min: "1kb", max: "1mb" };
    assert.equal(sizeOrUnlimited(bounds).parse("unlimited"), Number.POSITIVE_INFINITY);
    assert.equal(message(size(bounds), "unlimited"), 'expected a size such as "16kb", found "unlimited"');
  });

  test("given as a number of bytes is refused with the way to write it", () => {
    const bounds = { min: "1kb", max: "1mb" };
    assert.match(message(size(bounds), 1_048_576) ?? "", /; write 1mb$/);
    assert.match(message(size(bounds), 16) ?? "", /; write 16b for bytes or 16kb for kilobytes$/);
  });
});
