import { after, before, describe } from "node:test";
import type { Records } from "../../src/core/records.ts";
import { openRecords } from "../../src/stores/records/open.ts";
import { TestPostgres, withoutPostgres } from "../harness/postgres.ts";
import { keysContract } from "./keys-contract.ts";
import { revocationsContract } from "./revocations-contract.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

describe("with a PostgreSQL", { skip: withoutPostgres() }, () => {
  let postgres: TestPostgres;
  const opened: Records[] = [];
  before(async () => {
    postgres = await TestPostgres.start();
  });
  after(async () => {
    for (const records of opened) await records.close();
    await postgres?.stop();
  });

  const store: StoreUnderTest = {
    name: "PostgreSQL",
    async newStore() {
      const url = await postgres.database();
      return {
        async open() {
          const records = await openRecords(url);
          opened.push(records);
          return records;
        },
      };
    },
  };

  keysContract(store);
  revocationsContract(store);
});
