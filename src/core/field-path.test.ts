import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type FieldPath, fieldPointer, fieldText } from "./field-path.ts";

describe("a field in an error", () => {
  test("is written as people write paths", () => {
    const texts: readonly [path: FieldPath, text: string][] = [
      [[], ""],
      [["email"], "email"],
      [["items", 2, "price"], "items[2].price"],
      [[0, 1], "[0][1]"],
      [["a.b", "c"], '["a.b"].c'],
      [["a", 'say "x"'], 'a["say \\"x\\""]'],
      [["a", "[0]"], 'a["[0]"]'],
      [["a", ""], 'a[""]'],
      [["größe", "0"], "größe.0"],
      [["line\nbreak"], '["line\\nbreak"]'],
    ];
    for (const [path, text] of texts) assert.equal(fieldText(path), text);
  });

  test("begins with its place where it is not in the body", () => {
    assert.equal(fieldText(["limit"], "query"), "query.limit");
    assert.equal(fieldText(["Idempotency-Key"], "header"), "header.Idempotency-Key");
    assert.equal(fieldText(["filter", "a.b"], "query"), 'query.filter["a.b"]');
    assert.equal(fieldText(["ids", 1], "query"), "query.ids[1]");
  });

  test("of the body is never written like one that is not", () => {
    assert.equal(fieldText(["query", "limit"]), '["query"].limit');
    assert.equal(fieldText(["a", "query"]), "a.query");
    assert.equal(fieldPointer('["query"].limit'), "#/query/limit");
    assert.equal(fieldPointer("query.limit"), null);
    assert.equal(fieldPointer("queryable.limit"), "#/queryable/limit");
  });

  test("is cut, and then has no pointer, however long the names are that were sent", () => {
    const field = fieldText(["x".repeat(1_000)]);
    assert.ok(field.length < 80 && field.endsWith('…"]'), field);
    assert.equal(fieldPointer(field), null);
    assert.ok(fieldText(Array.from({ length: 64 }, () => "y".repeat(60))).length <= 256);
  });

  test("of the body has the JSON Pointer of the same place (RFC 6901 §6)", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ maxLength: 8 }), fc.nat(99)), { maxLength: 6 }), (path) => {
        fc.pre(!path.some((step) => String(step).includes("…") || /\p{Cs}/u.test(String(step))));
        const expected = path.map(
          (step) => `/${encodeURIComponent(String(step).replaceAll("~", "~0").replaceAll("/", "~1"))}`,
        );
        assert.equal(fieldPointer(fieldText(path)), `#${expected.join("")}`);
      }),
      { numRuns: 2_000 },
    );
  });
});
