import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import type { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import type { FieldRules, FieldType } from "../../../core/resource.ts";
import { isInexact, readExactJson } from "./exact.ts";
import { checkOf } from "./field-checks.ts";
import { Issues } from "./issues.ts";
import { compareDecimals } from "./numbers.ts";

/** What is kept of the value, or what is wrong with it. */
function keep(type: FieldType, rules: FieldRules, value: unknown): unknown {
  const issues = new Issues().at(["it"]);
  const kept = checkOf({ type, rules })(value, issues);
  return issues.count === 0 ? kept : issues.details.map(({ field, issue }) => `${field} ${issue}`);
}

type Case = readonly [type: FieldType, rules: FieldRules, given: unknown, kept: unknown];

describe("a value of a field", () => {
  const cases: readonly Case[] = [
    ["string", {}, "", ""],
    ["string", {}, "'; DROP TABLE orders; --", "'; DROP TABLE orders; --"],
    ["string", { maxLength: 2 }, "😀😀", "😀😀"],
    ["string", { minLength: 2, maxLength: 2 }, "é😀", "é😀"],
    ["string", { pattern: "a|b" }, "b", "b"],
    ["string", { enum: ["x", "y"] }, "y", "y"],
    ["integer", {}, 1.0, 1],
    ["integer", {}, 1e2, 100],
    ["integer", {}, -0, 0],
    ["integer", {}, 9007199254740991, 9007199254740991],
    ["integer", { enum: [1, 2] }, 2, 2],
    ["number", {}, 1.5, 1.5],
    ["number", {}, -0, 0],
    ["number", {}, 1e300, 1e300],
    ["bigint", {}, "9223372036854775807", "9223372036854775807"],
    ["bigint", {}, "-9223372036854775808", "-9223372036854775808"],
    ["bigint", {}, "-0", "0"],
    ["decimal", {}, "12.50", "12.50"],
    ["decimal", {}, "-0.00", "0.00"],
    ["decimal", { minimum: 0, maximum: 0.1 }, "0.10", "0.10"],
    ["boolean", {}, false, false],
    ["uuid", {}, "9F1B3C1E-2D4A-7C8E-9B0A-1C2D3E4F5A6B", "9f1b3c1e-2d4a-7c8e-9b0a-1c2d3e4f5a6b"],
    ["datetime", {}, "2026-11-22T15:30:18+01:00", "2026-11-22T14:30:18.000Z"],
    ["date", {}, "2026-11-22", "2026-11-22"],
    ["object", {}, { a: [1, { b: null }] }, '{"a":[1,{"b":null}]}'],
    ["array", { minLength: 1 }, [1, "1"], '[1,"1"]'],
  ];
  for (const [type, rules, given, kept] of cases) {
    const named = Object.keys(rules).join(" and ");
    test(`${type}${named && ` with ${named}`} keeps ${JSON.stringify(given)} as ${JSON.stringify(kept)}`, () => {
      assert.equal(keep(type, rules, given), kept);
    });
  }

  const refused: readonly (readonly [
    type: FieldType,
    rules: FieldRules,
    given: unknown,
    issues: readonly string[],
  ])[] = [
    ["string", {}, 1, ["it must be a string"]],
    ["string", {}, "a\0b", ["it must not contain NUL"]],
    ["string", {}, "\ud800", ["it must not contain half a surrogate pair"]],
    ["string", { maxLength: 2 }, "😀😀😀", ["it must have at most 2 characters"]],
    ["string", { minLength: 2 }, "😀", ["it must have at least 2 characters"]],
    ["string", { pattern: "a|b" }, "ab", ["it must match the pattern a|b"]],
    ["string", { pattern: "a" }, "a\n", ["it must match the pattern a"]],
    ["string", { enum: ["x", "y"] }, "X", ['it must be one of "x", "y"']],
    [
      "string",
      { minLength: 3, pattern: "[0-9]+" },
      "a",
      ["it must have at least 3 characters", "it must match the pattern [0-9]+"],
    ],
    ["integer", {}, "1", ["it must be an integer"]],
    ["integer", {}, true, ["it must be an integer"]],
    ["integer", {}, 1.5, ["it must be an integer"]],
    [
      "integer",
      {},
      9007199254740992,
      ["it must be an integer between -9007199254740991 and 9007199254740991"],
    ],
    ["integer", { minimum: 3, enum: [4] }, 2, ["it must be 4", "it must be at least 3"]],
    ["number", {}, "1.5", ["it must be a number"]],
    ["number", { maximum: 1 }, 1.5, ["it must be at most 1"]],
    [
      "bigint",
      {},
      1,
      ['it must be a string of digits such as "9223372036854775807", a signed integer of 64 bits'],
    ],
    [
      "bigint",
      {},
      "9223372036854775808",
      ['it must be a string of digits such as "9223372036854775807", a signed integer of 64 bits'],
    ],
    ["bigint", { minimum: 1 }, "0", ["it must be at least 1"]],
    ["decimal", {}, 1.5, ['it must be a string such as "12.50", of at most 100 digits']],
    ["decimal", {}, "1e5", ['it must be a string such as "12.50", of at most 100 digits']],
    ["decimal", {}, "01.5", ['it must be a string such as "12.50", of at most 100 digits']],
    ["decimal", { maximum: 0.1 }, "0.1000000000000000000000001", ["it must be at most 0.1"]],
    ["boolean", {}, "true", ["it must be true or false"]],
    ["boolean", {}, 0, ["it must be true or false"]],
    ["uuid", {}, "9f1b", ["it must be a UUID"]],
    ["datetime", {}, 1763825418, ['it must be a date and time such as "2026-11-22T12:00:00Z"']],
    ["datetime", {}, "2026-02-30T00:00:00Z", ['it must be a date and time such as "2026-11-22T12:00:00Z"']],
    ["date", {}, "2026-02-30", ['it must be a date such as "2026-11-22"']],
    ["object", {}, [], ["it must be an object"]],
    ["object", {}, "{}", ["it must be an object"]],
    ["object", {}, { a: [{ "b.c": "\0" }] }, ['it.a[0]["b.c"] must not contain NUL']],
    ["object", {}, { "a\0": 1 }, ['it["a\\u0000"] has a name that must not contain NUL']],
    ["array", {}, {}, ["it must be an array"]],
    ["array", { maxLength: 1 }, [1, 2], ["it must have at most 1 item"]],
    [
      "array",
      { schema: { items: { type: "string" } } },
      ["a", 1, 2],
      ["it[1] must be a string", "it[2] must be a string"],
    ],
    ["object", {}, { a: "x".repeat(1_048_576) }, ["it must not be longer than 1048576 characters of JSON"]],
  ];
  for (const [type, rules, given, issues] of refused) {
    const named = Object.keys(rules).join(" and ");
    const shown = JSON.stringify(given).slice(0, 40);
    test(`${type}${named && ` with ${named}`} refuses ${shown}: ${issues.join(", ").slice(0, 60)}`, () => {
      assert.deepEqual(keep(type, rules, given), issues);
    });
  }

  test("is accepted exactly where a JSON Schema of the same rules accepts it", () => {
    const { Ajv2020 } = createRequire(import.meta.url)(
      "ajv/dist/2020.js",
    ) as typeof import("ajv/dist/2020.js");
    const ajv: Ajv2020 = new Ajv2020({ strict: false });
    const small = fc.nat(4);
    const sketch = fc.oneof(
      fc.record({
        type: fc.constant("string" as const),
        rules: fc.record(
          { minLength: small, maxLength: small, pattern: fc.constantFrom("[a-c]*", "a+|.b", "(ab)?.*") },
          { requiredKeys: [] },
        ),
      }),
      fc.record({
        type: fc.constantFrom("integer" as const, "number" as const),
        rules: fc.record(
          { minimum: fc.integer({ min: -3, max: 3 }), maximum: fc.integer({ min: -3, max: 3 }) },
          { requiredKeys: [] },
        ),
      }),
      fc.record({
        type: fc.constantFrom("boolean" as const, "object" as const, "array" as const),
        rules: fc.constant({}),
      }),
    );
    const value = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "b", "c", "é", "😀"), maxLength: 6 }),
      fc.integer({ min: -5, max: 5 }),
      fc.double({ min: -5, max: 5, noNaN: true }),
      fc.boolean(),
      fc.array(fc.integer(), { maxLength: 2 }),
      fc.record({ a: fc.integer() }),
    );
    fc.assert(
      fc.property(sketch, value, ({ type, rules }, given) => {
        const { pattern, ...others }: FieldRules = rules;
        const schema = { type, ...others, ...(pattern === undefined ? {} : { pattern: `^(?:${pattern})$` }) };
        const expected = ajv.compile(schema)(given);
        assert.equal(
          !Array.isArray(keep(type, rules as FieldRules, given)),
          expected,
          JSON.stringify([schema, given]),
        );
      }),
      { numRuns: 300 },
    );
  });
});

