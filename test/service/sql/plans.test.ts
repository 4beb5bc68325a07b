/** What lists cost: the rows that the database reads for a page, far behind as in front. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { resourcesOf } from "../../../src/config/testdata/resources.ts";
import type { Query } from "../../../src/core/database.ts";
import type { FieldValue } from "../../../src/core/resource.ts";
import type { Page, Selection } from "../../../src/service/resources/store.ts";
import { onBothDatabases } from "../../harness/databases.ts";
import { ResourceStand } from "../../harness/resource-stand.ts";

const ROWS = 20_000;
const LIMIT = 20;

const definitions: Parameters<typeof resourcesOf>[0] = {
  customers: { owner: { field: "account", scope: "customers:all" }, fields: { name: "string" } },
  orders: {
    owner: true,
    softDelete: true,
    fields: {
      customer: { ref: "customers", required: true },
      status: { type: "string", maxLength: 20, required: true },
      rank: { type: "integer", nullable: true },
      paid_at: { type: "datetime", nullable: true },
    },
    indexes: [["status", "rank"], ["paid_at"], ["rank", "paid_at"]],
  },
  notes: { owner: true, fields: { due: { type: "date", nullable: true } }, list: { sort: "-due" } },
};

const numbers = {
  sqlite: "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT $1)",
  postgres: "WITH n AS (SELECT generate_series(0, $1::int - 1) AS i)",
};

onBothDatabases((dialect) => {
  describe("a page of a list", () => {
    let stand: ResourceStand;

    before(async () => {
      const { store } = await dialect.newDatabase();
      stand = await ResourceStand.open(store, resourcesOf(definitions, { store }).resources);
      await fill();
    });
    after(() => stand?.close());

    /** Of two owners, nearly all of the first; times repeat, and a fifth of the orders has no rank. */
    async function fill(): Promise<void> {
      const padded = dialect.name === "sqlite" ? "printf('%06d', i)" : "lpad(i::text, 6, '0')";
      const time =
        dialect.name === "sqlite"
          ? "'2026-11-22T15:30:18.' || printf('%06d', i / 3) || 'Z'"
          : "('2026-11-22T15:30:18.' || lpad((i / 3)::text, 6, '0') || 'Z')::timestamptz";
      const day =
        dialect.name === "sqlite"
          ? "CASE WHEN i % 2 = 0 THEN '2026-11-' || printf('%02d', 1 + i % 28) END"
          : "CASE WHEN i % 2 = 0 THEN date '2026-11-01' + i % 28 END";
      const n = numbers[dialect.name];
      const run = (text: string) => stand.database.run({ text: `${n} ${text}` }, [ROWS]);
      await run(
        `INSERT INTO customers (id, name, account, created_at, updated_at, revision) SELECT 'cus_' || ${padded}, 'x', CASE WHEN i % 10 = 9 THEN 'b' ELSE 'a' END, ${time}, ${time}, 1 FROM n WHERE i < $1`,
      );
      await run(
        `INSERT INTO orders (id, customer, status, rank, paid_at, owner, created_at, updated_at, revision) SELECT 'ord_' || ${padded}, CASE WHEN i % 2 = 0 THEN 'cus_000000' ELSE 'cus_' || ${padded} END, CASE WHEN i % 3 = 0 THEN 'open' ELSE 'paid' END, CASE WHEN i % 5 > 0 THEN i % 7 END, CASE WHEN i % 4 > 0 THEN ${time} END, CASE WHEN i % 10 = 9 THEN 'b' ELSE 'a' END, ${time}, ${time}, 1 FROM n WHERE i < $1`,
      );
      await run(
        `INSERT INTO notes (id, due, owner, created_at, updated_at, revision) SELECT 'not_' || ${padded}, ${day}, 'a', ${time}, ${time}, 1 FROM n WHERE i < $1`,
      );
      await stand.database.run({ text: "ANALYZE" }, []);
    }

    async function asked(selection: Selection, page: Page): Promise<Query> {
      stand.database.asked.length = 0;
      await stand.store.list(selection, page);
      return stand.database.asked[0] as Query;
    }

    /** The position of the row in the middle of the list, as a page there has it. */
    async function middle(selection: Selection, length: number): Promise<FieldValue[]> {
      const { rows } = await stand.store.list(selection, {
        kind: "offset",
        offset: Math.floor(length / 2),
        limit: 1,
      });
      const row = rows[0] ?? [];
      return [...selection.sort.map(({ field }) => field), selection.resource.id].map(
        ({ at }) => row[at] ?? null,
      );
    }

    function selection(
      name: string,
      sort: readonly string[],
      by: Readonly<Record<string, FieldValue>> = {},
      owner: string | null = "a",
    ): Selection {
      const resource = stand.resource(name);
      return {
        resource,
        owner,
        filters: Object.entries(by).map(([field, value]) => ({
          field: stand.field(name, field),
          comparison: "eq",
          values: [value],
        })),
        sort:
          sort.length === 0
            ? resource.sort
            : sort.map((word) => ({
                field: stand.field(name, word.replace("-", "")),
                descending: word.startsWith("-"),
              })),
      };
    }

    const cases: readonly (readonly [what: string, list: () => Selection, pieces: number])[] = [
      ["in the list's own order", () => selection("orders", []), 1],
      ["in its order, of everybody's", () => selection("customers", [], {}, null), 1],
      ["inside another object", () => selection("orders", [], { customer: "cus_000000" }), 1],
      ["by a declared index, of one value", () => selection("orders", ["rank"], { status: "paid" }), 3],
      ["by a declared index, backwards", () => selection("orders", ["-rank"], { status: "paid" }), 3],
      ["by what many have not", () => selection("orders", ["-paid_at"]), 3],
      ["in an order of its own that many have no value of", () => selection("notes", []), 3],
    ];

    for (const [what, list, pieces] of cases) {
      for (const [where, backwards, at] of [
        ["at the front", false, "start"],
        ["at the end", true, "start"],
        ["in the middle", false, "middle"],
        ["in the middle, backwards", true, "middle"],
      ] as const) {
        test(`${what} reads no more than it shows, ${where}`, async () => {
          const chosen = list();
          const position = at === "start" ? null : await middle(chosen, await stand.store.count(chosen));
          const query = await asked(chosen, { kind: "keyset", position, backwards, limit: LIMIT });
          if (dialect.name === "postgres") {
            const read = await rowsRead(query);
            assert.ok(read <= pieces * (LIMIT + 1), `${read} rows were read: ${query.statement.text}`);
          } else await assertRanges(query);
        });
      }
    }

    /** By every scan of the plan, with those that a filter has thrown away. */
    async function rowsRead({ statement, values }: Query): Promise<number> {
      const [[plan] = []] = await stand.database.query(
        { text: `EXPLAIN (ANALYZE, FORMAT JSON) ${statement.text}` },
        values,
      );
      return scanned(
        (JSON.parse(String(plan)) as readonly { readonly Plan: PlanNode }[])[0]?.Plan as PlanNode,
      );
    }

    /** SQLite does not say how many rows it reads, but for each table whether it looks for a place, and whether it sorts. */
    async function assertRanges({ statement, values }: Query): Promise<void> {
      const plan = (await stand.database.query({ text: `EXPLAIN QUERY PLAN ${statement.text}` }, values)).map(
        (row) => String(row[3]),
      );
      const tables = plan.filter((line) => /^(?:SEARCH|SCAN) o\b/.test(line));
      const pieces = statement.text.split("UNION ALL").length;
      assert.equal(tables.length, pieces + (pieces > 1 ? 1 : 0), plan.join("\n"));
      for (const line of tables) {
        const ordered = /^SEARCH o USING (?:COVERING )?INDEX|^SCAN o USING (?:COVERING )?INDEX/.test(line);
        assert.ok(ordered || (pieces > 1 && line === "SCAN o"), plan.join("\n"));
      }
      // Of several pieces the whole is sorted: so many rows as the pieces have.
      const sorts = plan.filter((line) => line.includes("TEMP B-TREE"));
      assert.equal(sorts.length, pieces > 1 ? 1 : 0, plan.join("\n"));
    }
  });
});

interface PlanNode {
  readonly "Node Type": string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

function scanned(node: PlanNode): number {
  const inner = (node.Plans ?? []).reduce((sum, one) => sum + scanned(one), 0);
  if (!/^(?:Seq|Index|Index Only|Bitmap Heap) Scan$/.test(node["Node Type"])) return inner;
  return inner + node["Actual Loops"] * (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0));
}
