/**
 * What a client that reads a long list sees while others write: docs/pagination.md says it, this holds it. With
 * TURNPIKE_FULL=1 over 100,000 rows, and with the figures of pages far behind.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { resourcesOf } from "../../src/config/testdata/resources.ts";
import type { Database } from "../../src/core/database.ts";
import type { FieldValue, Row } from "../../src/core/resource.ts";
import { onBothDatabases } from "../harness/databases.ts";
import { ResourceStand } from "../harness/resource-stand.ts";
import { caller, startService, type TestService } from "../harness/service.ts";

const FULL = process.env["TURNPIKE_FULL"] === "1";
const ROWS = FULL ? 100_000 : 1_500;
const LIMIT = FULL ? 100 : 20;
/** Of rows that others insert and delete, each. */
const CHURN_PER_SECOND = 1_000;

const definitions: Parameters<typeof resourcesOf>[0] = {
  items: {
    owner: true,
    list: { maxLimit: 100, deepest: 100_000 },
    fields: { name: "string", rank: { type: "integer", nullable: true }, touched: "boolean" },
    indexes: [["rank"]],
  },
};

const acme = caller("acme", ["items:read", "items:write"]);

interface ListBody {
  readonly data: readonly { readonly id: string; readonly name: string }[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
  readonly prev_cursor: string | null;
}

onBothDatabases((dialect) => {
  describe("a long list", () => {
    let service: TestService;
    let stand: ResourceStand;
    /** Ids of those that stay. */
    let stable: ReadonlySet<string>;

    before(async () => {
      const { store } = await dialect.newDatabase();
      const made = resourcesOf(definitions, { store });
      service = await startService(store, made);
      stand = await ResourceStand.open(store, made.resources);
      stable = await fill(stand.database, ROWS);
    });
    after(async () => {
      await stand?.close();
      await service?.close();
    });

    async function read(query: string): Promise<ListBody> {
      // As a request that comes in by a socket: others have their turn.
      await turn();
      const answer = await service.ask("GET", `/items?limit=${LIMIT}${query}`, { as: acme });
      assert.equal(answer.status, 200, answer.text);
      return answer.json;
    }

    /** To the end, and from there back to the beginning. */
    async function walk(sort: string): Promise<{ readonly there: string[]; readonly back: string[] }> {
      let page = await read(sort);
      const there = idsOf(page);
      while (page.next_cursor !== null) {
        page = await read(`${sort}&cursor=${page.next_cursor}`);
        there.push(...idsOf(page));
      }
      const back = idsOf(page).toReversed();
      while (page.prev_cursor !== null) {
        page = await read(`${sort}&cursor=${page.prev_cursor}`);
        back.push(...idsOf(page).toReversed());
      }
      return { there, back };
    }

    for (const [order, sort] of [
      ["in its own order", ""],
      ["in the order of a field that many have not", "&sort=-rank"],
    ] as const) {
      test(`${order} shows every row that is there throughout once, while others are inserted and deleted`, async (t) => {
        const churn = new Churn(stand.database);
        const { there, back } = await churn.during(() => walk(sort));
        for (const seen of [there, back]) {
          assert.equal(new Set(seen).size, seen.length, "no row comes twice");
          assert.equal(seen.filter((id) => stable.has(id)).length, stable.size);
        }
        assert.ok(
          there.some((id) => !stable.has(id)),
          "rows of the others were seen, too",
        );
        t.diagnostic(
          `${dialect.name}, ${order}: ${there.length} and ${back.length} rows, while ${churn.figures}`,
        );
      });
    }

    test("costs at its 1,000th page what it costs at the first", {
      skip: !FULL && "takes TURNPIKE_FULL=1",
    }, async (t) => {
      let cursor = "";
      for (let page = 1; page < 1_000; page++) cursor = `&cursor=${(await read(cursor)).next_cursor}`;
      assert.notEqual((await read(cursor)).data.length, 0);
      // Cost of reading is held by plans.test.ts, in rows; times are for people.
      const times: Record<string, number[]> = { first: [], last: [] };
      for (let round = 0; round < 300; round++) {
        for (const [name, query] of [
          ["first", ""],
          ["last", cursor],
        ] as const) {
          const start = performance.now();
          await read(query);
          times[name]?.push(performance.now() - start);
        }
      }
      const [first, last] = [median(times["first"]), median(times["last"])];
      t.diagnostic(
        `${dialect.name}: page 1 takes ${first.toFixed(3)} ms, page 1,000 ${last.toFixed(3)} ms: ${(last / first).toFixed(2)} times`,
      );
    });
  });

  describe("pages by number", () => {
    let service: TestService;

    before(async () => {
      const { store } = await dialect.newDatabase();
      service = await startService(store, resourcesOf(definitions, { store }));
    });
    after(() => service?.close());

    const create = async (name: string): Promise<string> => {
      service.clock.advance(1_000);
      const answer = await service.ask("POST", "/items", { as: acme, body: { name } });
      assert.equal(answer.status, 201, answer.text);
      return answer.json.id;
    };
    const page = async (query: string): Promise<ListBody> =>
      (await service.ask("GET", `/items?limit=3${query}`, { as: acme })).json;
    const namesOf = ({ data }: ListBody): string => data.map(({ name }) => name).join(" ");

    test("repeat a row when one comes in before them, and leave one out when one goes; cursors do neither", async () => {
      const ids = new Map<string, string>();
      for (const name of ["1", "2", "3", "4", "5", "6", "7", "8", "9"]) ids.set(name, await create(name));
      const first = await page("");
      assert.equal(namesOf(await page("&page=1")), "9 8 7");
      assert.equal(namesOf(first), "9 8 7");

      ids.set("new", await create("new"));
      assert.equal(namesOf(await page("&page=2")), "7 6 5", "7 has been on page 1");
      const second = await page(`&cursor=${first.next_cursor}`);
      assert.equal(namesOf(second), "6 5 4");

      for (const name of ["new", "9"]) await service.ask("DELETE", `/items/${ids.get(name)}`, { as: acme });
      assert.equal(namesOf(await page("&page=2")), "5 4 3");
      assert.equal(namesOf(await page("&page=1")), "8 7 6");
      await service.ask("DELETE", `/items/${ids.get("8")}`, { as: acme });
      assert.equal(namesOf(await page("&page=2")), "4 3 2", "5 is on no page that was read after the other");
      assert.equal(namesOf(await page(`&cursor=${second.next_cursor}`)), "3 2 1");
    });
  });
});

const idsOf = ({ data }: ListBody): string[] => data.map(({ id }) => id);

const median = (times: readonly number[] = []): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

const idOf = (number: number): string => `ite_${String(number).padStart(26, "0")}`;

/** Three of each time have the same; a third of the rows has no rank, and the others share seven. */
async function fill(database: Database, count: number): Promise<ReadonlySet<string>> {
  const numbers = Array.from({ length: count }, (_, number) => number);
  for (let start = 0; start < count; start += 10_000) {
    await insert(
      database,
      numbers
        .slice(start, start + 10_000)
        .map((number) => [idOf(number), timeOf(number / count), number % 3 === 0 ? null : number % 7]),
    );
  }
  await database.run({ text: "ANALYZE" }, []);
  return new Set(numbers.map(idOf));
}

const START = Date.UTC(2026, 0, 1);
const SPAN = 1_000_000;

/** `part` of the time over which rows were made, from 0 up to 1, to three microseconds. */
function timeOf(part: number): string {
  const micros = Math.floor((part * SPAN * 1_000) / 3_000) * 3_000;
  const millis = new Date(START + Math.floor(micros / 1_000)).toISOString();
  return `${millis.slice(0, -1)}${String(micros % 1_000).padStart(3, "0")}Z`;
}

async function insert(database: Database, rows: readonly Row[]): Promise<void> {
  const columns = "(id, name, rank, owner, created_at, updated_at, revision)";
  const text =
    database.dialect === "sqlite"
      ? `INSERT INTO items ${columns} SELECT value ->> 0, 'x', value ->> 2, 'acme', value ->> 1, value ->> 1, 1 FROM json_each($1)`
      : `INSERT INTO items ${columns} SELECT v ->> 0, 'x', (v ->> 2)::bigint, 'acme', (v ->> 1)::timestamptz, (v ->> 1)::timestamptz, 1 FROM jsonb_array_elements($1::jsonb) AS v`;
  await database.run({ text, name: "churn-insert" }, [JSON.stringify(rows)]);
}

async function remove(database: Database, ids: readonly string[]): Promise<void> {
  const list =
    database.dialect === "sqlite"
      ? "SELECT value FROM json_each($1)"
      : "SELECT jsonb_array_elements_text($1::jsonb)";
  await database.run({ text: `DELETE FROM items WHERE id IN (${list})`, name: "churn-delete" }, [
    JSON.stringify(ids),
  ]);
}

/** Rows that come and go all over the list, each a moment later. */
class Churn {
  readonly #database: Database;
  readonly #alive: string[] = [];
  #made = 0;
  #deleted = 0;
  #seconds = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  get figures(): string {
    const rate = (count: number): string => (count / this.#seconds).toFixed(0);
    return `${rate(this.#made)} rows a second were inserted and ${rate(this.#deleted)} deleted`;
  }

  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    const start = performance.now();
    let running = true;
    const writing = (async () => {
      while (running) {
        this.#seconds = (performance.now() - start) / 1_000;
        if (this.#made < this.#seconds * CHURN_PER_SECOND)
          await this.#some(Math.min(200, Math.ceil(this.#seconds * CHURN_PER_SECOND - this.#made)));
        await turn();
      }
    })();
    try {
      return await work();
    } finally {
      running = false;
      await writing;
      await remove(this.#database, this.#alive.splice(0));
    }
  }

  async #some(count: number): Promise<void> {
    const rows = Array.from({ length: count }, (): FieldValue[] => {
      const id = idOf(Math.floor(Math.random() * 1e15)).replace("ite_0", "ite_z");
      return [id, timeOf(Math.random()), Math.random() < 0.3 ? null : Math.floor(Math.random() * 7)];
    });
    await insert(this.#database, rows);
    this.#alive.push(...rows.map(([id]) => String(id)));
    this.#made += count;
    // Half of them the latest, half the oldest: some live on while many pages are read.
    const gone =
      this.#alive.length < 200
        ? []
        : [...this.#alive.splice(0, count >> 1), ...this.#alive.splice(-(count - (count >> 1)))];
    await remove(this.#database, gone);
    this.#deleted += gone.length;
  }
}
