import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { fieldNameOf, nounsOf, unused } from "./names.ts";

describe("names of what a database has", () => {
  const nouns: readonly (readonly [string, string, string])[] = [
    ["film", "films", "film"],
    ["orders", "orders", "order"],
    ["category", "categories", "category"],
    ["film_category", "film_categories", "film_category"],
    ["Order Details", "order_details", "order_detail"],
    ["employeeTerritories", "employee_territories", "employee_territory"],
    ["address", "addresses", "address"],
    ["status", "statuses", "status"],
    ["people", "people", "person"],
  ];
  for (const [table, plural, singular] of nouns)
    test(`${table}: ${plural}, and one ${singular}`, () => {
      assert.deepEqual(nounsOf(table), { plural, singular });
    });

  test("are names that a config takes, whatever they were, and each another", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", maxLength: 80 }), { maxLength: 8 }), (columns) => {
        const taken = new Set<string>();
        for (const column of columns) taken.add(fieldNameOf(column, taken));
        assert.equal(taken.size, columns.length);
        for (const name of taken) assert.match(name, /^[a-z][a-z0-9_]{0,62}$/);
        for (const column of columns) {
          const { plural, singular } = nounsOf(column);
          assert.match(plural, /^[a-z][a-z0-9_]{0,62}$/);
          assert.match(singular, /^[a-z][a-z0-9_]{0,62}$/);
        }
      }),
      { numRuns: 30 },
    );
    assert.equal(unused("a", new Set(["a", "a_2"])), "a_3");
  });

  test("are not those that queries have a use for", () => {
    assert.deepEqual(
      ["limit", "sort", "id"].map((name) => fieldNameOf(name, new Set())),
      ["limit_value", "sort_value", "id_value"],
    );
  });
});
