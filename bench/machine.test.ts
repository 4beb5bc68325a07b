import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseCoreList } from "./machine.ts";

describe("parseCoreList", () => {
  test("reads single cores and ranges", () => {
    assert.deepEqual(parseCoreList("0-2,5"), [0, 1, 2, 5]);
    assert.deepEqual(parseCoreList("3"), [3]);
  });

  test("is empty where nothing is said", () => {
    assert.deepEqual(parseCoreList(""), []);
  });
});
