import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { distance, suggest } from "./suggest.ts";

describe("suggest", () => {
  const known = ["upstream", "routes", "firstByte", "to", "host", "hosts"];
  const meant: [word: string, suggestion: string | undefined][] = [
    ["upstrem", "upstream"],
    ["upstreams", "upstream"],
    ["psutraem", undefined],
    ["rotues", "routes"],
    ["Routes", "routes"],
    ["first_byte", "firstByte"],
    ["first-byte", "firstByte"],
    ["FIRSTBYTE", "firstByte"],
    ["ot", "to"],
    ["tp", "to"],
    ["x", undefined],
    ["port", undefined],
    ["hots", "host"],
    ["", undefined],
  ];
  for (const [word, suggestion] of meant) {
    test(`takes "${word}" for ${suggestion === undefined ? "nothing known" : `"${suggestion}"`}`, () => {
      assert.equal(suggest(word, known), suggestion);
    });
  }

  test("finds a word that is known, and nothing where nothing is known", () => {
    assert.equal(suggest("routes", known), "routes");
    assert.equal(suggest("routes", []), undefined);
  });
});

describe("distance", () => {
  test("counts a swap of neighbours as one slip", () => {
    assert.equal(distance("ab", "ba"), 1);
    assert.equal(distance("kitten", "sitting"), 3);
    assert.equal(distance("", "abc"), 3);
  });

  test("is the same both ways, and nothing only for equal words", () => {
    const word = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        assert.equal(distance(a, b), distance(b, a));
        assert.equal(distance(a, b) === 0, a === b);
        assert.ok(distance(a, b) <= Math.max(a.length, b.length));
      }),
    );
  });
});
