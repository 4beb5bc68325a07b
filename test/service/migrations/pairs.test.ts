/** From any definition to any other: what is kept is kept byte for byte, and what is done is done whole. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { FieldType } from "../../../src/core/resource.ts";
import { MigrationRefusal } from "../../../src/service/migrations/index.ts";
import { define } from "../../harness/definitions.ts";
import { type Definitions, onBothDatabases, type Stand } from "./stand.ts";

const RUNS = process.env["TURNPIKE_FULL"] === "1" ? 200 : 6;

const TYPES = [
  "string",
  "integer",
  "number",
  "boolean",
  "datetime",
  "date",
  "uuid",
  "object",
  "array",
] as const;
/** Those of which there are enough different values. */
const UNIQUE: readonly string[] = ["string", "integer", "number", "datetime", "uuid"];
const VALUES: Readonly<Record<(typeof TYPES)[number], readonly unknown[]>> = {
  string: ["", "it's", "7"],
  integer: [0, -3],
  number: [0.5, 3],
  boolean: [true, false],
  datetime: ["2026-01-31T00:00:00.5Z", "now"],
  date: ["2026-02-28", "now"],
  uuid: ["00000000-0000-4000-8000-000000000000"],
  object: [{ a: "it's" }],
  array: [[1, "'"]],
};

interface Sketch {
  readonly fields: Readonly<Record<string, object>>;
  readonly [option: string]: unknown;
}

const field = (usual: (typeof TYPES)[number]) =>
  fc
    .oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...TYPES) })
    .chain((type) =>
      fc.record({
        type: fc.constant(type),
        default: fc.oneof(fc.constant(undefined), fc.constantFrom(...VALUES[type])),
        nullable: seldom(false, true),
        unique: UNIQUE.includes(type) ? seldom(true, false) : fc.constant(false),
      }),
    )
    .map(({ default: given, ...rest }) => ({
      ...rest,
      ...(given === undefined ? { required: !rest.nullable } : { default: given }),
    }));
const seldom = <Value>(one: Value, other: Value) =>
  fc.oneof({ weight: 1, arbitrary: fc.constant(one) }, { weight: 4, arbitrary: fc.constant(other) });
const reference = (to: string) => fc.constant({ ref: to });

const FIELDS: Readonly<Record<string, fc.Arbitrary<object>>> = {
  a: field("string"),
  b: field("integer"),
  c: field("datetime"),
  d: field("object"),
  e: field("boolean"),
  customer: reference("customers"),
  order: reference("orders"),
};
const RESOURCES = ["customers", "orders", "items"];
const START: Readonly<Record<string, Sketch>> = {
  customers: { id: { type: "integer" }, fields: { a: "string", c: "datetime" } as never },
  orders: { owner: true, fields: { customer: { ref: "customers" }, b: { type: "integer", default: 1 } } },
  items: { softDelete: true, fields: { order: { ref: "orders" }, customer: { ref: "customers" } } },
};

const fieldChange = fc
  .tuple(fc.constantFrom(...Object.keys(FIELDS)), fc.boolean())
  .chain(([name, there]) =>
    fc.tuple(fc.constant(name), there ? (FIELDS[name] as fc.Arbitrary<object>) : fc.constant(null)),
  );
const options = fc.record(
  {
    softDelete: fc.boolean(),
    timestamps: fc.boolean(),
    indexes: fc.constantFrom([], [["id"]]),
    id: fc.constantFrom({ type: "integer" }, { type: "uuid" }),
    owner: fc.boolean(),
  },
  { requiredKeys: [] },
);
const edit = fc.record({
  of: fc.constantFrom(...RESOURCES),
  gone: seldom(true, false),
  fields: fc.array(fieldChange, { maxLength: 3 }),
  options: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: options }),
});
type Edit = typeof edit extends fc.Arbitrary<infer Value> ? Value : never;

/** Valid again: the checks of the config are not what is tested here. */
function edited(definitions: Readonly<Record<string, Sketch>>, { of, gone, fields, options: given }: Edit) {
  const { [of]: before, ...others } = definitions;
  if (gone && of !== "customers") return sound(others);
  const changed = { ...before?.fields, ...Object.fromEntries(fields) } as Sketch["fields"];
  return sound({ ...definitions, [of]: { ...before, ...given, fields: changed } });
}

