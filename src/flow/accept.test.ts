import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Headers } from "../core/headers.ts";
import { prefersProblem } from "./accept.ts";

function prefers(...values: readonly string[]): boolean {
  const headers = new Headers();
  for (const value of values) headers.append("Accept", value);
  return prefersProblem(headers);
}

const PROBLEM = "application/problem+json";
const JSON_TYPE = "application/json";

describe("problem details are sent", () => {
  const wanted: readonly (readonly string[])[] = [
    [PROBLEM],
    [PROBLEM.toUpperCase().replace("PROBLEM+JSON", "problem+json")],
    [`${PROBLEM}, */*`],
    [`${PROBLEM};q=0.9, ${JSON_TYPE};q=0.5`],
    [`${JSON_TYPE};q=0.5, ${PROBLEM}`],
    [`${JSON_TYPE};q=0, ${PROBLEM};q=0.001`],
    [`application/*;q=0.5, ${PROBLEM};q=0.8`],
    [`text/html, ${PROBLEM}`],
    [`${PROBLEM};charset=utf-8`],
    ["text/html", PROBLEM],
  ];
  for (const values of wanted) {
    test(`to a client that accepts ${values.join(" and ")}`, () => assert.equal(prefers(...values), true));
  }
});

describe("plain JSON is sent", () => {
  const plain: readonly (readonly string[])[] = [
    [],
    [""],
    ["*/*"],
    ["application/*"],
    [JSON_TYPE],
    ["text/html"],
    // A tie means plain JSON.
    [`${PROBLEM}, ${JSON_TYPE}`],
    [`${PROBLEM};q=0.5, ${JSON_TYPE};q=0.9`],
    [`${PROBLEM};q=0`],
    [`${PROBLEM};q=0, */*`],
    [`${PROBLEM};q=0.1, */*;q=0.8`],
    // Weights that are none count as nothing.
    [`${PROBLEM};q=2`],
    [`${PROBLEM};q=-1`],
    [`${PROBLEM};q=x`],
    ["application/problem+jsonx"],
    ["text/problem+json"],
  ];
  for (const values of plain) {
    test(`to a client that accepts ${JSON.stringify(values)}`, () => assert.equal(prefers(...values), false));
  }

  test("whatever bytes Accept holds", () => {
    for (const value of [";", ",;,=", `${PROBLEM}x;q=`, "q=1", `;q=1,${"problem+json"}`, "\xff"]) {
      assert.equal(prefers(value), false, value);
    }
  });
});
