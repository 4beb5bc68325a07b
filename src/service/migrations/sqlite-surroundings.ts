import type { Rows } from "../../core/database.ts";
import type { SchemaSession } from "../../core/schema-session.ts";
import type { Surroundings } from "./sqlite-columns.ts";

export async function readSurroundings(session: SchemaSession): Promise<Surroundings> {
  const now = await session.query("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'");
  const definitions = await session.query(
    "SELECT lower(tbl_name), name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY rowid",
  );
  const defaults = await session.query(
    "SELECT lower(t.name), lower(c.name), c.dflt_value FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND c.dflt_value IS NOT NULL",
  );
  return {
    now: now[0]?.[0] as string,
    definitions: byTable(definitions),
    defaults: byTable(defaults),
  };
}

/** Rows of table, name, text. */
const byTable = (rows: Rows): ReadonlyMap<string, ReadonlyMap<string, string>> =>
  new Map(
    [...Map.groupBy(rows, ([table]) => table as string)].map(([table, ofTable]) => [
      table,
      new Map(ofTable.map(([, name, text]) => [name as string, text as string])),
    ]),
  );
