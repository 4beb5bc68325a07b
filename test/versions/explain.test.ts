/** `turnpike explain METHOD PATH` for an API with versions. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { explainRequest } from "../../src/cli/explain-request.ts";
import { checkConfig } from "../../src/config/load.ts";
import { makePlan } from "../../src/config/plan.ts";
import { sourceOf } from "../../src/config/source.ts";
import { dryWorld } from "../../src/threads/dry.ts";

const { plan } = makePlan(
  checkConfig(
    sourceOf({
      versions: { default: "2", list: { "1": { deprecated: "2026-06-01" }, "2": {} } },
      paths: { encodedSlash: "keep" },
      routes: [{ name: "orders", path: "/orders", to: { fixed: {} } }],
    }),
  ),
  dryWorld,
);

describe("a path that names a version", () => {
  const cases: readonly (readonly [path: string, line: string])[] = [
    ["/v1/orders", "is /orders in version 1"],
    ["/orders", "goes to orders (/orders)"],
    ["/v9/orders", "gets 404 VERSION_NOT_FOUND: The version in the path does not exist."],
    ["/v1%2Forders", "gets 404 ROUTE_NOT_FOUND: No route matches this path."],
    ["/videos", "gets 404: no route matches this path"],
  ];
  for (const [path, line] of cases) {
    test(`is explained as it would be answered: ${path}`, () => {
      assert.equal(explainRequest(plan, "GET", path).split("\n")[1]?.trim(), line);
    });
  }
});
