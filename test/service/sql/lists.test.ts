/** Lists against a model: an array that is filtered and sorted by what the documentation says (docs/pagination.md). */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { resourcesOf } from "../../../src/config/testdata/resources.ts";
import type { Field, FieldValue, Row, SortKey } from "../../../src/core/resource.ts";
import { type CursorScope, Cursors } from "../../../src/service/resources/cursor.ts";
import { positionOf } from "../../../src/service/resources/operations-read.ts";
import type { Filter, Found, Selection } from "../../../src/service/resources/store.ts";
import { onBothDatabases } from "../../harness/databases.ts";
import { ResourceStand } from "../../harness/resource-stand.ts";

const definitions: Parameters<typeof resourcesOf>[0] = {
  things: {
    owner: true,
    softDelete: true,
    timestamps: false,
    list: { limit: 5, sort: "title" },
    fields: {
      title: "string",
      label: { type: "string", maxLength: 20, required: true },
      rank: "integer",
      size: { type: "integer", required: true },
      score: "number",
      at: { type: "datetime", required: true },
      day: "date",
      ok: "boolean",
      uuid: "uuid",
    },
    indexes: [["rank", "label"]],
  },
};

/** Few of each, so that there are equals; and those that collations, rounding and encodings get wrong. */
const VALUES: Readonly<Record<string, fc.Arbitrary<FieldValue>>> = {
  title: fc.constantFrom(
    null,
    "",
    "a",
    "B",
    "b",
    "ä",
    "Z",
    "ß",
    "\u{1F600}",
    "\uFFFD",
    "e\u0301",
    "é",
    "x".repeat(254),
    `${"x".repeat(254)}y`,
    `${"x".repeat(255)}y`,
  ),
  label: fc.constantFrom("a", "A", "a ", "_", "%", "'", '"', "\\", "$1", "\u{10000}", "\uE000"),
  rank: fc.constantFrom(null, 0, 1, 2, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
  size: fc.integer({ min: 0, max: 3 }),
  score: fc.constantFrom(null, 0, 0.1, 0.30000000000000004, 0.3, 1e300, -1e-300, 5e-324),
  at: fc.constantFrom(
    "2026-11-22T15:30:18.123Z",
    "2026-11-22T15:30:18.123456Z",
    "2026-11-22T15:30:18.123457Z",
    "2026-11-22T15:30:18.000Z",
    "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999999Z",
  ),
  day: fc.constantFrom(null, "2026-02-28", "2026-03-01", "0001-01-01", "9999-12-31"),
  ok: fc.constantFrom(null, true, false),
  uuid: fc.constantFrom(
    null,
    "00000000-0000-0000-0000-000000000000",
    "0190a1b2-0000-7000-8000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
  ),
};
const NAMES = Object.keys(VALUES);

interface Wanted {
  readonly filters: readonly (readonly [
    name: string,
    comparison: Filter["comparison"],
    values: readonly FieldValue[],
  ])[];
  readonly sort: readonly (readonly [name: string, descending: boolean])[];
  readonly limits: readonly number[];
}

const some = (name: string): fc.Arbitrary<FieldValue> =>
  (VALUES[name] as fc.Arbitrary<FieldValue>).filter((value) => value !== null);

const filters: fc.Arbitrary<Wanted["filters"][number]> = fc
  .constantFrom(...NAMES)
  .chain((name) =>
    fc.oneof(
      fc.tuple(
        fc.constant(name),
        fc.constantFrom("eq", "ne", "gt", "gte", "lt", "lte"),
        fc.tuple(some(name)),
      ),
      fc.tuple(fc.constant(name), fc.constant("in"), fc.array(some(name), { maxLength: 5 })),
      fc.tuple(fc.constant(name), fc.constant("null"), fc.tuple(fc.boolean())),
    ),
  ) as fc.Arbitrary<Wanted["filters"][number]>;

const wanted: fc.Arbitrary<Wanted> = fc.record({
  filters: fc.array(filters, { maxLength: 2 }),
  sort: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES, "id"), fc.boolean()), {
    maxLength: 4,
    selector: ([name]) => name,
  }),
  limits: fc.array(fc.constantFrom(1, 2, 3, 5, 7, 50), { minLength: 1, maxLength: 3 }),
});

