/** Idempotency on PostgreSQL: the contract, and what only several processes on one database can show. */
import { after, before, describe } from "node:test";
import { openRecords } from "../../src/stores/records/open.ts";
import { TestPostgres, withoutPostgres } from "../harness/postgres.ts";
import { recordsContract } from "../idempotency/records-contract.ts";

describe("on PostgreSQL", { skip: withoutPostgres() }, () => {
  let postgres: TestPostgres;
  let database = "";
  before(async () => {
    postgres = await TestPostgres.start();
    database = await postgres.database();
    await (await openRecords(database)).close();
    await stopClock();
  });
  after(() => postgres?.stop());

  /** From here on the database's clock moves by hand only. */
  async function stopClock(): Promise<void> {
    const name = new URL(database).username;
    await postgres.query("CREATE TABLE clock AS SELECT turnpike.now() AS now", name);
    await postgres.query(`GRANT SELECT ON clock TO ${name}`, name);
    const body = "SELECT now FROM public.clock";
    await postgres.query(
      `CREATE OR REPLACE FUNCTION turnpike.now() RETURNS bigint LANGUAGE sql VOLATILE AS '${body}'`,
      name,
    );
  }

  recordsContract({
    name: "PostgreSQL",
    open: () => openRecords(database),
    advance: async (milliseconds) => {
      await postgres.query(`UPDATE clock SET now = now + ${milliseconds}`, new URL(database).username);
    },
  });
});
