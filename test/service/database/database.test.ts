/** What `Database` promises, on both databases. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  ConstraintError,
  type Database,
  type Parameter,
  type Query,
  type Work,
} from "../../../src/core/database.ts";
import { GatewayError } from "../../../src/core/errors.ts";
import { onBothDatabases, patiently } from "../../harness/databases.ts";

const ask = (text: string, ...values: Parameter[]): Query => ({ statement: { text }, values });
const named = (text: string, ...values: Parameter[]): Query => ({
  statement: { name: "test", text },
  values,
});

async function run(database: Database, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await database.run({ text }, []);
}

const all = async (database: Database, text: string, ...values: Parameter[]): Promise<unknown[][]> =>
  (await database.query({ text }, values)).map((row) => [...row]);

/** Adds a row, and gives what it was told. */
function* insert(id: number, then?: () => void): Work<string> {
  yield named("INSERT INTO things (id, name) VALUES ($1, $2)", id, `thing ${id}`);
  then?.();
  return `inserted ${id}`;
}

const THINGS = "CREATE TABLE things (id integer PRIMARY KEY, name text NOT NULL)";

onBothDatabases(({ name, newDatabase }) => {
  describe("a write", () => {
    test("is seen by others when its promise resolves, and not at all when its work throws", async () => {
      const { database, open } = await newDatabase();
      await run(database, THINGS);
      const other = await open();
      assert.equal(await database.write(() => insert(1)), "inserted 1");
      assert.deepEqual(await all(other, "SELECT id, name FROM things"), [[1, "thing 1"]]);
      const refusal = new GatewayError("STATE_CONFLICT");
      const refused = database.write(() =>
        insert(2, () => {
          throw refusal;
        }),
      );
      await assert.rejects(refused, refusal);
      assert.deepEqual(await all(other, "SELECT id FROM things"), [[1]]);
    });

    test("that fails undoes itself only, however many are written at the same time", async () => {
      const { database } = await newDatabase();
      await run(database, THINGS);
      const settled = await Promise.allSettled(
        Array.from({ length: 150 }, (_, id) =>
          patiently(() =>
            database.write(() =>
              insert(id, () => {
                if (id % 3 === 0) throw new Error(`no ${id}`);
              }),
            ),
          ),
        ),
      );
      for (const [id, one] of settled.entries())
        if (id % 3 === 0)
          assert.match(String((one as PromiseRejectedResult).reason), new RegExp(`no ${id}$`));
        else assert.equal((one as PromiseFulfilledResult<string>).value, `inserted ${id}`);
      const there = await all(database, "SELECT id FROM things ORDER BY id");
      assert.deepEqual(
        there.flat(),
        Array.from({ length: 150 }, (_, id) => id).filter((id) => id % 3 !== 0),
      );
    });

    test("loses no change to another one that reads and writes the same row", async () => {
      const { database, open } = await newDatabase();
      await run(database, "CREATE TABLE counts (id integer PRIMARY KEY, count integer NOT NULL)");
      await run(database, "INSERT INTO counts VALUES (1, 0)");
      const lock = name === "postgres" ? "FOR UPDATE" : "";
      const others = [database, await open()];
      function* add(): Work<number> {
        const [row] = yield named(`SELECT count FROM counts WHERE id = $1 ${lock}`, 1);
        const count = Number(row?.[0]) + 1;
        yield named("UPDATE counts SET count = $2 WHERE id = $1", 1, count);
        return count;
      }
      const counts = await Promise.all(
        Array.from({ length: 200 }, (_, at) => patiently(() => (others[at % 2] as Database).write(add))),
      );
      assert.equal(new Set(counts).size, 200);
      assert.deepEqual(await all(database, "SELECT count FROM counts"), [[200]]);
    });

    test("is not resumed after a statement that failed, and can clean up behind itself", async () => {
      const { database } = await newDatabase();
      await run(database, THINGS, "INSERT INTO things VALUES (1, 'first')");
      const steps: string[] = [];
      function* work(): Work<void> {
        try {
          yield ask("INSERT INTO things VALUES (2, 'second')");
          yield ask("INSERT INTO things VALUES (1, 'again')");
          steps.push("resumed");
        } catch {
          steps.push("caught");
        } finally {
          steps.push("finally");
        }
      }
      await assert.rejects(database.write(work), ConstraintError);
      assert.deepEqual(steps, ["finally"]);
      assert.deepEqual(await all(database, "SELECT id FROM things"), [[1]]);
    });

    test("without a statement is fine, and so is one whose work throws at once", async () => {
      const { database } = await newDatabase();
      // biome-ignore lint/correctness/useYield: that is what is tested.
      const nothing = function* (): Work<number> {
        return 7;
      };
      assert.equal(await database.write(nothing), 7);
      // biome-ignore lint/correctness/useYield: that is what is tested.
      const throwing = function* (): Work<number> {
        throw new TypeError("a mistake");
      };
      await assert.rejects(database.write(throwing), TypeError);
      assert.equal(await database.write(nothing), 7);
    });
  });

  describe("a statement", () => {
    test("takes its values by number, in any order and more than once, and no quoted $1 for one", async () => {
      const { database } = await newDatabase();
      await run(database, `CREATE TABLE odd ("a$1" text, "b""$2" text)`);
      await database.run({ text: `INSERT INTO odd ("b""$2", "a$1") VALUES ($2, $1)` }, ["one", "two"]);
      const text = `SELECT "a$1", "b""$2", '$1 isn''t $2' FROM odd WHERE "a$1" = $1 AND $1 <> $2 AND "b""$2" = $2`;
      assert.deepEqual(await all(database, text, "one", "two"), [["one", "two", "$1 isn't $2"]]);
      assert.deepEqual(await all(database, text, "one", "'; DROP TABLE odd; --"), []);
      const placed =
        "SELECT CAST($10 AS text), CAST($1 AS text) WHERE CAST($2 AS text) || CAST($3 AS text) || CAST($4 AS text) || CAST($5 AS text) || CAST($6 AS text) || CAST($7 AS text) || CAST($8 AS text) || CAST($9 AS text) <> ''";
      assert.deepEqual(await all(database, placed, ..."abcdefghij"), [["j", "a"]]);
    });

    test("gives back what it was given", async () => {
      const { database } = await newDatabase();
      const bytes = name === "postgres" ? "bytea" : "blob";
      await run(
        database,
        `CREATE TABLE kinds (a text, b integer, c double precision, d boolean, e ${bytes}, f text)`,
      );
      const values = ["ä\u{1f600}'\"\\", -5, 0.1, true, new Uint8Array([0, 255, 39]), null];
      await database.run({ text: "INSERT INTO kinds VALUES ($1, $2, $3, $4, $5, $6)" }, values);
      const [row] = await database.query({ text: "SELECT a, b, c, d, e, f FROM kinds" }, []);
      const [a, b, c, d, e, f] = row ?? [];
      assert.deepEqual(
        [a, b, c, Boolean(d), [...(e as Uint8Array)], f],
        [...values.slice(0, 4), [0, 255, 39], null],
      );
    });

    test("may have endlessly many forms", async () => {
      const { database } = await newDatabase();
      await run(database, THINGS, "INSERT INTO things VALUES (1, 'first')");
      for (let form = 0; form < 600; form++)
        assert.deepEqual(await all(database, `SELECT id AS "form ${form % 300}" FROM things`), [[1]]);
    });
  });

  describe("a refused change", () => {
    test("says what refused it, by table and columns", async () => {
      const { database } = await newDatabase();
      await run(
        database,
        `CREATE TABLE parents (id text PRIMARY KEY)`,
        `CREATE TABLE children (
           id integer PRIMARY KEY, "E-Mail" text, owner text, parent text REFERENCES parents (id),
           name text NOT NULL, age integer CONSTRAINT grown CHECK (age > 17), UNIQUE (owner, "E-Mail"))`,
        `CREATE UNIQUE INDEX children_name ON children (lower(name))`,
        `INSERT INTO children VALUES (1, 'a@b.c', 'ann', NULL, 'Ann', 20)`,
      );
      const cases: [values: string, kind: string, columns: readonly string[]][] = [
        ["2, 'a@b.c', 'ann', NULL, 'Bob', 20", "unique", ["owner", "E-Mail"]],
        ["1, NULL, NULL, NULL, 'Bob', 20", "unique", ["id"]],
        ["2, NULL, NULL, NULL, NULL, 20", "null", ["name"]],
      ];
      for (const [values, kind, columns] of cases) {
        const refused = database.run({ text: `INSERT INTO children VALUES (${values})` }, []);
        await assert.rejects(refused, (error: unknown) => {
          assert.ok(error instanceof ConstraintError, String(error));
          assert.deepEqual([error.kind, error.table, [...error.columns]], [kind, "children", columns]);
          return true;
        });
      }
      const others: [values: string, kind: string][] = [
        ["2, NULL, NULL, NULL, 'ANN', 20", "unique"],
        ["2, NULL, NULL, 'nobody', 'Bob', 20", "reference"],
        ["2, NULL, NULL, NULL, 'Bob', 3", "check"],
      ];
      for (const [values, kind] of others) {
        const refused = database.run({ text: `INSERT INTO children VALUES (${values})` }, []);
        await assert.rejects(
          refused,
          (error: unknown) => error instanceof ConstraintError && error.kind === kind,
        );
      }
      assert.deepEqual(await all(database, "SELECT count(*) FROM children").then(String), "1");
    });

    test("that is only found at the end takes nobody else with it", async () => {
      const { database } = await newDatabase();
      await run(
        database,
        "CREATE TABLE parents (id integer PRIMARY KEY)",
        `CREATE TABLE children (id integer PRIMARY KEY, parent integer REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)`,
        "INSERT INTO parents VALUES (1)",
      );
      const settled = await Promise.allSettled(
        [1, 99, 1, 98].map((parent, id) =>
          database.run({ text: "INSERT INTO children VALUES ($1, $2)" }, [id, parent]),
        ),
      );
      assert.deepEqual(
        settled.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled", "rejected"],
      );
      const [, refused] = settled as PromiseRejectedResult[];
      assert.ok(refused?.reason instanceof ConstraintError);
      assert.deepEqual(await all(database, "SELECT id FROM children ORDER BY id"), [[0], [2]]);
    });
  });
});
