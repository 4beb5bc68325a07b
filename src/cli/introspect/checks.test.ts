import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rulesOfCheck } from "./checks.ts";

describe("rules of a CHECK", () => {
  const readable: readonly (readonly [string, boolean, object])[] = [
    ["(qty > 0)", true, { minimum: 1 }],
    ["((qty >= 1) AND (qty <= 5))", true, { minimum: 1, maximum: 5 }],
    ["((qty >= (0)::numeric) AND (qty <= 99.5))", false, { minimum: 0, maximum: 99.5 }],
    ["(qty >= '-5'::integer)", true, { minimum: -5 }],
    [
      "((qty)::text = ANY ((ARRAY['a'::character varying, 'it''s AND (b)'::character varying])::text[]))",
      false,
      { enum: ["a", "it's AND (b)"] },
    ],
    ["(qty = ANY (ARRAY[1, 2, 3]))", true, { enum: [1, 2, 3] }],
    ["(char_length((qty)::text) >= 2)", false, { minLength: 2 }],
    ["((VALUE >= 1901) AND (VALUE <= 2155))", true, { minimum: 1901, maximum: 2155 }],
  ];
  for (const [expression, whole, rules] of readable)
    test(`${expression} is understood`, () => {
      assert.deepEqual(rulesOfCheck(expression, "qty", whole), rules);
    });

  for (const expression of [
    "(price > 0)",
    "((qty > 0) OR (qty < '-5'::integer))",
    "(NOT (qty >= 5))",
    "(qty <> 3)",
    "((qty)::text ~ '^[A-Z]+$'::text)",
    "(qty > total)",
    "((qty % 2) = 0)",
    "(qty IS NOT NULL)",
    "((qty > 3) AND (qty > 5))",
    "((qty > 3) AND (qty = ANY (ARRAY[4, 5])))",
    "",
  ])
    test(`"${expression}" says more than rules can`, () => {
      assert.equal(rulesOfCheck(expression, "qty", false), null);
    });
});
