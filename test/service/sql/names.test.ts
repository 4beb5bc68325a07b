/** Names of tables and columns are whatever their owner likes: they stand in statements as names, and as nothing else. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import type { Database } from "../../../src/core/database.ts";
import { identifier, qualified } from "../../../src/service/migrations/quote.ts";
import { onBothDatabases } from "../../harness/databases.ts";

/** PostgreSQL cuts off what is longer, in bytes; neither has names with NUL. */
const name = fc
  .oneof(
    fc.string({ unit: "grapheme", minLength: 1 }),
    fc.string({
      unit: fc.constantFrom(
        '"',
        "'",
        "$1",
        "?",
        "\\",
        ";",
        "--",
        "/*",
        "*/",
        ".",
        " ",
        "\n",
        "A",
        "a",
        "é",
        "😀",
      ),
      minLength: 1,
    }),
    fc.constantFrom(
      "select",
      "SELECT",
      "order",
      "$1",
      ":a",
      "@a",
      "?1",
      'U&"x"',
      "rowid",
      "oid",
      "ctid",
      "o",
    ),
  )
  .filter((text) => Buffer.byteLength(text) <= 60 && !text.includes("\0"));

onBothDatabases((dialect) => {
  describe("a name", () => {
    let database: Database;
    before(async () => {
      ({ database } = await dialect.newDatabase());
    });

    test("that is quoted is that name, whatever stands in it", async () => {
      await fc.assert(
        fc.asyncProperty(name, name, async (one, other) => {
          const [first, second] = [identifier(one), identifier(other)];
          const text = `SELECT ${qualified({ schema: other, name: one })}, $1 FROM (SELECT 41 + 1 AS ${first}, 0 AS "no name at all") AS ${second}`;
          assert.deepEqual(await database.query({ text }, ["value"]), [[42, "value"]]);
        }),
        { numRuns: process.env["TURNPIKE_FULL"] === "1" ? 2_000 : 200 },
      );
    });
  });
});