/** By the bytes of UTF-8, as both databases do; numbers as numbers; false before true. */
function compare(one: FieldValue, other: FieldValue): number {
  if (typeof one === "string" && typeof other === "string")
    return Buffer.compare(Buffer.from(one), Buffer.from(other));
  return Number(one) - Number(other);
}

/** What counts of a text in an order. */
const counted = ({ name }: Field, value: FieldValue): FieldValue =>
  name === "title" && typeof value === "string" ? [...value].slice(0, 255).join("") : value;

/** Times with and without microseconds are texts of different lengths. */
const comparable = ({ type }: Field, value: FieldValue): FieldValue =>
  type === "datetime" && typeof value === "string" && value.length === 24
    ? `${value.slice(0, -1)}000Z`
    : value;

function holds({ field, comparison, values: [value = null, ...more] }: Filter, row: Row): boolean {
  const own = row[field.at] ?? null;
  if (comparison === "null") return (own === null) === value;
  if (comparison === "ne") return own !== value;
  if (own === null) return false;
  const order = compare(comparable(field, own), comparable(field, value));
  switch (comparison) {
    case "gt":
      return order > 0;
    case "gte":
      return order >= 0;
    case "lt":
      return order < 0;
    case "lte":
      return order <= 0;
    case "in":
      return [value, ...more].includes(own);
    default:
      return own === value;
  }
}

/** Whoever has no value comes last, either way; the id decides in the end. */
function inOrder(rows: readonly Row[], sort: readonly SortKey[], id: Field): Row[] {
  const keys = sort.some(({ field }) => field === id)
    ? sort
    : [...sort, { field: id, descending: sort.at(-1)?.descending ?? false }];
  return rows.toSorted((one, other) => {
    for (const { field, descending } of keys) {
      const [a, b] = [one, other].map((row) => comparable(field, counted(field, row[field.at] ?? null))) as [
        FieldValue,
        FieldValue,
      ];
      if (a === b) continue;
      if (a === null) return 1;
      if (b === null) return -1;
      return descending ? compare(b, a) : compare(a, b);
    }
    return 0;
  });
}

