/** The shop of `shop.ts` on both databases, for suites that run over each. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { TestPostgres, withoutPostgres } from "../harness/postgres.ts";
import { startService, type TestService } from "../harness/service.ts";
import { shopOf } from "./shop.ts";

/** Asks for the service when a test runs: it is started once for all tests of the suite. */
export type Stand = () => TestService;

export function onBothDatabases(
  what: string,
  suite: (stand: Stand, dialect: "sqlite" | "postgres") => void,
): void {
  describe(`${what}, on SQLite`, () => {
    let folder: string;
    suite(
      standing(
        async () => {
          folder = await mkdtemp(join(tmpdir(), "turnpike-service-"));
          return join(folder, "service.db");
        },
        () => rm(folder, { recursive: true, force: true }),
      ),
      "sqlite",
    );
  });
  describe(`${what}, on PostgreSQL`, { skip: withoutPostgres() }, () => {
    let postgres: TestPostgres | undefined;
    suite(
      standing(
        async () => {
          postgres = await TestPostgres.start();
          return postgres.database();
        },
        async () => postgres?.stop(),
      ),
      "postgres",
    );
  });
}

function standing(open: () => Promise<string>, remove: () => Promise<unknown>): Stand {
  let service: TestService | undefined;
  before(async () => {
    const store = await open();
    const { resources, plan } = shopOf(store);
    service = await startService(store, { resources, plan, hookTimeout: 2_000 });
  });
  after(async () => {
    await service?.close();
    await remove();
  });
  return () => service as TestService;
}