describe("a decimal", () => {
  test("is compared with a bound without a rounding, however the bound is written", () => {
    assert.equal(compareDecimals("0.1", "1e-1"), 0);
    assert.equal(compareDecimals("-1", "-0.9999999999999999999"), -1);
    assert.equal(compareDecimals("100000000000000000000.1", "1e20"), 1);
    const digits = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
    fc.assert(
      fc.property(digits, digits, fc.nat(20), (a, b, places) => {
        const text = (number: bigint) => {
          const padded = String(number < 0n ? -number : number).padStart(places + 1, "0");
          const point = padded.length - places;
          return `${number < 0n ? "-" : ""}${padded.slice(0, point)}${places === 0 ? "" : "."}${padded.slice(point)}`;
        };
        assert.equal(compareDecimals(text(a), text(b)), a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });
});

describe("a number of a body", () => {
  const inexact = [
    "9007199254740993",
    "-9007199254740993",
    "90071992547409930e-1",
    "1.0000000000000000000001",
    "12345678901234567890",
    "1e-400",
    `0.${"0".repeat(400)}1`,
  ];
  for (const text of inexact) {
    test(`${text.slice(0, 30)} is not rounded without a word`, () => {
      for (const type of ["integer", "number"] as const) {
        assert.ok(Array.isArray(keep(type, {}, readExactJson(Buffer.from(text)))), type);
      }
      assert.ok(Array.isArray(keep("object", {}, readExactJson(Buffer.from(`{"a":[${text}]}`)))));
    });
  }

  for (const [text, integer, number] of [
    [
      "9007199254740993",
      "must be an integer between -9007199254740991 and 9007199254740991",
      "has more digits than a number keeps: round it, or send a string",
    ],
    ...[
      "1.0000000000000000001",
      "-1.0000000000000000001",
      "1e-400",
      "-1e-400",
      "123456789012345678.5",
      "10000000000000000001e-1",
    ].map((fraction) => [
      fraction,
      "must be an integer",
      "is a fraction of which a number keeps nothing: round it, or send a string",
    ]),
  ] as const) {
    test(`${text} is told for what it is`, () => {
      const said = (type: "integer" | "number", body: string): unknown =>
        keep(type, {}, (readExactJson(Buffer.from(body)) as unknown[]).at(-1));
      for (const before of ["", "0,", "-1,"]) {
        assert.deepEqual(said("integer", `[${before}${text}]`), [`it ${integer}`]);
        assert.deepEqual(said("number", `[${before} ${text}]`), [`it ${number}`]);
      }
    });
  }

  const exact = [
    "9007199254740991",
    "1e300",
    "1.7976931348623157e308",
    "0.1000000000000000055511151231257827",
    "1000000000000000000000",
    "0.0000000000000000000",
    "-0e-999",
    "9007199254740992.0",
  ];
  for (const text of exact) {
    test(`${text} is the double that it stands for`, () => {
      assert.equal(readExactJson(Buffer.from(text)), Number(text));
    });
  }

  test("is found out by its digits alone: the same digits in a text are a text", () => {
    assert.deepEqual(readExactJson(Buffer.from('{"card":"9007199254740993","n":1}')), {
      card: "9007199254740993",
      n: 1,
    });
  });

  test("is refused exactly where an integer would come back with other digits", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (number) => {
        const text = String(number);
        const value = readExactJson(Buffer.from(text));
        assert.equal(isInexact(value), String(Number(text)) !== text);
      }),
    );
  });
});
