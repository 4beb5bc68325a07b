import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CpuProfile, perfLines, selfTimes } from "./profile.ts";

const frame = (functionName: string, url = "", lineNumber = 0) => ({ functionName, url, lineNumber });

const recorded: CpuProfile = {
  startTime: 1000,
  nodes: [
    { id: 1, callFrame: frame("(idle)") },
    { id: 2, callFrame: frame("parseHead", "file:///home/me/turnpike/src/wire/http1/parse.ts", 9) },
    { id: 3, callFrame: frame("(garbage collector)") },
    { id: 4, callFrame: frame("onread", "node:internal/stream_base_commons", 99) },
    { id: 5, callFrame: frame("writev") },
    { id: 6, callFrame: frame("stringify", "file:///home/me/turnpike/node_modules/@scope/fast/index.js", 0) },
  ],
  samples: [2, 2, 3, 4, 5, 6, 1, 2],
  timeDeltas: [0, 100, 200, 10, 20, 30, 40, 5000],
};

describe("selfTimes", () => {
  const all = selfTimes(recorded, "/home/me/turnpike", { from: 0, to: 1e9 });

  test("gives each sample the time until the next, largest first, without idling", () => {
    assert.deepEqual(
      all.map(({ name, us }) => [name.split(" ")[0], us]),
      [
        ["parseHead", 300],
        ["stringify", 40],
        ["writev", 30],
        ["onread", 20],
        ["(garbage", 10],
      ],
    );
  });

  test("tells our folders, dependencies, node, native code and garbage collection apart", () => {
    assert.deepEqual(
      all.map(({ group }) => group),
      [
        "src/wire/http1",
        "dependency @scope/fast",
        "native code and kernel",
        "node's own JavaScript",
        "garbage collection",
      ],
    );
  });

  test("counts only what was sampled between the two moments", () => {
    const part = selfTimes(recorded, "/home/me/turnpike", { from: 1050, to: 1150 });
    assert.deepEqual(
      part.map(({ us }) => us),
      [200],
    );
  });
});

describe("perfLines", () => {
  test("keeps so many rows, and drops comments, padding and empty columns", () => {
    const text =
      "# Overhead\n\n    58.00%  [kernel]     [k] read      -      -  \n    29.00%  node\n     1.00%  x\n";
    assert.equal(perfLines(text, 2), "  58.00%  [kernel]  [k] read\n  29.00%  node");
  });
});
