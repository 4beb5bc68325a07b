/** What a copy of a SQLite table takes along. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { migrate } from "../../../src/service/migrations/index.ts";
import { openSchemaSession } from "../../../src/stores/resources/schema-session.ts";
import { define } from "../../harness/definitions.ts";

const orders = (fields: object) => ({
  customers: { fields: {} },
  orders: {
    id: { type: "integer" },
    timestamps: false,
    fields: { customer: { ref: "customers" }, ...fields },
  },
});

describe("a table of a SQLite file that has to be copied", () => {
  let folder: string;
  let file: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-copy-"));
    file = join(folder, "data.db");
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const migrated = async (fields: object) => {
    const session = await openSchemaSession(file, { writes: true });
    try {
      return await migrate(session, define(orders(fields), "sqlite"));
    } finally {
      await session.close();
    }
  };

  test("keeps its indexes, triggers, views and references, and gives no id twice", async () => {
    await migrated({ size: "integer" });
    const database = new DatabaseSync(file);
    try {
      database.exec(`
        CREATE TABLE trail (id INTEGER);
        CREATE INDEX theirs ON orders (size);
        CREATE TRIGGER theirs_too AFTER DELETE ON orders BEGIN INSERT INTO trail VALUES (old.id); END;
        CREATE VIEW all_orders AS SELECT id, size FROM orders;
        INSERT INTO orders (size, revision) VALUES (7, 1), (8, 1);
        DELETE FROM orders WHERE id = 2`);
      const plan = await migrated({ size: "string" });
      assert.ok(plan.steps.some(({ sql }) => sql.some((statement) => statement.includes("orders__copy"))));
      assert.deepEqual({ ...database.prepare("SELECT size FROM all_orders").get() }, { size: "7" });
      database.exec("INSERT INTO orders (size, revision) VALUES ('x', 1); DELETE FROM orders WHERE id = 3");
      const trail = database.prepare("SELECT id FROM trail ORDER BY id").all();
      assert.deepEqual(
        trail.map(({ id }) => id),
        [2, 3],
      );
      assert.equal(database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'theirs'").all().length, 1);
      assert.throws(
        () => database.exec("INSERT INTO orders (customer, revision) VALUES ('nobody', 1)"),
        /FOREIGN KEY/,
      );
      assert.deepEqual(
        database
          .prepare("PRAGMA integrity_check")
          .all()
          .map((row) => ({ ...row })),
        [{ integrity_check: "ok" }],
      );
    } finally {
      database.close();
    }
  });
});
