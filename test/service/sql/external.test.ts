/** Tables that somebody else has made: columns of types that migrations never make, and what is kept of them. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { resourcesOf } from "../../../src/config/testdata/resources.ts";
import type { FieldValue, Row } from "../../../src/core/resource.ts";
import type { Filter, Written } from "../../../src/service/resources/store.ts";
import { onPostgres } from "../../harness/databases.ts";
import { ResourceStand } from "../../harness/resource-stand.ts";

const definitions: Parameters<typeof resourcesOf>[0] = {
  parts: {
    external: true,
    table: 'we"ird $1.Parts; --',
    id: { type: "integer", column: "part no" },
    fields: {
      label: { type: "string", column: 'La"bel', maxLength: 50 },
      code: { type: "string", maxLength: 10 },
      state: { enum: ["new", "used", "broken"] },
      small: { type: "integer" },
      weight: { type: "number" },
      price: { type: "decimal" },
      seen: { type: "datetime" },
      made: { type: "datetime" },
      big: { type: "bigint" },
      tags: { type: "array", readOnly: true },
      extra: { type: "object" },
    },
  },
};

const TABLE = '"we""ird $1"."Parts; --"';

onPostgres((dialect) => {
  describe("somebody else's table", () => {
    let stand: ResourceStand;
    before(async () => {
      const { store, database } = await dialect.newDatabase();
      for (const text of [
        'CREATE SCHEMA "we""ird $1"',
        "CREATE TYPE state AS ENUM ('new', 'used', 'broken')",
        `CREATE TABLE ${TABLE} ("part no" serial PRIMARY KEY, "La""bel" varchar(50), code char(10) DEFAULT 'none',
           state state, small int2, weight real, price numeric(12,2), seen timestamp, made timestamptz, big int8, tags text[],
           extra json, unmentioned text NOT NULL DEFAULT 'stays', CONSTRAINT light CHECK (weight < 1000))`,
        `INSERT INTO ${TABLE} ("La""bel", code, state, small, weight, price, seen, made, big, tags, extra) VALUES
           ('one', 'a', 'used', 7, 0.1, 12.50, '2026-11-22 15:30:18.123456', '2026-11-22 17:30:18+02', 9223372036854775807, '{a,"b c"}', '{"b": 1, "a": [2]}')`,
      ])
        await database.run({ text }, []);
      stand = await ResourceStand.open(store, resourcesOf(definitions, { store }).resources);
    });
    after(() => stand?.close());

    const parts = () => stand.resource("parts");
    const create = (values: Readonly<Record<string, FieldValue>>) =>
      stand.store.create(parts(), null, (id) => {
        const row = stand.row("parts", values).with(0, id);
        return { row, referred: [], event: null, kept: null, result: row };
      });
    const change = (id: FieldValue, after: (row: Row) => Row | null) =>
      stand.store.change(parts(), id, null, null, (row) => ({
        row: row && after(row),
        referred: [],
        event: null,
        kept: null,
        result: null,
      }));
    const put = (name: string, value: FieldValue) => (row: Row) =>
      row.with(stand.field("parts", name).at, value);

    test("is read as what its fields say", async () => {
      const row = await stand.store.get(parts(), 1, null);
      const [id, label, code, state, small, weight, price, seen, made, big, tags, extra] = row ?? [];
      assert.deepEqual([id, label, code, state, small], [1, "one", "a", "used", 7]);
      assert.equal(Math.fround(Number(weight)), Math.fround(0.1));
      assert.deepEqual([price, big], ["12.50", "9223372036854775807"]);
      assert.deepEqual([seen, made], ["2026-11-22T15:30:18.123456Z", "2026-11-22T15:30:18.000Z"]);
      assert.deepEqual(
        [JSON.parse(String(tags)), JSON.parse(String(extra))],
        [["a", "b c"], { a: [2], b: 1 }],
      );
    });

    test("is written, and keeps what no definition mentions", async () => {
      const written = await create({
        label: "two",
        state: "new",
        price: "0.10",
        seen: "2026-01-01T00:00:00.000Z",
        extra: '{"x":1}',
      });
      assert.equal(written.kind, "done");
      const row = (written as { readonly result: Row }).result;
      const id = row[0] as FieldValue;
      const code = stand.field("parts", "code").at;
      assert.deepEqual(
        await stand.store.get(parts(), id, null),
        row.with(code, "none"),
        "what is left out is the column's own",
      );
      await change(id, put("label", "three"));
      const [own] = await stand.database.query(
        { text: `SELECT "La""bel", unmentioned FROM ${TABLE} WHERE "part no" = $1` },
        [Number(id)],
      );
      assert.deepEqual(own, ["three", "stays"]);
      await change(id, () => null);
      assert.equal(await stand.store.get(parts(), id, null), null);
    });

    const count = (name: string, comparison: Filter["comparison"], ...values: FieldValue[]) =>
      stand.store.count({
        resource: parts(),
        owner: null,
        filters: [{ field: stand.field("parts", name), comparison, values }],
      });

    test("is filtered by values that its columns cannot hold, which no row has", async () => {
      assert.equal(await count("small", "eq", 7), 1);
      assert.equal(await count("small", "eq", Number.MAX_SAFE_INTEGER), 0);
      assert.equal(await count("small", "lt", Number.MAX_SAFE_INTEGER), 1);
      assert.equal(await count("weight", "lt", 1e300), 1);
      assert.equal(await count("state", "eq", "used"), 1);
      assert.equal(await count("state", "eq", "no state"), 0);
      assert.equal(await count("price", "in", "12.5", "999999999999999999999.999"), 1);
      assert.equal(await count("seen", "eq", "2026-11-22T15:30:18.123456Z"), 1);
      assert.equal(await count("made", "gte", "9999-12-31T23:59:59.999Z"), 0);
      assert.equal(await count("label", "eq", "x".repeat(10_000)), 0);
      assert.equal(await stand.store.get(parts(), Number.MAX_SAFE_INTEGER, null), null);
    });

    test("is paged through in the order of each of its fields, one by one", async () => {
      for (let round = 0; round < 12; round++) {
        const state = ["new", "used", "broken", null][round % 4] as string | null;
        await create({
          label: `l${round % 3}`,
          code: `c${round % 2}`,
          state,
          small: round % 5,
          weight: round / 10,
          price: `${round % 3}.10`,
          seen: `2026-01-01T00:00:00.00000${round % 3}Z`,
          big: String(round % 2),
        });
      }
      const total = await stand.store.count({ resource: parts(), owner: null, filters: [] });
      for (const name of ["label", "code", "state", "small", "weight", "price", "seen", "made", "big"]) {
        for (const descending of [false, true]) {
          const field = stand.field("parts", name);
          const selection = { resource: parts(), owner: null, filters: [], sort: [{ field, descending }] };
          const whole = (await stand.store.list(selection, { kind: "offset", offset: 0, limit: 100 })).rows;
          assert.equal(whole.length, total);
          const seen: Row[] = [];
          for (let position: FieldValue[] | null = null; ; ) {
            const found = await stand.store.list(selection, {
              kind: "keyset",
              position,
              backwards: false,
              limit: 1,
            });
            seen.push(...found.rows);
            const last = seen.at(-1) as Row;
            if (!found.more) break;
            assert.ok(seen.length < total, `${name} ends`);
            position = [last[field.at] ?? null, last[0] ?? null];
          }
          assert.deepEqual(seen, whole, `${name}, ${descending}`);
        }
      }
    });

    test("says 422 where it refuses a value by a rule of its own", async () => {
      const unfit = (written: Written<unknown>) =>
        written.kind === "unfit" ? written.fields.map(({ name }) => name) : written.kind;
      const refused: readonly (readonly [Readonly<Record<string, FieldValue>>, readonly string[]])[] = [
        [{ weight: 5_000 }, []],
        [{ weight: 1e300 }, ["weight"]],
        [{ weight: 1e-300, label: "fits" }, ["weight"]],
        [{ small: 100_000 }, ["small"]],
        [{ price: "99999999999999.00", small: 100_000, big: "1" }, ["small", "price"]],
        [{ code: "x".repeat(20) }, ["code"]],
        [{ state: "no state" }, ["state"]],
      ];
      for (const [values, names] of refused)
        assert.deepEqual(unfit(await create(values)), names, JSON.stringify(values));
      assert.deepEqual(unfit(await change(1, put("weight", 5_000))), []);
      assert.deepEqual(unfit(await change(1, put("small", 100_000))), ["small"]);
    });
  });
});
