/** What is said of values that do not meet their schema: everything, once, in the order of the value. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { fieldText } from "../field-path.ts";
import { Document } from "./documents.ts";
import { explain } from "./explain.ts";
import { Schemas } from "./schema.ts";

function check(schema: unknown, value: unknown, unknownFields: "ignore" | "reject" = "ignore"): string[] {
  const document = new Document("schema", schema);
  const validator = new Schemas({ unknownFields, warn: () => {} }).validator({
    document,
    schema,
    pointer: "",
  });
  if (validator.accepts(value)) return [];
  const lines = explain(value, validator.errors(value)).map(
    ({ path, issue }) => `${fieldText(path)}: ${issue}`,
  );
  assert.notEqual(lines.length, 0, "a value that is not accepted has a reason");
  return lines;
}

const KEYWORDS: readonly [schema: object, value: unknown, issue: string][] = [
  [{ type: "integer" }, "1", "must be an integer"],
  [{ type: ["string", "null"] }, 1, "must be a string or null"],
  [{ type: "boolean" }, 0, "must be true or false"],
  [{ enum: ["a", 1, null] }, "b", 'must be one of "a", 1, null'],
  [{ const: "x" }, "y", 'must be "x"'],
  [{ minimum: 1 }, 0, "must be at least 1"],
  [{ maximum: 1 }, 2, "must be at most 1"],
  [{ exclusiveMinimum: 0 }, 0, "must be more than 0"],
  [{ exclusiveMaximum: 1 }, 1, "must be less than 1"],
  [{ multipleOf: 0.05 }, 0.12, "must be a multiple of 0.05"],
  [{ minLength: 2 }, "😀", "must have at least 2 characters"],
  [{ maxLength: 1 }, "ab", "must have at most 1 character"],
  [{ pattern: "^a+$" }, "b", "must match the pattern ^a+$"],
  [{ format: "email" }, "a@", "must be an email address"],
  [{ format: "date-time" }, "2026-13-01", 'must be a date and time such as "2026-11-22T12:00:00Z"'],
  [{ format: "byte" }, "AAAA\n!", "must be base64"],
  [{ format: "uuid" }, "0".repeat(5_000), "must be a UUID"],
  [{ minItems: 1 }, [], "must have at least 1 item"],
  [{ maxItems: 1 }, [1, 2], "must have at most 1 item"],
  [{ prefixItems: [true], items: false }, [1, 2], "must have at most 1 item"],
  [
    { uniqueItems: true },
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    "must not have the same item twice",
  ],
  [{ contains: { const: 1 } }, [2], "must have at least 1 item of the kind that is asked for"],
  [{ minProperties: 1 }, {}, "must have at least 1 field"],
  [{ maxProperties: 0 }, { a: 1 }, "must have at most 0 fields"],
  [{ not: { type: "string" } }, "a", "has a value that is not allowed here"],
  [{ allOf: [false] }, 1, "is not allowed here"],
  [{ anyOf: [{ type: "string" }, { type: "integer" }] }, [], "must be a string or an integer"],
  [{ oneOf: [{ const: "a" }, { const: "b" }] }, "c", 'must be one of "a", "b"'],
  [{ oneOf: [{ minimum: 1 }, { maximum: 2 }] }, 1, "matches more than one of the alternatives"],
  [{ anyOf: [{ minimum: 5 }, { multipleOf: 2 }] }, 3, "matches none of the 2 alternatives"],
];

describe("an issue", () => {
  for (const [schema, value, issue] of KEYWORDS) {
    test(`${JSON.stringify(schema)}: ${issue}`, () => {
      assert.deepEqual(check(schema, value), [`: ${issue}`]);
    });
  }

  test("is said of the field that is missing, not of its parent", () => {
    const schema = {
      properties: { a: { required: ["b", "c"] } },
      dependentRequired: { x: ["y"] },
      required: ["z"],
    };
    assert.deepEqual(check(schema, { a: {}, x: 1 }), [
      "a.b: is required",
      "a.c: is required",
      "z: is required",
      "y: is required together with x",
    ]);
  });

  test("does not take what every object has for a field", () => {
    assert.deepEqual(check({ required: ["constructor", "toString"] }, {}), [
      "constructor: is required",
      "toString: is required",
    ]);
  });

  test("of a name is said once, of the name", () => {
    assert.deepEqual(check({ propertyNames: { pattern: "^[a-z]+$", maxLength: 3 } }, { ABCD: 1, ok: 2 }), [
      "ABCD: has a name that is not allowed",
    ]);
  });

  test("never shows what was sent", () => {
    for (const [schema] of KEYWORDS) {
      for (const value of ["hunter2", ["hunter2", "hunter2"], { a: "hunter2" }]) {
        assert.doesNotMatch(check(schema, value).join(), /hunter2/);
      }
    }
  });

  test("is short, however much a schema lists", () => {
    const words = Array.from({ length: 500 }, (_, i) => `word-${i}`);
    const [line = ""] = check({ enum: words }, "x");
    assert.ok(line.length < 250 && line.endsWith("…"), line);
  });
});

describe("the errors of a value", () => {
  const order = {
    type: "object",
    required: ["id", "items"],
    properties: {
      id: { type: "string", minLength: 3, pattern: "^[a-z]+$" },
      items: { type: "array", items: { $ref: "#/$defs/item" } },
      note: { type: "string" },
    },
    $defs: {
      item: {
        type: "object",
        required: ["sku"],
        properties: { sku: { type: "string" }, price: { type: "number", minimum: 0 } },
      },
    },
  };

  test("are all there, several for one field too", () => {
    assert.deepEqual(check(order, { note: 1, items: [{ price: -1 }, { sku: 2 }, 3], id: "A" }), [
      "note: must be a string",
      "items[0].price: must be at least 0",
      "items[0].sku: is required",
      "items[1].sku: must be a string",
      "items[2]: must be an object",
      "id: must have at least 3 characters",
      "id: must match the pattern ^[a-z]+$",
    ]);
  });

  test("are those of the alternative that was meant, where there is only one of its kind", () => {
    const nullable = {
      properties: { item: { anyOf: [{ type: "null" }, { $ref: "#/$defs/item" }] } },
      $defs: order.$defs,
    };
    assert.deepEqual(check(nullable, { item: { sku: 1 } }), ["item.sku: must be a string"]);
    assert.deepEqual(check(nullable, { item: 1 }), ["item: must be null or an object"]);
    const tagged = {
      oneOf: [
        { properties: { kind: { const: "card" }, number: { type: "string" } }, required: ["kind", "number"] },
        { properties: { kind: { const: "bank" }, iban: { type: "string" } }, required: ["kind", "iban"] },
      ],
    };
    assert.deepEqual(check(tagged, { kind: "bank", iban: 1 }), ["iban: must be a string"]);
    assert.deepEqual(check(tagged, { kind: "cash" }), [": matches none of the 2 alternatives"]);
  });

  test("are those of the alternative that a discriminator names", () => {
    const pet = {
      $ref: "#/$defs/Pet",
      $defs: {
        Pet: {
          oneOf: [{ $ref: "#/$defs/Cat" }, { $ref: "#/$defs/Dog" }],
          discriminator: { propertyName: "kind", mapping: { feline: "#/$defs/Cat" } },
        },
        Cat: { type: "object", required: ["kind", "lives"], properties: { lives: { type: "integer" } } },
        Dog: { type: "object", required: ["kind", "barks"], properties: { barks: { type: "boolean" } } },
      },
    };
    assert.deepEqual(check(pet, { kind: "feline", lives: "9" }), ["lives: must be an integer"]);
    assert.deepEqual(check(pet, { kind: "Dog" }), ["barks: is required"]);
    assert.deepEqual(check(pet, { kind: "cow" }), ['kind: must be one of "feline", "Dog"']);
    assert.deepEqual(check(pet, {}), ["kind: is required"]);
    assert.deepEqual(check(pet, { kind: "feline", lives: 9 }), []);
  });

  test("follow if, then and else without a word about if", () => {
    const schema = JSON.parse(
      '{"if":{"properties":{"a":{"const":1}}},"then":{"required":["b"]},"else":{"required":["c"]}}',
    ) as object;
    assert.deepEqual(check(schema, { a: 1 }), ["b: is required"]);
    assert.deepEqual(check(schema, { a: 2 }), ["c: is required"]);
  });

  test("are bounded for a value that is wrong in a hundred thousand places", () => {
    const wrong = { items: Array.from({ length: 100_000 }, () => ({})) };
    const lines = check(order, { id: "abc", ...wrong });
    assert.ok(lines.length > 100 && lines.length <= 2_000, String(lines.length));
    assert.equal(lines[0], "items[0].sku: is required");
  });

  test("of an alternative with a thousand mistakes do not hide that the other one is met", () => {
    const schema = {
      anyOf: [
        { type: "array", items: { type: "string" } },
        { type: "array", items: { type: "number" } },
      ],
    };
    assert.deepEqual(check(schema, Array(5_000).fill(1)), []);
    assert.deepEqual(
      check({ properties: { a: schema, b: { type: "string" } } }, { a: Array(900).fill(1), b: 1 }),
      ["b: must be a string"],
    );
  });

  test("are found in lists that would take a naive validator hours", () => {
    const many = Array.from({ length: 100_000 }, (_, i) => ({ i }));
    assert.deepEqual(check({ uniqueItems: true }, many), []);
    const contains = { contains: { $ref: "#/$defs/x" }, $defs: { x: { type: "string", minLength: 1 } } };
    assert.deepEqual(check(contains, many), [": must have at least 1 item of the kind that is asked for"]);
  });
});

describe("unknown fields", () => {
  const base = { type: "object", properties: { id: { type: "string" } } };
  const schema = {
    allOf: [{ $ref: "#/$defs/base" }, { properties: { name: { type: "string" } } }],
    properties: {
      parts: { type: "array", items: { $ref: "#/$defs/base" } },
      open: { type: "object" },
      map: { additionalProperties: { $ref: "#/$defs/base" } },
    },
    $defs: { base },
  };

  test("are ignored unless they are to be rejected", () => {
    assert.deepEqual(check(schema, { x: 1, parts: [{ y: 2 }] }), []);
  });

  test("are named, each, at every level, through references and compositions", () => {
    const value = {
      id: "1",
      name: "n",
      x: 1,
      parts: [{ id: "2", y: 1 }],
      open: { z: 1 },
      map: { a: { b: 1 } },
    };
    assert.deepEqual(check(schema, value, "reject"), [
      "x: is not a known field",
      "parts[0].y: is not a known field",
      "map.a.b: is not a known field",
    ]);
  });

  test("are not those that are declared and wrong", () => {
    assert.deepEqual(check(schema, { id: 1, name: 2, x: 3 }, "reject"), [
      "id: must be a string",
      "name: must be a string",
      "x: is not a known field",
    ]);
  });

  test("are what an explicit schema says they are", () => {
    const explicit = { properties: { a: true }, additionalProperties: { type: "integer" } };
    assert.deepEqual(check(explicit, { b: 1, c: "x" }, "reject"), ["c: must be an integer"]);
    assert.deepEqual(check({ properties: { a: true }, additionalProperties: false }, { b: 1 }), [
      "b: is not a known field",
    ]);
  });
});

describe("numbers", () => {
  test("with an integral value are integers, however they are written", () => {
    for (const text of ["1.0", "1e3", "9007199254740993", "-0"]) {
      assert.deepEqual(check({ type: "integer" }, JSON.parse(text)), [], text);
    }
    assert.deepEqual(check({ type: "integer" }, 1.5), [": must be an integer"]);
  });

  test("are multiples of decimal fractions as people reckon", () => {
    for (const value of [19.99, 0.07, 1.1, 123_456.78])
      assert.deepEqual(check({ multipleOf: 0.01 }, value), []);
    assert.deepEqual(check({ multipleOf: 0.01 }, 19.995), [": must be a multiple of 0.01"]);
  });
});

/** A few keywords, and beside them a checker that was written without knowing the other. */
type Simple =
  | { readonly type: "integer"; readonly minimum: number }
  | { readonly type: "string"; readonly maxLength: number }
  | { readonly type: "array"; readonly items: Simple; readonly maxItems: number }
  | {
      readonly type: "object";
      readonly properties: Readonly<Record<string, Simple>>;
      readonly required: readonly string[];
    };

