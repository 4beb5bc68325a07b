/** The way from what a database has to what the definitions ask for, as steps with their statements. */
import type { Resources } from "../../core/resource.ts";
import type { SchemaSession } from "../../core/schema-session.ts";
import { type Change, inOrder, type Severity } from "./change.ts";
import { type Difference, difference } from "./difference.ts";
import { type Picture, tableKey } from "./picture.ts";
import { postgresSql, undoIndex } from "./postgres-sql.ts";
import { type Dialect, shown } from "./quote.ts";
import { readPostgres } from "./read-postgres.ts";
import { readSqlite } from "./read-sqlite.ts";
import { readRegistry } from "./registry.ts";
import { canBeCopied, needsCopy } from "./sqlite-copy.ts";
import { sqliteSql } from "./sqlite-sql.ts";
import { readSurroundings } from "./sqlite-surroundings.ts";
import { wantedTables } from "./wanted.ts";

export interface Step {
  readonly kind: Change["kind"];
  readonly table: string;
  readonly severity: Severity;
  /** For people, as what is to be done; of what is impossible, what stands in the way. */
  readonly sentence: string;
  /** In order; empty where another step of the same table does it too. */
  readonly sql: readonly string[];
  /** Outside of the transaction of the others, while the table is written to; `null` for all the others. */
  readonly concurrently: { readonly when: "before" | "after"; readonly undo: readonly string[] } | null;
}

export interface MigrationPlan {
  readonly dialect: Dialect;
  /** Of the database, for people. */
  readonly place: string;
  /** Empty where nothing is to be done. In the order in which they run. */
  readonly steps: readonly Step[];
  /** What was made for definitions that are gone, and stays. */
  readonly leftAlone: readonly string[];
}

/** Only reads; the session is not in a transaction of its own that would see something else. */
export async function makePlan(
  session: SchemaSession,
  resources: Resources,
  destructive: boolean,
): Promise<MigrationPlan> {
  const picture = await readPicture(session, resources);
  const wanted = wantedTables(
    resources,
    session.dialect,
    (table) => picture.found.get(table) ?? picture.schema,
  );
  const { dialect, place } = session;
  const count = async (sql: string): Promise<number> => Number((await session.query(sql))[0]?.[0]);
  const found = await difference({ dialect, picture, wanted, destructive, count });
  const steps = dialect === "postgres" ? postgresSteps(found) : await sqliteSteps(session, picture, found);
  return { dialect, place, steps, leftAlone: found.leftAlone };
}

async function readPicture(session: SchemaSession, resources: Resources): Promise<Picture> {
  const registry = await readRegistry(session);
  const tables = [...resources.values()].map(({ schema, table: name }) => ({ schema, name }));
  return session.dialect === "postgres"
    ? readPostgres(session, tables, registry)
    : readSqlite(
        session,
        tables.map(({ name }) => name.toLowerCase()),
        registry,
      );
}

const stepOf = (change: Change, sql: readonly string[], concurrently: Step["concurrently"]): Step => ({
  kind: change.kind,
  table: shown(change.table),
  severity: change.severity,
  sentence: change.sentence,
  sql,
  concurrently,
});

function postgresSteps({ changes }: Difference): readonly Step[] {
  return inOrder(changes).map((change) =>
    stepOf(
      change,
      postgresSql(change),
      change.kind === "create index" && change.concurrently
        ? { when: isOfWhatComes(change, changes) ? "after" : "before", undo: undoIndex(change) }
        : null,
    ),
  );
}

/** Whether its columns are not yet there, or not yet what they are to be. */
const isOfWhatComes = (
  { index, table }: Extract<Change, { readonly kind: "create index" }>,
  changes: readonly Change[],
): boolean =>
  changes.some((change) => {
    if (tableKey(change.table.schema, change.table.name) !== tableKey(table.schema, table.name)) return false;
    if (change.kind === "rename column") return index.columns.includes(change.to);
    return (
      (change.kind === "add column" || change.kind === "change type") &&
      index.columns.includes(change.column.name)
    );
  });

async function sqliteSteps(
  session: SchemaSession,
  picture: Picture,
  { changes }: Difference,
): Promise<readonly Step[]> {
  const around = await readSurroundings(session);
  const byTable = Map.groupBy(changes, ({ table }) => tableKey("", table.name));
  return [...byTable].flatMap(([key, ofTable]) => {
    const table = picture.tables.get(key);
    const copied = ofTable.filter((change) => needsCopy(change, ofTable));
    const possible = copied.length === 0 || table === undefined || canBeCopied(table);
    return sqliteSql(ofTable, table, around).map(([change, sql]) =>
      possible || !copied.includes(change)
        ? stepOf(change, sql, null)
        : { ...stepOf(change, [], null), severity: "impossible" as const, sentence: notCopied(change) },
    );
  });
}

const notCopied = ({ sentence, table }: Change): string =>
  `to ${sentence}, SQLite has to copy ${table.name}, which has columns that Turnpike did not make: change it by hand, or give the resource another \`table\``;
