/** What only PostgreSQL has: locks that others wait behind, and indexes that are made while a table is written to. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Client } from "pg";
import { MigrationRefusal, migrate } from "../../../src/service/migrations/index.ts";
import { openSchemaSession } from "../../../src/stores/resources/schema-session.ts";
import { define } from "../../harness/definitions.ts";
import { TestPostgres, withoutPostgres } from "../../harness/postgres.ts";

const ORDERS = {
  orders: { id: { type: "integer" }, timestamps: false, fields: { name: "string", size: "integer" } },
};
const INDEXED = { orders: { ...ORDERS.orders, indexes: [["name"]] } };
const UNIQUE = {
  orders: { ...INDEXED.orders, fields: { ...ORDERS.orders.fields, name: { type: "string", unique: true } } },
};

const THINGS = `
  SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = 'orders'::regclass
  UNION ALL SELECT kind || name FROM turnpike.resource_parts ORDER BY 1`;

const CHILD = join(import.meta.dirname, "migrating-child.ts");

/** Kills a process that migrates when it has begun its step of that number. */
async function killedAt(step: number, url: string, definitions: unknown): Promise<void> {
  const child = spawn(process.execPath, [CHILD, url, "postgres", JSON.stringify(definitions), String(step)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  try {
    await Promise.race([once(child.stdout, "data"), ended]);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

describe("a migration of PostgreSQL", { skip: withoutPostgres() }, () => {
  let postgres: TestPostgres;
  before(async () => {
    postgres = await TestPostgres.start();
  });
  after(() => postgres?.stop());

  const migrated = async (url: string, definitions: unknown, progress = (_: string): void => {}) => {
    const session = await openSchemaSession(url, { writes: true });
    try {
      return await migrate(session, define(definitions, "postgres"), { progress });
    } finally {
      await session.close();
    }
  };

  /** A database with a connection of somebody else; and more rows than are indexed in a transaction. */
  const withOther = async (work: (url: string, other: Client) => Promise<void>) => {
    const url = await postgres.database();
    await migrated(url, ORDERS);
    const other = new Client(url);
    await other.connect();
    try {
      await other.query(
        "INSERT INTO orders (name, size, revision) SELECT 'order ' || n, n, 1 FROM generate_series(1, 20000) n",
      );
      await work(url, other);
    } finally {
      await other.end();
    }
  };

  test("steps back from a table that somebody reads for long, and comes again", async () => {
    await withOther(async (url, other) => {
      await other.query("BEGIN");
      await other.query("SELECT count(*) FROM orders");
      let waited = 0;
      const ended: Promise<unknown>[] = [];
      const more = { orders: { ...ORDERS.orders, fields: { ...ORDERS.orders.fields, more: "string" } } };
      await migrated(url, more, (sentence) => {
        if (!/somebody uses a table/.test(sentence)) return;
        waited++;
        ended.push(other.query("COMMIT"));
      });
      await Promise.all(ended);
      assert.equal(waited, 1);
      await other.query("SELECT more FROM orders LIMIT 1");
    });
  });

  test("indexes a large table without a transaction that writers would wait for", async () => {
    await withOther(async (url) => {
      const plan = await migrated(url, INDEXED);
      assert.deepEqual(
        plan.steps.map(({ concurrently }) => concurrently?.when),
        ["before"],
      );
      assert.match(plan.steps[0]?.sql.at(-1) ?? "", /^CREATE INDEX CONCURRENTLY/);
    });
  });

  test("makes an index anew whose making was broken off", async () => {
    await withOther(async (url, other) => {
      await migrated(url, INDEXED);
      const broken =
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid::regclass::text LIKE 'orders_name%'";
      await postgres.query(broken, new URL(url).username);
      assert.equal((await migrated(url, INDEXED)).steps.length, 1);
      const found = await other.query(
        "SELECT indisvalid FROM pg_index WHERE indexrelid::regclass::text LIKE 'orders_name%'",
      );
      assert.deepEqual(found.rows, [{ indisvalid: true }]);
    });
  });

  test("that fails behind an index which was made already leaves none of it", async () => {
    await withOther(async (url, other) => {
      const things = async () => (await other.query(THINGS)).rows.map(({ name }: { name: string }) => name);
      // The type of its column cannot change while the view is there.
      await other.query("CREATE VIEW theirs AS SELECT size FROM orders");
      const there = await things();
      const fields = { ...UNIQUE.orders.fields, size: "string" };
      await assert.rejects(
        migrated(url, { orders: { ...UNIQUE.orders, fields } }),
        (error) =>
          error instanceof MigrationRefusal &&
          /is as it was: to make orders\.size a string/.test(error.message),
      );
      assert.deepEqual(await things(), there);
    });
  });

  test("that is killed behind an index which was made already leaves that one: the old config drops it, the new one goes on", async () => {
    await withOther(async (url, other) => {
      const things = async () => (await other.query(THINGS)).rows.map(({ name }: { name: string }) => name);
      const there = await things();
      const { fields } = ORDERS.orders;
      const wanted = {
        orders: {
          ...ORDERS.orders,
          fields: { ...fields, name: { type: "string", unique: true }, more: "string" },
        },
      };
      for (const goesOn of [false, true]) {
        await killedAt(1, url, wanted);
        // PostgreSQL undoes the rest when it sees that the connection is gone: our lock waits for that.
        await other.query("BEGIN; LOCK TABLE orders; COMMIT");
        assert.equal((await things()).length, there.length + 2, "the index, and that it is ours");
        await assert.rejects(other.query("SELECT more FROM orders"), /more/);
        await assert.rejects(other.query("UPDATE orders SET name = 'order 1'"), /duplicate key/);
        const steps = (await migrated(url, goesOn ? wanted : ORDERS)).steps.map(({ kind }) => kind);
        assert.deepEqual(steps, [goesOn ? "add column" : "drop index"]);
        if (!goesOn) assert.deepEqual(await things(), there);
      }
    });
  });

  test("says which right is missing", async () => {
    const url = await postgres.database();
    const name = new URL(url).username;
    await migrated(url, ORDERS);
    await postgres.query("ALTER TABLE orders OWNER TO postgres", name);
    await postgres.query(`GRANT SELECT ON orders TO ${name}`, name);
    await assert.rejects(
      migrated(url, UNIQUE),
      /could not be changed, and is as it was: .*this user may not do it/,
    );
  });

  test("finds tables in a schema of their own", async () => {
    const url = await postgres.database();
    await migrated(url, { orders: { ...UNIQUE.orders, table: "shop.orders" } });
    assert.deepEqual((await migrated(url, { orders: { ...UNIQUE.orders, table: "shop.orders" } })).steps, []);
    assert.deepEqual(await postgres.query("SELECT count(*)::int FROM shop.orders", new URL(url).username), [
      [0],
    ]);
  });
});
