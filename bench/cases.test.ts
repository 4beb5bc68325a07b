import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CaseName, caseNames, groupsFor, routePath } from "./cases.ts";

const idsFor = (...names: CaseName[]): string[][] =>
  groupsFor(new Set(names)).map(({ entrants }) => entrants.map(({ id }) => id));

describe("groupsFor", () => {
  test("puts every peer of a bare case into the same rounds", () => {
    assert.deepEqual(idsFor("post-1k"), [
      ["post-1k/turnpike", "post-1k/nginx", "post-1k/haproxy", "post-1k/fastify"],
    ]);
  });

  test("brings the single route that many routes are compared with", () => {
    assert.deepEqual(idsFor("routes-10000"), [["routes-1/routes-1", "routes-10000/routes-10000"]]);
  });

  test("measures every number of routes in one group", () => {
    assert.equal(idsFor("routes-1", "routes-100", "routes-10000").length, 1);
  });

  test("has a reference among the entrants of every group", () => {
    for (const { entrants, reference } of groupsFor(new Set(caseNames))) {
      assert.ok(entrants.some(({ id }) => id === reference));
    }
  });
});

describe("routePath", () => {
  const paths = Array.from({ length: 10_000 }, (_, index) => routePath(index));

  test("gives every route another path", () => {
    assert.equal(new Set(paths).size, 10_000);
  });

  test("gives all paths one length, so that only their number differs", () => {
    assert.deepEqual([...new Set(paths.map(({ length }) => length))], ["/t00/svc-00000/items/{id}".length]);
  });
});
