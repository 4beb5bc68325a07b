import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CaseName, caseNames, groupsFor } from "./cases.ts";

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

  test("measures the policies beside every peer that can do them, and beside our own proxy without them", () => {
    assert.deepEqual(idsFor("policies"), [
      [
        "policies/turnpike",
        "policies/turnpike bare",
        "policies/nginx",
        "policies/nginx-lua",
        "policies/nginx-lua-lean",
        "policies/fastify",
      ],
    ]);
  });

  test("asks everybody in the policies group for the same, the bare proxy too", () => {
    const [group] = groupsFor(new Set<CaseName>(["policies"]));
    assert.equal(new Set(group?.entrants.map(({ load }) => load)).size, 1);
    assert.deepEqual(
      group?.entrants.filter(({ setting }) => setting.stack === null).map(({ label }) => label),
      ["turnpike bare"],
    );
  });

  test("brings the single key that a million are compared with", () => {
    const [ids = []] = idsFor("keys-1000000");
    assert.ok(ids.includes("keys-1/keys-1"));
    assert.deepEqual(idsFor("keys-1"), [["keys-1/keys-1"]]);
  });

  test("has a reference among the entrants of every group", () => {
    for (const { entrants, reference } of groupsFor(new Set(caseNames))) {
      assert.ok(entrants.some(({ id }) => id === reference));
    }
  });
});
