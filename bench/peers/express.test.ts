import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { SqliteAdapter } from "./express-sqlite.ts";

const folder = mkdtempSync(join(tmpdir(), "turnpike-bench-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("the store that express gets on disk", () => {
  test("gives back what was created, updated and deleted", async () => {
    const store = new SqliteAdapter(join(folder, "one.db"));
    const request = { body: "x", headers: {}, method: "POST", query: {}, url: "/" };
    assert.equal(await store.findByIdempotencyKey("a"), null);
    await store.create({ idempotencyKey: "a", request });
    assert.deepEqual(await store.findByIdempotencyKey("a"), { idempotencyKey: "a", request });
    await store.update({
      idempotencyKey: "a",
      request,
      response: { statusCode: 201, headers: {}, body: "y" },
    });
    assert.equal((await store.findByIdempotencyKey("a"))?.response?.statusCode, 201);
    await store.delete("a");
    assert.equal(await store.findByIdempotencyKey("a"), null);
  });

  test("refuses a key that is there already", async () => {
    const store = new SqliteAdapter(join(folder, "two.db"));
    const resource = {
      idempotencyKey: "a",
      request: { body: "", headers: {}, method: "POST", query: {}, url: "/" },
    };
    await store.create(resource);
    await assert.rejects(store.create(resource));
  });
});
