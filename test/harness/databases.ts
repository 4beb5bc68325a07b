/** Both databases of resources, each as often as a test wants a new one. */
import { after, before, describe } from "node:test";
import type { Database } from "../../src/core/database.ts";
import { GatewayError } from "../../src/core/errors.ts";
import type { Records } from "../../src/core/records.ts";
import { openRecords } from "../../src/stores/records/open.ts";
import { openDatabase } from "../../src/stores/resources/open.ts";
import { TestPostgres, withoutPostgres } from "./postgres.ts";
import { tempStore } from "./store.ts";

/** A new, empty database with Turnpike's own tables; everything that was opened is closed after the tests. */
export interface NewDatabase {
  /** As in `store.records`, without `sqlite:`. */
  readonly store: string;
  readonly records: Records;
  readonly database: Database;
  /** Another connection to it, as another process would have. */
  open(): Promise<Database>;
}

export interface Dialect {
  readonly name: "sqlite" | "postgres";
  newDatabase(): Promise<NewDatabase>;
  /** The server; only of `postgres`. */
  readonly server: TestPostgres;
}

/** `suite` is called once for each, within a `describe` of its own; PostgreSQL is left out where it is missing. */
export function onBothDatabases(suite: (dialect: Dialect) => void): void {
  onSqlite(suite);
  onPostgres(suite);
}

export function onSqlite(suite: (dialect: Dialect) => void): void {
  describe("on SQLite", () => {
    const endings: (() => Promise<void>)[] = [];
    after(() => endAll(endings));
    suite({
      name: "sqlite",
      async newDatabase() {
        const temp = await tempStore();
        endings.push(() => temp.remove());
        return openAll(temp.file, endings);
      },
      get server(): TestPostgres {
        throw new Error("SQLite has no server");
      },
    });
  });
}

/** `options` as on the server's command line. */
export function onPostgres(suite: (dialect: Dialect) => void, ...options: readonly string[]): void {
  describe("on PostgreSQL", { skip: withoutPostgres() }, () => {
    const endings: (() => Promise<void>)[] = [];
    let server: TestPostgres | undefined;
    before(async () => {
      server = await TestPostgres.start(...options);
    });
    after(async () => {
      await endAll(endings);
      await server?.stop();
    });
    suite({
      name: "postgres",
      async newDatabase() {
        return openAll(await (server as TestPostgres).database(), endings);
      },
      get server(): TestPostgres {
        return server as TestPostgres;
      },
    });
  });
}

/** On a busy machine a database may have too much to do: who is told to come again does so. */
export async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const again = error instanceof GatewayError && error.headers["Retry-After"] !== undefined;
      if (!again || tries === 20) throw error;
    }
  }
}

async function openAll(store: string, endings: (() => Promise<void>)[]): Promise<NewDatabase> {
  const records = await openRecords(store);
  endings.push(() => records.close());
  async function open(): Promise<Database> {
    const database = await openDatabase(store, { connections: 10 });
    endings.push(() => database.close());
    return database;
  }
  return { store, records, open, database: await open() };
}

/** The last first: files are removed when nothing has them open any more. */
async function endAll(endings: readonly (() => Promise<void>)[]): Promise<void> {
  for (const end of endings.toReversed()) await end();
}
