import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { resource } from "./testdata/shop.ts";
import { makeTrusted } from "./trusted.ts";

describe("what a hook returns", () => {
  const trusted = makeTrusted(resource("customers"));
  const at = (name: string) => resource("customers").byName.get(name)?.at ?? -1;

  test("may set what is read-only from outside, and times as the language has them", () => {
    const values = trusted({ credit: 5, joined: undefined, seen_at: new Date(0), metadata: { size: 1 } });
    assert.equal(values[at("credit")], 5);
    assert.equal(values[at("joined")], undefined);
    assert.equal(values[at("seen_at")], "1970-01-01T00:00:00.000Z");
    assert.equal(values[at("metadata")], '{"size":1}');
  });

  test("is checked like a request, and told to the log", () => {
    assert.throws(() => trusted({ credit: "5", emial: 1, status: null, full_name: "\ud800" }), {
      name: "TypeError",
      message:
        /credit must be an integer; emial is not a known field; did you mean "email"\?; status must not be null; full_name must not contain half/,
    });
    for (const given of [null, [], "x", 1]) assert.throws(() => trusted(given), TypeError);
  });
});
