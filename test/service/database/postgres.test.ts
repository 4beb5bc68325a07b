/** What only a server has: connections that are lost, transactions that meet, and settings of its own. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, describe, test } from "node:test";
import type { Database, Work } from "../../../src/core/database.ts";
import { GatewayError } from "../../../src/core/errors.ts";
import { openDatabase } from "../../../src/stores/resources/open.ts";
import { type NewDatabase, onPostgres } from "../../harness/databases.ts";
import { eventually } from "../../harness/eventually.ts";

const INSERT = { name: "insert", text: "INSERT INTO things VALUES ($1, 0)" };
const IDS = { name: "ids", text: "SELECT id FROM things ORDER BY id" };

const ids = async (database: Database): Promise<unknown[]> =>
  (await database.query(IDS, [])).map(([id]) => id);

function* insert(id: number): Work<void> {
  yield { statement: INSERT, values: [id] };
}

onPostgres(
  (dialect) => {
    async function withThings(): Promise<NewDatabase> {
      const made = await dialect.newDatabase();
      await made.database.run({ text: "CREATE TABLE things (id integer PRIMARY KEY, count integer)" }, []);
      return made;
    }

    describe("transactions that stand in each other's way", () => {
      test("are begun anew, until all of them are through", async () => {
        const { database } = await withThings();
        for (const id of [1, 2]) await database.write(() => insert(id));
        let attempts = 0;
        function* both(first: number, second: number): Work<void> {
          attempts++;
          const statement = { text: "UPDATE things SET count = count + 1 WHERE id = $1" };
          yield { statement, values: [first] };
          // Long enough that the other one has the other row by now.
          yield { statement: { text: "SELECT pg_sleep(0.05)" }, values: [] };
          yield { statement, values: [second] };
        }
        const works = Array.from({ length: 6 }, (_, at) => () => (at % 2 === 0 ? both(1, 2) : both(2, 1)));
        await Promise.all(works.map((work) => database.write(work)));
        const counts = await database.query({ text: "SELECT count FROM things" }, []);
        assert.deepEqual(counts.flat(), [6, 6]);
        assert.ok(attempts > works.length, "they have met");
      });
    });

    describe("a statement that was prepared before its table changed", () => {
      test("is prepared anew, for reads and in transactions", async () => {
        const { database } = await withThings();
        await database.write(() => insert(1));
        const read = { name: "read", text: "SELECT id, count FROM things" };
        const change = { name: "change", text: "UPDATE things SET count = 5 RETURNING count" };
        function* changing(): Work<unknown> {
          const [row] = yield { statement: change, values: [] };
          return row?.[0];
        }
        await Promise.all(Array.from({ length: 20 }, () => database.query(read, [])));
        assert.equal(await database.write(changing), 5);
        await database.run({ text: "ALTER TABLE things ALTER COLUMN count TYPE text" }, []);
        assert.equal(await database.write(changing), "5");
        const all = await Promise.all(Array.from({ length: 20 }, () => database.query(read, [])));
        for (const rows of all) assert.deepEqual(rows, [[1, "5"]]);
      });
    });

    describe("settings of the database", () => {
      test("change neither what is written nor that it is on disk", async () => {
        const { database, store, open } = await withThings();
        const name = new URL(store).pathname.slice(1);
        for (const setting of [
          "timezone = 'Asia/Tokyo'",
          "datestyle = 'German'",
          "synchronous_commit = off",
          "bytea_output = 'escape'",
          "default_transaction_isolation = 'serializable'",
        ])
          await dialect.server.query(`ALTER DATABASE ${name} SET ${setting}`);
        const other = await open();
        const text = `SELECT timestamptz '2026-11-22 12:00:00.5+00', date '2026-11-22', bytea '\\x00ff', 12.50::numeric,
        9007199254740993::int8, '{"a": 1}'::jsonb, current_setting('synchronous_commit')`;
        const [row] = await other.query({ text }, []);
        assert.deepEqual(
          [...(row ?? [])],
          [
            "2026-11-22 12:00:00.5+00",
            "2026-11-22",
            Buffer.from([0, 255]),
            "12.50",
            "9007199254740993",
            '{"a": 1}',
            "on",
          ],
        );
        assert.deepEqual(await database.query({ text: "SELECT 1" }, []), [[1]]);
      });
    });

    describe("quick reads of many callers, which share connections", () => {
      const QUICK = { name: "quick", text: "SELECT 100 / $1::int4" };

      test("fail each alone, and get each its own answer", async () => {
        const { database } = await withThings();
        const settled = await Promise.allSettled(
          Array.from({ length: 200 }, (_, at) => database.query(QUICK, [at % 5])),
        );
        for (const [at, one] of settled.entries())
          if (at % 5 === 0) assert.equal(one.status, "rejected");
          else
            assert.deepEqual((one as PromiseFulfilledResult<unknown>).value, [[Math.trunc(100 / (at % 5))]]);
      });

      test("are not held up by slow ones, nor by transactions", async () => {
        const { database } = await withThings();
        await database.query(QUICK, [1]);
        const over: string[] = [];
        const told = (what: string) => () => void over.push(what);
        function* slow(): Work<void> {
          yield { statement: { name: "slow", text: "SELECT pg_sleep(0.5)" }, values: [] };
        }
        const busy = [
          ...Array.from({ length: 10 }, () => database.query({ text: "SELECT pg_sleep(0.5)" }, [])),
          ...Array.from({ length: 10 }, () => database.write(slow)),
        ].map((one) => one.then(told("slow")));
        const quick = Array.from({ length: 100 }, () => database.query(QUICK, [1]).then(told("quick")));
        await Promise.all([...busy, ...quick]);
        assert.deepEqual(new Set(over.slice(0, 100)), new Set(["quick"]));
      });
    });

    describe("a server that goes away", () => {
      test("between two questions is not noticed by who reads, and costs who writes one 503 at most", async () => {
        const { database, store } = await withThings();
        const name = new URL(store).pathname.slice(1);
        const ended = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`;
        for (let round = 0; round < 5; round++) {
          await Promise.all(Array.from({ length: 10 }, () => ids(database)));
          await dialect.server.query(ended);
          await Promise.all(Array.from({ length: 10 }, () => ids(database)));
          await database.write(() => insert(round));
        }
        assert.deepEqual(await ids(database), [0, 1, 2, 3, 4]);
      });

      test("is 503 with Retry-After as long as it is away, and found again when it is back", async () => {
        const { database } = await withThings();
        const acknowledged: number[] = [];
        let last = 0;
        const acknowledge = async (change: (id: number) => Promise<unknown>): Promise<unknown> => {
          const id = ++last;
          return change(id).then(
            () => acknowledged.push(id),
            (error: unknown) => error,
          );
        };
        const write = () => acknowledge((id) => database.write(() => insert(id)));
        const run = () => acknowledge((id) => database.run(INSERT, [id]));
        await write();
        await dialect.server.kill();
        try {
          // Its processes may go on for a moment, and their last words come as answers.
          await eventually("nothing of it is left", async () => {
            const answers = await Promise.all([
              ids(database).catch((error: unknown) => error),
              write(),
              run(),
            ]);
            return answers.every(isAway);
          });
        } finally {
          await dialect.server.restart();
        }
        await eventually("it is back", async () => typeof (await write()) === "number");
        const there = new Set(await ids(database));
        assert.deepEqual(
          acknowledged.filter((id) => !there.has(id)),
          [],
        );
      });

      test("that stops answering holds nobody for ever", {
        skip: process.env["TURNPIKE_FULL"] !== "1",
      }, async () => {
        const { database } = await withThings();
        await ids(database);
        dialect.server.pause();
        try {
          const all = [ids(database), database.run(INSERT, [1]), database.write(() => insert(2))];
          for (const { status } of await Promise.allSettled(all)) assert.equal(status, "rejected");
        } finally {
          dialect.server.resume();
        }
        const answers = () => ids(database).then(Array.isArray, () => false);
        await eventually("it answers", answers, 15_000);
      });
    });

    describe("a connection that is lost", () => {
      test("before the end of a transaction undoes it, and says so by Retry-After", async () => {
        const { store, database: direct } = await withThings();
        const proxy = await Between.to(dialect.server.port);
        const database = await proxy.open(store);
        proxy.cutAfter = "INSERT";
        const refused = database.write(() => insert(1));
        await assert.rejects(refused, { code: "RECORDS_UNAVAILABLE", headers: { "Retry-After": "1" } });
        assert.deepEqual(await ids(direct), []);
        await database.write(() => insert(1));
        assert.deepEqual(await ids(direct), [1]);
      });

      test("while it is committed leaves open what came of it, and that is what is said", async () => {
        const { store, database: direct } = await withThings();
        const proxy = await Between.to(dialect.server.port);
        const database = await proxy.open(store);
        for (const [id, cut, change] of [
          [1, "COMMIT\0", () => database.write(() => insert(1))],
          [2, "INSERT", () => database.run(INSERT, [2])],
        ] as const) {
          proxy.cutAfter = cut;
          await assert.rejects(change(), (error: GatewayError) => {
            assert.deepEqual([error.code, error.headers], ["RECORDS_UNAVAILABLE", {}]);
            assert.match(error.message, /nobody knows/);
            return true;
          });
          assert.ok((await ids(direct)).includes(id), "it was done");
        }
      });
    });
  },
  ...["-c", "deadlock_timeout=50ms"],
);

const isAway = (answer: unknown): boolean =>
  answer instanceof GatewayError &&
  answer.code === "RECORDS_UNAVAILABLE" &&
  answer.headers["Retry-After"] === "1";

/** Stands between, and cuts the connection when the server has answered what it is to be cut after. */
class Between {
  /** The next message to the server with this text in it is the last of its connection. */
  cutAfter = "";
  readonly #server: Server;
  readonly #port: number;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((client) => this.#connect(client));
  }

  static async to(port: number): Promise<Between> {
    const proxy = new Between(port);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    after(() => proxy.#server.close());
    return proxy;
  }

  /** A database of the server behind, by way of this. */
  async open(store: string): Promise<Database> {
    const url = new URL(store);
    url.port = String((this.#server.address() as { port: number }).port);
    const database = await openDatabase(url.href, { connections: 1 });
    after(() => database.close());
    return database;
  }

  #connect(client: Socket): void {
    const server = connect(this.#port, "127.0.0.1");
    let cutting = false;
    client.on("data", (bytes) => {
      if (this.cutAfter !== "" && bytes.includes(this.cutAfter)) {
        this.cutAfter = "";
        cutting = true;
      }
      server.write(bytes);
    });
    server.on("data", (bytes) => {
      if (cutting) client.destroy();
      else client.write(bytes);
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  }
}
