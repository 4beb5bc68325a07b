import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { routePath } from "./loads.ts";

describe("routePath", () => {
  const paths = Array.from({ length: 10_000 }, (_, index) => routePath(index));

  test("gives every route another path", () => {
    assert.equal(new Set(paths).size, 10_000);
  });

  test("gives all paths one length, so that only their number differs", () => {
    assert.deepEqual([...new Set(paths.map(({ length }) => length))], ["/t00/svc-00000/items/{id}".length]);
  });
});