const sound = (definitions: Readonly<Record<string, Sketch>>): Readonly<Record<string, Sketch>> =>
  Object.fromEntries(
    Object.entries(definitions).map(([name, one]) => {
      const kept = Object.entries(one.fields as Record<string, { ref?: string } | null>).filter(
        ([, value]) => value !== null && (value.ref === undefined || value.ref in definitions),
      );
      return [name, { ...one, fields: Object.fromEntries(kept) as Sketch["fields"] }];
    }),
  );

onBothDatabases("a database with rows", (stand) => {
  test("becomes what any other definition asks for, and keeps what both have; or stays as it is", async (t) => {
    let reached = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(edit, fc.boolean(), fc.boolean()), { minLength: 3, maxLength: 8 }),
        async (edits) => {
          const database = await stand();
          let now = START;
          await database.migrate(now);
          await fill(database, now);
          for (const [change, destructive, more] of edits) {
            const next = edited(now, change);
            const shape = await database.shape();
            const [before, all] = [await kept(database, now, next), await kept(database, now, now)];
            try {
              await database.migrate(next, { destructive });
            } catch (error) {
              assert.ok(error instanceof MigrationRefusal, String((error as Error).stack));
              assert.equal(error.cause, undefined, `nothing failed half way: ${error.message}`);
              assert.equal(await database.shape(), shape);
              assert.deepEqual(await kept(database, now, now), all);
              continue;
            }
            reached++;
            assert.deepEqual((await database.plan(next, { destructive })).steps, []);
            assert.deepEqual(await kept(database, now, next), before);
            if (more) await fill(database, next);
            now = next;
          }
          await database.close();
        },
      ),
      { numRuns: RUNS },
    );
    t.diagnostic(`${reached} migrations`);
    assert.ok(reached > 0);
  });
});

let filled = 0;

/** Two rows in each table, as the service would write them: all columns of the definition, and no other. */
async function fill(database: Stand, given: Definitions): Promise<void> {
  const resources = define(given, database.dialect);
  const ids = new Map<string, string>();
  for (const { table, fields: columns, id, name } of resources.values()) {
    for (const row of [0, 1]) {
      filled++;
      const values = columns.map((column) => {
        if (column === id) return literal(column.type, filled);
        if (column.reference !== null)
          return row === 0 && column.nullable
            ? "NULL"
            : (ids.get(column.reference.resource) ?? (column.nullable ? "NULL" : literal(id.type, filled)));
        return row === 1 && column.nullable ? "NULL" : literal(column.type, filled);
      });
      const names = columns.map(({ column }) => `"${column}"`).join(", ");
      await database.query(`INSERT INTO "${table}" (${names}) VALUES (${values.join(", ")})`);
      ids.set(name, values[columns.indexOf(id)] as string);
    }
  }
}

/** Different for each number, in the forms in which they stand in a table of either database. */
function literal(type: FieldType, number: number): string {
  const two = String((number % 28) + 1).padStart(2, "0");
  const four = String(1000 + (number % 9000));
  const forms: Readonly<Partial<Record<FieldType, string>>> = {
    integer: String(number),
    number: `${number}.25`,
    boolean: number % 2 === 0 ? "TRUE" : "FALSE",
    datetime: `'${four}-01-${two}T00:00:00.123456Z'`,
    date: `'${four}-01-${two}'`,
    uuid: `'00000000-0000-4000-8000-${String(number).padStart(12, "0")}'`,
    object: `'{"n":${number}}'`,
    array: `'[${number}]'`,
  };
  return forms[type] ?? `'text ${number} ''"§'`;
}

/** What stands in the columns that both have, of the same type, and that are not filled up by a default. */
async function kept(database: Stand, from: Definitions, to: Definitions): Promise<unknown> {
  const [before, after] = [define(from, database.dialect), define(to, database.dialect)];
  const found: unknown[] = [];
  for (const resource of before.values()) {
    const other = after.get(resource.name);
    if (other === undefined) continue;
    const columns = resource.fields.filter((field) =>
      other.fields.some(
        ({ column, type, nullable }) =>
          column === field.column && type === field.type && nullable === field.nullable,
      ),
    );
    const names = columns.map(({ column }) => `CAST("${column}" AS text)`).join(", ");
    found.push([
      resource.name,
      names,
      await database.query(`SELECT ${names} FROM "${resource.table}" ORDER BY "id"`),
    ]);
  }
  return found;
}
