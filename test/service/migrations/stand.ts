import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe } from "node:test";
import type { Rows } from "../../../src/core/database.ts";
import type { Resource } from "../../../src/core/resource.ts";
import type { SchemaSession } from "../../../src/core/schema-session.ts";
import {
  type MigrationOptions,
  type MigrationPlan,
  migrate,
  planMigration,
} from "../../../src/service/migrations/index.ts";
import { openSchemaSession } from "../../../src/stores/resources/schema-session.ts";
import { define } from "../../harness/definitions.ts";
import { TestPostgres, withoutPostgres } from "../../harness/postgres.ts";

export type Definitions = Readonly<Record<string, unknown>>;

/** A database that is to become what definitions say. */
export interface Stand {
  readonly dialect: "sqlite" | "postgres";
  /** Of `store.records`, without `sqlite:`. */
  readonly store: string;
  migrate(definitions: Definitions, options?: MigrationOptions): Promise<MigrationPlan>;
  plan(definitions: Definitions, options?: { readonly destructive?: boolean }): Promise<MigrationPlan>;
  /** The same, with the column of a field called otherwise. */
  migrateRenamed(
    definitions: Definitions,
    renamed: { readonly resource: string; readonly field: string; readonly column: string },
  ): Promise<MigrationPlan>;
  query(sql: string): Promise<Rows>;
  /** On the same database, as another process. */
  again(): Promise<Stand>;
  /** Tables, indexes, keys, and the registry: as text that is the same where nothing has changed. */
  shape(): Promise<string>;
  /** Earlier than the end of the test, where that has many. */
  close(): Promise<void>;
}

/** The same tests on both databases. `stand` makes a new, empty one. */
export function onBothDatabases(what: string, tests: (stand: () => Promise<Stand>) => void): void {
  describe(`${what}, on SQLite`, () => {
    let folder: string;
    let files = 0;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "turnpike-migrations-"));
    });
    after(() => rm(folder, { recursive: true, force: true }));
    const open: SchemaSession[] = [];
    afterEach(() => closeAll(open));
    tests(() => standOn("sqlite", join(folder, `${++files}.db`), open));
  });

  describe(`${what}, on PostgreSQL`, { skip: withoutPostgres() }, () => {
    let postgres: TestPostgres;
    before(async () => {
      postgres = await TestPostgres.start();
    });
    after(() => postgres?.stop());
    const open: SchemaSession[] = [];
    afterEach(() => closeAll(open));
    tests(async () => standOn("postgres", await postgres.database(), open));
  });
}

async function standOn(dialect: Stand["dialect"], store: string, open: SchemaSession[]): Promise<Stand> {
  const session = await openSchemaSession(store, { writes: true });
  open.push(session);
  const query = (sql: string): Promise<Rows> => session.query(sql);
  return {
    dialect,
    store,
    query,
    migrate: (definitions, options) => migrate(session, define(definitions, dialect), options),
    plan: (definitions, options) => planMigration(session, define(definitions, dialect), options),
    shape: async () => JSON.stringify(await query(dialect === "sqlite" ? SQLITE_SHAPE : POSTGRES_SHAPE)),
    migrateRenamed: (definitions, { resource: name, field: of, column }) => {
      const resources = define(definitions, dialect);
      const resource = resources.get(name) as Resource;
      const fields = resource.fields.map((field) => (field.name === of ? { ...field, column } : field));
      return migrate(session, new Map([...resources, [name, { ...resource, fields }]]));
    },
    again: () => standOn(dialect, store, open),
    close: () => closeAll(open),
  };
}

async function closeAll(open: SchemaSession[]): Promise<void> {
  for (const session of open.splice(0)) await session.close();
}

const SQLITE_SHAPE = `
  SELECT name, sql FROM sqlite_schema
  UNION ALL SELECT table_name, kind || name || field FROM resource_parts ORDER BY 1, 2`;

const POSTGRES_SHAPE = `
  SELECT table_name::text, concat_ws(' ', column_name, data_type, is_nullable, column_default) AS what
  FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
  UNION ALL SELECT tablename::text, indexdef FROM pg_indexes WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
  UNION ALL SELECT conrelid::regclass::text, conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'
  UNION ALL SELECT table_name, kind || name || field FROM turnpike.resource_parts ORDER BY 1, 2`;

export const sentences = ({ steps }: MigrationPlan): readonly string[] =>
  steps.map(({ sentence }) => sentence);
