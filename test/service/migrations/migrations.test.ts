/** What migrations do to a database, what they leave alone, and what they refuse. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MigrationRefusal } from "../../../src/service/migrations/index.ts";
import { type Definitions, onBothDatabases, type Stand, sentences } from "./stand.ts";

const SHOP = {
  customers: {
    id: { type: "integer" },
    fields: { email: { type: "string", required: true, unique: true }, note: "string" },
  },
  orders: {
    softDelete: true,
    id: { type: "uuid" },
    fields: { customer: { ref: "customers", required: true }, size: { type: "integer", default: 1 } },
  },
} satisfies Definitions;

const NOW = "'2026-11-22T15:30:18.123456Z'";

const customer = (id: number, email = `a${id}@example.org`): string =>
  `INSERT INTO customers (id, email, note, created_at, updated_at, revision) VALUES (${id}, '${email}', NULL, ${NOW}, ${NOW}, 1)`;

/** `SHOP` with other fields of its customers. */
const withFields = (fields: Record<string, unknown>): Definitions => ({
  ...SHOP,
  customers: { ...SHOP.customers, fields },
});

const refusal = (sentence: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MigrationRefusal, String(error));
  assert.match(error.message, sentence);
  return true;
};

const table = (stand: Stand, name: string) => stand.query(`SELECT * FROM ${name} ORDER BY 1`);

