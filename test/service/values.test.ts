/** Every value that a request may hold comes back as it was, from both databases, and is found by what it is. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { resourcesOf } from "../../src/config/testdata/resources.ts";
import { TestPostgres, withoutPostgres } from "../harness/postgres.ts";
import { startService, type TestService } from "../harness/service.ts";

const RUNS = process.env["TURNPIKE_FULL"] === "1" ? 2_000 : 30;
const own = { noNullPrototype: true } as const;

const fields = {
  text: "string",
  code: "uuid",
  count: "integer",
  ratio: "number",
  flag: "boolean",
  moment: "datetime",
  day: "date",
  data: "object",
  list: "array",
};
const exact = { price: "decimal", serial: "bigint" };

const text = fc.string({ unit: "binary" }).filter((one) => !one.includes("\0"));
/** Integers beyond 2^53 are refused, as they would be rounded. */
const ratio = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((one) => (one === 0 ? 0 : one))
  .filter((one) => !Number.isInteger(one) || Number.isSafeInteger(one));
const plain = fc.oneof(fc.constant(null), fc.boolean(), ratio, text);
const name = text.filter((one) => one !== "__proto__");
const members = fc.dictionary(name, plain, own);
const data = fc.dictionary(name, fc.oneof(plain, fc.array(plain), members), own);
const moment = fc
  .tuple(
    fc.date({
      min: new Date("0001-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59.999Z"),
      noInvalidDate: true,
    }),
    fc.nat(999),
  )
  .map(
    ([date, micros]) =>
      `${date.toISOString().slice(0, 23)}${micros === 0 ? "" : String(micros).padStart(3, "0")}Z`,
  );

const values = {
  text,
  code: fc.uuid(),
  count: fc.oneof(fc.maxSafeInteger(), fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0)),
  ratio,
  flag: fc.boolean(),
  moment,
  day: moment.map((one) => one.slice(0, 10)),
  data,
  list: fc.array(fc.oneof(plain, data), { maxLength: 4 }),
};
const exactValues = {
  price: fc
    .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.nat(9))
    .map(([whole, tenths]) => `${whole}.${tenths}0`)
    .filter((one) => !one.startsWith("-0")),
  serial: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
};
const object = (of: Readonly<Record<string, fc.Arbitrary<unknown>>>) =>
  fc.record(of as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: [], ...own });

function suite(open: () => Promise<string>, remove: () => Promise<unknown>, withExact: boolean): void {
  let service: TestService;
  before(async () => {
    const store = await open();
    const definition = {
      access: { read: "public", write: "public" },
      fields: withExact ? { ...fields, ...exact } : fields,
    };
    const { resources } = resourcesOf({ things: definition } as never, { store });
    service = await startService(store, { resources });
  });
  after(async () => {
    await service?.close();
    await remove();
  });

  const anything = object(withExact ? { ...values, ...exactValues } : values);

  test("comes back as it was when it is created, read, listed and changed", async () => {
    await fc.assert(
      fc.asyncProperty(anything, anything, async (first, second) => {
        const made = await service.ask("POST", "/things", { body: first });
        assert.equal(made.status, 201, made.text);
        assert.deepEqual(pick(made.json, first), first);
        const at = `/things/${made.json.id}`;
        assert.deepEqual((await service.ask("GET", at)).json, made.json);
        const listed = await service.ask("GET", `/things?id=${made.json.id}`);
        assert.deepEqual(listed.json.data, [made.json]);
        const put = await service.ask("PUT", at, { body: second });
        assert.equal(put.status, 200, put.text);
        assert.deepEqual(pick(put.json, second), second);
        for (const name of Object.keys(first))
          if (!(name in second)) assert.equal(put.json[name], null, name);
      }),
      { numRuns: RUNS },
    );
  });

  test("is found by its value, and by being what is neither below nor above it", async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (body) => {
        const made = await service.ask("POST", "/things", { body });
        assert.equal(made.status, 201, made.text);
        const conditions = Object.entries(body)
          .filter(([, value]) => typeof value !== "object")
          .map(([field, value]) => ({
            field,
            ordered: typeof value !== "boolean",
            word: encodeURIComponent(String(value)),
          }));
        const equal = conditions.map(({ field, word }) => {
          const piece = word.replaceAll("%5C", "%5C%5C").replaceAll("%2C", "%5C%2C");
          return `${field}=${word}&${field}[in]=${piece}&${field}[null]=false`;
        });
        const between = conditions
          .filter(({ ordered }) => ordered)
          .map(({ field, word }) => `${field}[gte]=${word}&${field}[lte]=${word}`);
        for (const all of [equal, between]) {
          const found = await service.ask("GET", `/things?${[`id=${made.json.id}`, ...all].join("&")}`);
          assert.equal(found.status, 200, found.text);
          assert.deepEqual(found.json.data, [made.json]);
        }
        for (const { field, word } of conditions) {
          const others = await service.ask(
            "GET",
            `/things?id=${made.json.id}&${field}[ne]=${word}&sort=-${field}`,
          );
          assert.deepEqual([others.status, others.json.data], [200, []], field);
        }
      }),
      { numRuns: RUNS },
    );
  });
}

const pick = (object: Readonly<Record<string, unknown>>, like: object): unknown =>
  Object.fromEntries(Object.keys(like).map((name) => [name, object[name]]));

describe("a value, on SQLite", () => {
  let folder: string;
  suite(
    async () => {
      folder = await mkdtemp(join(tmpdir(), "turnpike-values-"));
      return join(folder, "values.db");
    },
    () => rm(folder, { recursive: true, force: true }),
    false,
  );
});

describe("a value, on PostgreSQL", { skip: withoutPostgres() }, () => {
  let postgres: TestPostgres | undefined;
  suite(
    async () => {
      postgres = await TestPostgres.start();
      return postgres.database();
    },
    async () => postgres?.stop(),
    true,
  );
});
