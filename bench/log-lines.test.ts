import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { countLines, takeLines } from "./log-lines.ts";

const folder = mkdtempSync(join(tmpdir(), "turnpike-lines-"));
after(() => rmSync(folder, { recursive: true }));

const logOf = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe("countLines", () => {
  test("counts ended lines, over any number of chunks", () => {
    assert.equal(countLines(logOf("none", "")), 0);
    assert.equal(countLines(logOf("open", '{"a":1}\n{"b"')), 1);
    assert.equal(countLines(logOf("long", `${"x".repeat(999)}\n`.repeat(5000))), 5000);
  });
});

describe("takeLines", () => {
  test("gives the number of lines and empties the log", async () => {
    const path = logOf("taken", "1\n2\n3\n");
    assert.equal(await takeLines(path, 3), 3);
    assert.equal(statSync(path).size, 0);
  });

  test("waits for lines that are still collected", async () => {
    const path = logOf("late", "1\n");
    const taken = takeLines(path, 2);
    appendFileSync(path, "2\n");
    assert.equal(await taken, 2);
  });

  test("does not wait for ever for lines that never come", async () => {
    assert.equal(await takeLines(logOf("lost", "1\n"), 2), 1);
  });
});