function wrongPlaces(schema: Simple, value: unknown, path: readonly (string | number)[]): string[] {
  const here = [fieldText(path)];
  switch (schema.type) {
    case "integer":
      return Number.isInteger(value) && (value as number) >= schema.minimum ? [] : here;
    case "string":
      return typeof value === "string" && [...value].length <= schema.maxLength ? [] : here;
    case "array":
      if (!Array.isArray(value)) return here;
      return [
        ...(value.length > schema.maxItems ? here : []),
        ...value.flatMap((item, i) => wrongPlaces(schema.items, item, [...path, i])),
      ];
    case "object": {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return here;
      const fields = value as Record<string, unknown>;
      return [
        ...schema.required
          .filter((name) => !Object.hasOwn(fields, name))
          .map((name) => fieldText([...path, name])),
        ...Object.entries(schema.properties).flatMap(([name, inner]) =>
          Object.hasOwn(fields, name) ? wrongPlaces(inner, fields[name], [...path, name]) : [],
        ),
      ];
    }
  }
}

const NAMES = ["a", "b", "c", "x.y", "query", "0", "toString"];
const { schema: anySchema } = fc.letrec<{ schema: Simple }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    fc.record({ type: fc.constant("integer" as const), minimum: fc.integer({ min: -2, max: 2 }) }),
    fc.record({ type: fc.constant("string" as const), maxLength: fc.nat(3) }),
    fc.record({ type: fc.constant("array" as const), items: tie("schema"), maxItems: fc.nat(3) }),
    fc.record({
      type: fc.constant("object" as const),
      properties: fc.dictionary(fc.constantFrom(...NAMES), tie("schema"), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
      required: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 3 }),
    }),
  ),
}));
const anyValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(0, 1, -3, 1.5, "", "ab", "abcd", true, null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

describe("any schema and any value", () => {
  test("agree with an independent checker about every place that is wrong", () => {
    fc.assert(
      fc.property(anySchema, anyValue, (schema, value) => {
        const places = check(schema, value).map((line) => line.slice(0, line.lastIndexOf(": ")));
        assert.deepEqual([...new Set(places)].sort(), [...new Set(wrongPlaces(schema, value, []))].sort());
      }),
      { numRuns: 200 },
    );
  });

  test("give the same list in the same order every time", () => {
    fc.assert(
      fc.property(anySchema, anyValue, (schema, value) => {
        assert.deepEqual(check(schema, value), check(structuredClone(schema), structuredClone(value)));
      }),
      { numRuns: 50 },
    );
  });
});