onBothDatabases("a migration", (stand) => {
  test("makes everything in an empty database, and finds nothing to do then", async () => {
    const database = await stand();
    const before = await database.shape();
    const plan = await database.plan(SHOP);
    assert.ok(plan.steps.every(({ severity }) => severity === "safe"));
    assert.equal(await database.shape(), before, "a plan only reads");
    assert.deepEqual(sentences(await database.migrate(SHOP)), sentences(plan));
    assert.deepEqual((await database.plan(SHOP)).steps, []);
    assert.deepEqual((await database.migrate(SHOP)).steps, []);
  });

  test("is done once when several processes begin at the same time", async () => {
    const database = await stand();
    const others = await Promise.all([1, 2, 3, 4].map(() => database.again()));
    const plans = await Promise.all([database, ...others].map((one) => one.migrate(SHOP)));
    assert.equal(plans.filter(({ steps }) => steps.length > 0).length, 1);
    assert.deepEqual((await database.plan(SHOP)).steps, []);
  });

  test("leaves alone what no definition names any more, and lets rows be written without it", async () => {
    const database = await stand();
    await database.migrate(SHOP);
    await database.query(customer(1));
    const without = { customers: { id: { type: "integer" }, fields: { note: "string" } } };
    const plan = await database.migrate(without);
    assert.deepEqual([...plan.leftAlone].sort(), ["the column customers.email", "the table orders"]);
    await database.query(
      `INSERT INTO customers (id, note, created_at, updated_at, revision) VALUES (2, NULL, ${NOW}, ${NOW}, 1)`,
    );
    assert.deepEqual(await database.query("SELECT email FROM customers ORDER BY id"), [
      ["a1@example.org"],
      [null],
    ]);
    await database.query("DELETE FROM customers");
  });

  test("drops what it has made itself, and nothing else, where that is asked for", async () => {
    const database = await stand();
    await database.migrate(SHOP);
    await database.query("ALTER TABLE customers ADD COLUMN theirs text");
    await database.query("CREATE TABLE theirs (id integer PRIMARY KEY)");
    await database.query("CREATE INDEX theirs_too ON customers (revision)");
    const without = {
      customers: { id: { type: "integer" }, fields: { email: SHOP.customers.fields.email } },
    };
    assert.equal(
      (await database.plan(without)).steps.some(({ severity }) => severity !== "safe"),
      false,
    );
    if (database.dialect === "sqlite") {
      // A copy of the table would lose what somebody else has written about his column.
      await assert.rejects(database.migrate(without, { destructive: true }), refusal(/change it by hand/));
      await database.query("ALTER TABLE customers DROP COLUMN theirs");
    }
    await database.migrate(without, { destructive: true });
    await assert.rejects(table(database, "orders"));
    await assert.rejects(database.query("SELECT note FROM customers"));
    assert.deepEqual(await table(database, "theirs"), []);
    assert.match(await database.shape(), /theirs_too/);
    if (database.dialect === "postgres") await database.query("SELECT theirs FROM customers");
  });

  test("uses a table that was there before, adds to it, and never drops of it", async () => {
    const database = await stand();
    const types = database.dialect === "sqlite" ? ["integer", "text"] : ["serial", "timestamptz"];
    await database.query(
      `CREATE TABLE customers (id ${types[0]} PRIMARY KEY, email varchar(200) NOT NULL, old text DEFAULT 'x', created_at ${types[1]} NOT NULL, updated_at ${types[1]} NOT NULL)`,
    );
    const plan = await database.migrate(SHOP, { destructive: true });
    assert.ok(
      sentences(plan).includes("add the column customers.revision, with 1 in the rows that are there"),
    );
    await database
      .migrate({ customers: { id: { type: "integer" }, fields: {} } }, { destructive: true })
      .catch(() => {});
    await database.query("SELECT email, old FROM customers");
  });

  test("refuses a table that was there before and cannot hold the resource", async () => {
    const database = await stand();
    await database.query("CREATE TABLE customers (id integer, email integer NOT NULL, other text NOT NULL)");
    await assert.rejects(
      database.migrate(SHOP),
      refusal(
        /customers\.id is no primary key.*customers\.email.*cannot hold a string.*customers\.other.*no row could be written/,
      ),
    );
  });

  const obstacles: readonly { what: string; fields: Record<string, unknown>; sentence: RegExp }[] = [
    {
      what: "a new field that has to have a value",
      fields: { ...SHOP.customers.fields, level: { type: "integer", required: true } },
      sentence: /customers\.level is new and may not be empty, and 3 rows have no value for it/,
    },
    {
      what: "a field that may no longer be empty",
      fields: { ...SHOP.customers.fields, note: { type: "string", required: true } },
      sentence: /customers\.note may no longer be empty, and 2 rows have no value/,
    },
    {
      what: "values that are to be unique and are not",
      fields: { ...SHOP.customers.fields, twin: { type: "string", unique: true } },
      sentence: /customers\.twin is to be unique, and 1 value occurs more than once, in 2 rows/,
    },
    {
      what: "values that cannot be converted",
      fields: { ...SHOP.customers.fields, email: { type: "integer", required: true } },
      sentence: /customers\.email cannot become an integer: 3 rows have a value that is none/,
    },
    {
      what: "a type that nothing becomes without loss",
      fields: { ...SHOP.customers.fields, twin: "datetime" },
      sentence: /customers\.twin is a string, and cannot become a datetime without loss: 2 rows have a value/,
    },
    {
      what: "references to what is not there",
      fields: { ...SHOP.customers.fields, friend: { ref: "customers" } },
      sentence: /customers\.friend is to refer to customers, and 1 row has a value that is not there/,
    },
  ];
  test("refuses what is impossible with the number of rows in the way, and changes nothing", async () => {
    const database = await stand();
    const before = withFields({ ...SHOP.customers.fields, twin: "string", friend: "integer" });
    await database.migrate(before);
    for (const id of [1, 2, 3]) await database.query(customer(id));
    await database.query("UPDATE customers SET twin = 'same' WHERE id > 1");
    await database.query("UPDATE customers SET note = 'here', friend = 99 WHERE id = 1");
    const [shape, rows] = [await database.shape(), await table(database, "customers")];
    for (const { what, fields, sentence } of obstacles) {
      // With another change, which would be possible.
      const wanted = withFields({ twin: "string", friend: "integer", ...fields, more: "string" });
      await assert.rejects(database.migrate(wanted, { destructive: true }), refusal(sentence), what);
      assert.equal(await database.shape(), shape, what);
      assert.deepEqual(await table(database, "customers"), rows, what);
    }
  });

  test("fills in a default only where losing what was empty is allowed", async () => {
    const database = await stand();
    await database.migrate(SHOP);
    await database.query(customer(1));
    const wanted = withFields({ ...SHOP.customers.fields, note: { type: "string", default: "it's" } });
    await assert.rejects(database.migrate(wanted), refusal(/would lose something.*--destructive/));
    await database.migrate(wanted, { destructive: true });
    assert.deepEqual(await database.query("SELECT note FROM customers"), [["it's"]]);
  });

  test("gives rows that are there the default of a new field, and processes that do not know it yet too", async () => {
    const database = await stand();
    await database.migrate(SHOP);
    await database.query(customer(1));
    await database.migrate(
      withFields({
        ...SHOP.customers.fields,
        tags: { type: "array", default: ["it's"] },
        since_when: { type: "datetime", default: "now" },
      }),
    );
    await database.query(customer(2));
    const rows = await database.query(
      "SELECT CAST(tags AS text), since_when IS NOT NULL FROM customers ORDER BY id",
    );
    assert.deepEqual(
      rows.map(([tags, time]) => [JSON.parse(tags as string), Boolean(time)]),
      [
        [["it's"], true],
        [["it's"], true],
      ],
    );
  });

  test("converts what can be, and takes a table that is empty as it comes", async () => {
    const database = await stand();
    await database.migrate(withFields({ ...SHOP.customers.fields, level: "integer" }));
    await database.query(customer(1));
    await database.query("UPDATE customers SET level = 7");
    await database.migrate({
      ...withFields({ ...SHOP.customers.fields, level: "string" }),
      orders: { id: { type: "integer" }, fields: { size: "date", customer: { ref: "customers" } } },
    });
    assert.deepEqual(await database.query("SELECT level FROM customers"), [["7"]]);
  });

  test("renames the column of a field that the API has renamed", async () => {
    const database = await stand();
    await database.migrate(SHOP);
    await database.query(customer(1));
    const plan = await database.migrateRenamed(SHOP, {
      resource: "customers",
      field: "email",
      column: "mail",
    });
    assert.ok(sentences(plan).includes("rename the column customers.email to mail"));
    assert.deepEqual(await database.query("SELECT mail FROM customers"), [["a1@example.org"]]);
  });

  test("that is asked for by hand refuses to begin while something is pending, and says what to do", async () => {
    const database = await stand();
    await assert.rejects(
      database.migrate(SHOP, { manual: true }),
      refusal(/create the table customers.*`turnpike db plan`.*`turnpike db apply`/),
    );
    await database.migrate(SHOP);
    assert.deepEqual((await database.migrate(SHOP, { manual: true })).steps, []);
  });

  test("only looks at external tables, and says what they lack", async () => {
    const database = await stand();
    const external = {
      films: {
        external: true,
        table: "film",
        id: { type: "integer", column: "film_id" },
        fields: { title: "string", year: "integer" },
      },
    };
    await assert.rejects(
      database.migrate(external),
      refusal(/the table film, which is `external`, is not there/),
    );
    await database.query("CREATE TABLE film (film_id integer PRIMARY KEY, title text)");
    await assert.rejects(
      database.migrate(external),
      refusal(/the column film\.year of an `external` table is not there/),
    );
    await database.query("ALTER TABLE film ADD COLUMN year integer");
    const shape = await database.shape();
    await database.migrate(external, { destructive: true });
    assert.equal(await database.shape(), shape);
  });
});
