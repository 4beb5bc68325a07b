import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { takeParameter } from "./query.ts";

const word = fc.stringMatching(/^[a-z+%=.~-]{0,8}$/);
const pair = fc
  .tuple(word, fc.option(word))
  .map(([name, value]) => (value === null ? name : `${name}=${value}`));

describe("a parameter taken out of a query", () => {
  test("is what a form parser finds, and leaves the rest as it was", () => {
    fc.assert(
      fc.property(fc.array(pair), fc.array(word), fc.nat(9), (others, values, at) => {
        const strangers = others.filter((one) => !new URLSearchParams(one).has("version"));
        const own = values.map((value) => `version=${value.replaceAll("%", "")}`);
        const all = [...strangers.slice(0, at), ...own, ...strangers.slice(at)];
        const { values: found, rest } = takeParameter(`?${all.join("&")}`, "version");
        assert.deepEqual(found, new URLSearchParams(own.join("&")).getAll("version"));
        const expected =
          own.length === 0 ? `?${all.join("&")}` : strangers.length === 0 ? "" : `?${strangers.join("&")}`;
        assert.equal(rest, expected);
      }),
    );
  });

  test("is found however its name is escaped", () => {
    const { values, rest } = takeParameter("?a=1&%76ersion=2&versio%6E=3", "version");
    assert.deepEqual(values, ["2", "3"]);
    assert.equal(rest, "?a=1");
  });
});