onBothDatabases((dialect) => {
  describe("a list", () => {
    let stand: ResourceStand;
    let owners = 0;
    const cursors = new Cursors(Buffer.alloc(32, 3), { wall: () => 0 });

    before(async () => {
      const { store } = await dialect.newDatabase();
      stand = await ResourceStand.open(store, resourcesOf(definitions, { store }).resources);
    });
    after(() => stand?.close());

    async function filled(
      rows: readonly Readonly<Record<string, FieldValue>>[],
    ): Promise<{ owner: string; rows: Row[] }> {
      const owner = `owner-${owners++}`;
      const things = stand.resource("things");
      const made = rows.map((values) => stand.row("things", values, owner));
      const decided = (row: Row) => () => ({ row, referred: [], event: null, kept: null, result: null });
      await Promise.all(made.map((row) => stand.store.create(things, null, decided(row))));
      return { owner, rows: made };
    }

    function selectionOf(owner: string, { filters: conditions, sort }: Wanted): Selection {
      return {
        resource: stand.resource("things"),
        owner,
        filters: conditions.map(([name, comparison, values]) => ({
          field: stand.field("things", name),
          comparison,
          values,
        })),
        sort: sort.map(([name, descending]) => ({ field: stand.field("things", name), descending })),
      };
    }

    /** All pages one way, by cursors as clients pass them on. */
    async function walk(selection: Selection, limits: readonly number[], backwards: boolean): Promise<Row[]> {
      const scope: CursorScope = { ...selection, version: "", parent: "" };
      const seen: Row[] = [];
      let position: readonly FieldValue[] | null = null;
      for (let page = 0; ; page++) {
        const limit = limits[page % limits.length] as number;
        const found: Found = await stand.store.list(selection, {
          kind: "keyset",
          position,
          backwards,
          limit,
        });
        assert.ok(found.rows.length <= limit);
        seen.splice(backwards ? 0 : seen.length, 0, ...found.rows);
        assert.ok(seen.length < 1_000, "the list ends");
        if (!found.more) return seen;
        assert.equal(found.rows.length, limit);
        const edge = found.rows.at(backwards ? 0 : -1) as Row;
        ({ position } = cursors.read(scope, cursors.write(scope, positionOf(edge, selection), backwards)));
      }
    }

    test("read forwards, backwards and by page numbers is the model's, whatever is filtered and sorted by", async () => {
      const table = fc.array(fc.record(VALUES as Record<string, fc.Arbitrary<FieldValue>>), {
        maxLength: 25,
      });
      await fc.assert(
        fc.asyncProperty(table, fc.array(wanted, { minLength: 3, maxLength: 3 }), async (values, lists) => {
          const { owner, rows } = await filled(values);
          for (const list of lists) {
            const selection = selectionOf(owner, list);
            const kept = rows.filter((row) =>
              selection.filters.every((filter) => filter.values.length > 0 && holds(filter, row)),
            );
            const expected = inOrder(kept, selection.sort, stand.resource("things").id);
            assert.deepEqual(await walk(selection, list.limits, false), expected, "forwards");
            assert.deepEqual(await walk(selection, list.limits, true), expected, "backwards");
            assert.equal(await stand.store.count(selection), expected.length);
            const offset = Math.floor(expected.length / 2);
            const page = await stand.store.list(selection, { kind: "offset", offset, limit: 4 });
            assert.deepEqual(page.rows, expected.slice(offset, offset + 4), "by page");
            assert.equal(page.more, expected.length > offset + 4);
          }
        }),
        { numRuns: process.env["TURNPIKE_FULL"] === "1" ? 500 : 30 },
      );
    });

    test("finds a long text by all of it, not by what it is sorted by", async () => {
      const long = "x".repeat(300);
      const { owner } = await filled(
        [long, `${long}y`, "x"].map((title) => ({
          title,
          label: "a",
          size: 0,
          at: "2026-11-22T15:30:18.123Z",
        })),
      );
      const counts = [long, `${long}y`, "x".repeat(255), "x"].map((title) =>
        stand.store.count(selectionOf(owner, { filters: [["title", "eq", [title]]], sort: [], limits: [] })),
      );
      assert.deepEqual(await Promise.all(counts), [1, 1, 0, 1]);
    });

    test("goes on from the place of a row that has been deleted, in both directions", async () => {
      const { owner, rows } = await filled(
        Array.from({ length: 9 }, (_, size) => ({ label: "a", size, at: "2026-11-22T15:30:18.123Z" })),
      );
      const selection = selectionOf(owner, { filters: [], sort: [["size", false]], limits: [] });
      const gone = rows[4] as Row;
      const things = stand.resource("things");
      const position = positionOf(gone, selection);
      await stand.store.change(things, gone[0] as string, owner, null, () => ({
        row: null,
        referred: [],
        event: null,
        kept: null,
        result: null,
      }));
      const sizes = async (backwards: boolean) =>
        (await stand.store.list(selection, { kind: "keyset", position, backwards, limit: 3 })).rows.map(
          (row) => row[stand.field("things", "size").at],
        );
      assert.deepEqual(await sizes(false), [5, 6, 7]);
      assert.deepEqual(await sizes(true), [1, 2, 3]);
    });

    test("is made of as many statements as there are kinds of it, whatever clients write", async () => {
      const hostile = [
        "'; DROP TABLE things; --",
        '" OR 1=1',
        "$1",
        "?1",
        "\\",
        "%",
        "x".repeat(300),
        "0) UNION SELECT 1 --",
      ];
      const texts = async (text: string, number: number): Promise<string[]> => {
        stand.database.asked.length = 0;
        for (const comparison of ["eq", "ne", "gt", "in"] as const) {
          const selection = selectionOf(text, {
            filters: [
              ["label", comparison, [text]],
              ["rank", comparison, [number]],
            ],
            sort: [["title", false]],
            limits: [],
          });
          await stand.store.list(selection, {
            kind: "keyset",
            position: [text, `thi_${text}`],
            backwards: false,
            limit: 1 + Math.abs(number % 90),
          });
          await stand.store.list(selection, { kind: "offset", offset: Math.abs(number % 1_000), limit: 7 });
          await stand.store.count(selection);
        }
        await stand.store.get(stand.resource("things"), text, text);
        await stand.store.getMany(stand.resource("things"), [text, `${text}x`, `${text}y`], text);
        return [...stand.database.texts];
      };
      const first = await texts("plain", 7);
      for (const [at, text] of hostile.entries()) {
        assert.deepEqual(await texts(text, at * 1_001 + 2), first);
        assert.ok(first.every((statement) => !statement.includes("DROP")));
      }
    });
  });
});
