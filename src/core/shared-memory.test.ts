import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { allocateSharedMemory, openSharedMemory } from "./shared-memory.ts";

describe("shared memory", () => {
  test("gives the same words to all who ask for the same id", () => {
    const buffer = allocateSharedMemory(1024 * 1024);
    const one = openSharedMemory(buffer).words("breaker/a", 8);
    const other = openSharedMemory(buffer).words("breaker/a", 8);
    one[3] = 7;
    assert.equal(other[3], 7);
    assert.equal(one.length, 8);
  });

  test("gives others words of their own, zero at first", () => {
    const memory = openSharedMemory(allocateSharedMemory(1024 * 1024));
    const regions = Array.from({ length: 500 }, (_, i) => memory.words(`id ${i}`, 20));
    for (const [i, region] of regions.entries()) {
      assert.ok(region.every((word) => word === 0));
      region.fill(i + 1);
    }
    for (const [i, region] of regions.entries()) assert.ok(region.every((word) => word === i + 1));
  });

  test("takes an id with another size for another one", () => {
    const memory = openSharedMemory(allocateSharedMemory(1024 * 1024));
    memory.words("a", 4).fill(1);
    assert.ok(memory.words("a", 8).every((word) => word === 0));
  });

  test("says so when it is full", () => {
    const memory = openSharedMemory(allocateSharedMemory(256 * 1024));
    assert.throws(() => memory.words("large", 1_000_000), /no room in shared memory for large/);
  });
});
