import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { retryAfter } from "./retry-after.ts";

const NOW = Date.UTC(2026, 10, 22, 12);

describe("Retry-After", () => {
  for (const [value, wait] of [
    [undefined, 0],
    ["0", 0],
    ["2", 2_000],
    ["120", 120_000],
    ["Sun, 22 Nov 2026 12:00:05 GMT", 5_000],
    ["Sun, 22 Nov 2026 11:00:00 GMT", 0],
    // What nobody can read asks for nothing.
    ["", 0],
    ["soon", 0],
    ["-5", 0],
    ["1.5", 0],
    ["2026-11-22T12:00:05Z", 0],
    ["Sun, 99 Nov 2026 12:00:05 GMT", 0],
  ] as const) {
    test(`of ${value ?? "no value"} is a pause of ${wait} ms`, () =>
      assert.equal(retryAfter(value, NOW), wait));
  }
});
