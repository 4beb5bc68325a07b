import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { resourcesOf } from "../../config/testdata/resources.ts";
import type { FieldValue, Resource, View } from "../../core/resource.ts";
import { Representation } from "./representation.ts";

const { resources } = resourcesOf({
  things: {
    fields: {
      text: "string",
      count: "integer",
      share: "number",
      yes: "boolean",
      at: "datetime",
      day: "date",
      code: { type: "uuid" },
      any: "object",
      list: "array",
      secret: { type: "string", writeOnly: true },
      inside: { type: "string", read: "things:internal" },
    },
  },
});
const things = resources.get("things") as Resource;
const view = things.views.get(null) as View;

const row = (values: Readonly<Record<string, FieldValue>>): FieldValue[] =>
  things.fields.map(({ name }) => values[name] ?? null);

const json = fc.jsonValue({ maxDepth: 3 });

describe("a representation", () => {
  test("is what JSON.stringify would make of the object", () => {
    const values = fc.record({
      id: fc.string({ unit: "grapheme" }),
      text: fc.option(fc.string({ unit: "binary" })),
      count: fc.option(fc.maxSafeInteger()),
      share: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
      yes: fc.option(fc.boolean()),
      any: fc.option(fc.dictionary(fc.string(), json)),
      list: fc.option(fc.array(json)),
    });
    const representation = new Representation(things, view, new Set(), null);
    fc.assert(
      fc.property(values, (object) => {
        const { any, list, ...plain } = object;
        const texts = { any: any && JSON.stringify(any), list: list && JSON.stringify(list) };
        const parsed: unknown = JSON.parse(representation.text(row({ ...plain, ...texts, secret: "s" })));
        const nothing = { at: null, day: null, code: null, created_at: null, updated_at: null };
        assert.deepEqual(parsed, JSON.parse(JSON.stringify({ ...nothing, ...object })));
      }),
    );
  });

  test("says null for a number that JSON has not, as tables of others may hold", () => {
    const text = new Representation(things, view, new Set(), new Set(["share"])).text(
      row({ share: Number.NaN }),
    );
    assert.equal(text, '{"share":null}');
  });

  test("has another tag for other fields, other scopes and another definition", () => {
    const { resources: others } = resourcesOf({ things: { fields: { text: "string", more: "string" } } });
    const other = others.get("things") as Resource;
    const tags = [
      new Representation(things, view, new Set(), null),
      new Representation(things, view, new Set(["things:internal"]), null),
      new Representation(things, view, new Set(), new Set(["id"])),
      new Representation(other, other.views.get(null) as View, new Set(), null),
    ].map(({ tag }) => tag);
    assert.equal(new Set(tags).size, 4);
    assert.equal(new Representation(things, view, new Set(["x"]), null).tag, tags[0]);
  });
});
