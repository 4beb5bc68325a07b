import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { table } from "./report.ts";

describe("table", () => {
  test("aligns names to the left and numbers to the right", () => {
    assert.equal(
      table([
        ["", "µs"],
        ["nginx", "9.1"],
        ["fastify", "159.0"],
      ]),
      ["              µs", "  nginx      9.1", "  fastify  159.0"].join("\n"),
    );
  });
});
