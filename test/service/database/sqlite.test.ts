/** What only a file has: one writer, transactions that many share, and other processes at it. */
import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import type { Database, Work } from "../../../src/core/database.ts";
import type { GatewayError } from "../../../src/core/errors.ts";
import { onSqlite } from "../../harness/databases.ts";

const THINGS = { text: "CREATE TABLE things (id integer PRIMARY KEY)" };
const COUNT = { text: "SELECT count(*) FROM things" };
const INSERT = { name: "insert", text: "INSERT INTO things VALUES ($1)" };

const count = async (database: Database): Promise<unknown> => (await database.query(COUNT, []))[0]?.[0];
const inserted = (database: Database, id: number): Promise<unknown> => database.run(INSERT, [id]);

onSqlite(({ newDatabase }) => {
  describe("many writes", () => {
    test("at the same time are few transactions", async () => {
      const { database, store } = await newDatabase();
      await database.run(THINGS, []);
      const { wal } = watch(store);
      const before = wal();
      await Promise.all(Array.from({ length: 400 }, (_, id) => inserted(database, id)));
      // A transaction of its own would write the page of each row once more.
      assert.ok(wal() - before <= 20, `${wal() - before} pages`);
      assert.equal(await count(database), 400);
    });

    test("let reads pass in between", async () => {
      const { database } = await newDatabase();
      await database.run(THINGS, []);
      let done = 0;
      const writes = Array.from({ length: 5_000 }, async (_, id) => {
        await inserted(database, id);
        done++;
      });
      let reads = 0;
      while (done < 5_000) {
        await new Promise((resolve) => setImmediate(resolve));
        const seen = await count(database);
        // What is not committed is never seen.
        assert.equal(Number(seen) % 500, 0);
        reads++;
      }
      assert.ok(reads >= 10, `${reads} reads`);
      await Promise.all(writes);
    });
  });

  describe("while another process writes", () => {
    test("a write waits without stopping the thread, and reads go on", async () => {
      const { database, store } = await newDatabase();
      await database.run(THINGS, []);
      const other = new DatabaseSync(store);
      try {
        other.exec("BEGIN IMMEDIATE");
        let done = false;
        const written = inserted(database, 1).then(() => {
          done = true;
        });
        for (let turn = 0; turn < 20; turn++) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          assert.equal(await count(database), 0);
        }
        assert.equal(done, false);
        other.exec("COMMIT");
        await written;
        assert.equal(await count(database), 1);
      } finally {
        other.close();
      }
    });
  });

  describe("a file that was deleted or replaced", () => {
    test("is not written to any more: nobody would find it again", async () => {
      const { database, store } = await newDatabase();
      await database.run(THINGS, []);
      renameSync(store, `${store}.away`);
      try {
        await assert.rejects(inserted(database, 1), { code: "RECORDS_UNAVAILABLE" });
      } finally {
        renameSync(`${store}.away`, store);
      }
      await inserted(database, 1);
    });
  });

  describe("a database that is closed", () => {
    test("has written what was asked for before", async () => {
      const { open, database } = await newDatabase();
      await database.run(THINGS, []);
      const closing = await open();
      const writes = Array.from({ length: 1_200 }, (_, id) => inserted(closing, id));
      await closing.close();
      await Promise.all(writes);
      assert.equal(await count(database), 1_200);
    });
  });

  describe("a full disk", () => {
    test("is 503 for whom it concerns, and leaves nothing of it behind", async () => {
      const { database } = await newDatabase();
      await database.run({ text: "CREATE TABLE large (id integer PRIMARY KEY, bytes blob)" }, []);
      const [[pages = 0] = []] = await database.query({ text: "PRAGMA page_count" }, []);
      await database.query({ text: `PRAGMA max_page_count = ${Number(pages) + 20}` }, []);
      function* large(id: number): Work<void> {
        yield { statement: { text: "INSERT INTO large VALUES ($1, NULL)" }, values: [id] };
        yield {
          statement: { text: "UPDATE large SET bytes = zeroblob(1000000) WHERE id = $1" },
          values: [id],
        };
      }
      const small = (id: number) => database.run({ text: "INSERT INTO large VALUES ($1, NULL)" }, [id]);
      const settled = await Promise.allSettled([small(1), database.write(() => large(2)), small(3)]);
      assert.deepEqual(
        settled.map((one) => (one.status === "rejected" ? (one.reason as GatewayError).code : "")),
        ["", "RECORDS_UNAVAILABLE", ""],
      );
      const rows = await database.query({ text: "SELECT id FROM large ORDER BY id" }, []);
      assert.deepEqual(
        rows.map(([id]) => id),
        [1, 3],
      );
    });
  });
});

/** How many pages of the file have been written and not been copied back into it yet. */
function watch(store: string): { wal(): number } {
  return {
    wal() {
      const other = new DatabaseSync(store);
      try {
        const row = other.prepare("PRAGMA wal_checkpoint(NOOP)").get() as { log: number } | undefined;
        return row?.log ?? 0;
      } finally {
        other.close();
      }
    },
  };
}
