import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { read } from "../../config/sentences.ts";
import { rateLimitOptions } from "./rate-limit.options.ts";

/** `path: message` of each mistake, as the author of a config sees it. */
function mistakes(options: unknown): string[] {
  const result = read(rateLimitOptions, options);
  return "findings" in result
    ? result.findings.map(({ path, message }) => `${path.join(".")}: ${message}`)
    : [];
}

const sound = { limit: 10, window: "1m" };

describe("the options of rate-limit", () => {
  test("need no more than a limit and a window", () => {
    const { data } = rateLimitOptions.safeParse(sound);
    assert.deepEqual(data, {
      limit: 10,
      window: 60_000,
      algorithm: "token-bucket",
      cost: 1,
      onStoreError: "local",
      dryRun: false,
    });
  });

  const refused: readonly (readonly [why: string, options: unknown, message: RegExp])[] = [
    ["no limit", { window: "1m" }, /^limit: a limit is needed/],
    ["no window", { limit: 10 }, /^window: a window is needed/],
    ["a limit of 0", { ...sound, limit: 0 }, /^limit: must be at least 1, found the number 0/],
    ["a window of part of a second", { ...sound, window: "500ms" }, /^window: must be between 1s and 366d/],
    ["a window of one and a half seconds", { ...sound, window: "1500ms" }, /^window: must be whole seconds/],
    ["numbers beside a list", { ...sound, limits: [sound] }, /^limits: stands instead of limit/],
    [
      "burst of a window",
      { ...sound, algorithm: "fixed-window", burst: 20 },
      /^burst: only a token-bucket has one/,
    ],
    [
      "burst in a list",
      { limits: [{ ...sound, burst: 2, algorithm: "sliding-window" }] },
      /^limits\.0\.burst: only/,
    ],
    ["a cost beyond the limit", { ...sound, cost: 11 }, /^cost: no request could ever pass: it costs 11/],
    ["a cost beyond the burst", { ...sound, burst: 5, cost: 6 }, /^cost: no request could ever pass/],
    [
      "a cost beyond a plan's limit",
      { ...sound, cost: 5, plans: { free: { limit: 4 } } },
      /^cost: no request could ever pass/,
    ],
    [
      "one name twice",
      {
        limits: [
          { ...sound, name: "a" },
          { ...sound, limit: 9, name: "a" },
        ],
      },
      /^limits\.1\.name: "a" is the name of another limit/,
    ],
    [
      "a plan without a window",
      { limits: [sound], plans: { gold: { limit: 4 } } },
      /^plans\.gold\.window: a window/,
    ],
    ["no header", { ...sound, by: { header: "X Tenant" } }, /^by.*: "X Tenant" is not a header name/],
    ["a cost that is no cost", { ...sound, cost: "much" }, /^cost: expected a number, bytes/],
    ["an unknown word", { ...sound, by: "user" }, /^by: expected consumer, ip, all/],
    ["an unknown algorithm", { ...sound, algorithm: "leaky-bucket" }, /^algorithm: expected token-bucket/],
  ];
  for (const [why, options, message] of refused) {
    test(`are refused with ${why}`, () => {
      const all = mistakes(options);
      assert.ok(
        all.some((one) => message.test(one)),
        all.join("\n") || "they were taken",
      );
    });
  }
});
