/** The same keyed request, many times at once, over lanes and over processes: one row, one answer. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { TestPostgres, withoutPostgres } from "../../harness/postgres.ts";
import { CrashStand, type Got, type Payment } from "./stand.ts";

const MANY = 200;

let references = 0;

/** Who is told to come again, because the machine is slow, does so: he has a key. */
async function payPatiently(stand: CrashStand, reference: string): Promise<Got> {
  for (let tries = 1; ; tries++) {
    const got = await stand.pay(reference);
    if (got?.status !== 503 || tries === 20) return got;
  }
}

/** Half of them to each. */
async function payAtOnce(stands: readonly CrashStand[]): Promise<void> {
  const reference = `many-${references++}`;
  const all = await Promise.all(
    Array.from({ length: MANY }, (_, at) =>
      payPatiently(stands[at % stands.length] as CrashStand, reference),
    ),
  );
  const [stand] = stands as [CrashStand];
  const rows = await stand.find(reference);
  assert.equal(rows.length, 1);
  const [{ id }] = rows as [Payment];
  assert.equal((await stand.events()).get(id)?.length, 1);
  const answers = new Set(all.map((got) => `${got?.status} ${got?.text}`));
  assert.deepEqual([...answers], [`201 ${all[0]?.text}`]);
  assert.equal(all.filter((got) => got?.replayed === false).length, 1);
}

describe(`${MANY} requests with one key at the same time`, () => {
  test("over two lanes are one on SQLite", async (t) => {
    const stand = await CrashStand.start(2);
    t.after(() => stand.stop());
    for (let round = 0; round < 3; round++) await payAtOnce([stand]);
  });

  describe("on PostgreSQL", { skip: withoutPostgres() }, () => {
    let postgres: TestPostgres;
    before(async () => {
      postgres = await TestPostgres.start();
    });
    after(() => postgres?.stop());

    test("over two processes are one", async (t) => {
      const url = await postgres.database();
      const stands = await Promise.all([CrashStand.start(1, url), CrashStand.start(1, url)]);
      for (const stand of stands) t.after(() => stand.stop());
      for (let round = 0; round < 3; round++) await payAtOnce(stands);
    });
  });
});
