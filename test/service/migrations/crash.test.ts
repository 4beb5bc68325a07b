/** A migration that is killed in the middle leaves a database that works, and the next one does the rest. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { type Definitions, onBothDatabases, type Stand, sentences } from "./stand.ts";

const CHILD = join(import.meta.dirname, "migrating-child.ts");

const BEFORE: Definitions = {
  customers: {
    id: { type: "integer" },
    fields: { email: { type: "string", required: true }, level: "integer" },
  },
  orders: { id: { type: "integer" }, fields: { customer: { ref: "customers", required: true } } },
};
const AFTER: Definitions = {
  customers: {
    id: { type: "integer" },
    fields: { email: { type: "string", unique: true }, level: "string", more: "date" },
  },
  orders: {
    id: { type: "integer" },
    fields: { customer: { ref: "customers" }, size: { type: "integer", default: 1 } },
  },
  items: { fields: { order: { ref: "orders" } } },
};

onBothDatabases("a migration that is killed", (stand) => {
  test("at any of its steps leaves what was there before, or what is there afterwards", async () => {
    const database = await stand();
    await database.migrate(BEFORE);
    await database.query(
      "INSERT INTO customers (id, email, level, created_at, updated_at, revision) VALUES (1, 'a', 7, '2026-11-22T15:30:18.123456Z', '2026-11-22T15:30:18.123456Z', 1)",
    );
    const shape = await database.shape();
    const steps = sentences(await database.plan(AFTER));
    assert.ok(steps.length > 8);
    const chosen =
      process.env["TURNPIKE_FULL"] === "1"
        ? steps.keys()
        : [0, Math.floor(steps.length / 2), steps.length - 1];
    for (const step of chosen) {
      await killedAt(step, database);
      assert.equal(await database.shape(), shape, `killed at step ${step}`);
      assert.deepEqual(await database.query("SELECT CAST(level AS text) FROM customers"), [["7"]]);
    }
    await database.migrate(AFTER);
    assert.deepEqual((await database.plan(AFTER)).steps, []);
    assert.deepEqual(await database.query("SELECT email, level FROM customers"), [["a", "7"]]);
  });
});

/** Kills a process that migrates when it has begun its step of that number; resolves when the database knows. */
async function killedAt(step: number, { store, dialect, query }: Stand): Promise<void> {
  const definitions = JSON.stringify(AFTER);
  const child = spawn(process.execPath, [CHILD, store, dialect, definitions, String(step)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  try {
    await Promise.race([once(child.stdout, "data"), ended]);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
  // PostgreSQL undoes it when it sees that the connection is gone: our lock waits for that.
  if (dialect === "postgres")
    await query("BEGIN").then(() => query("LOCK TABLE customers").then(() => query("ROLLBACK")));
}
