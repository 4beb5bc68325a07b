/** What a SQLite file has. Names in lower case, which SQLite does not tell from upper. */
import type { Rows } from "../../core/database.ts";
import type { SchemaSession } from "../../core/schema-session.ts";
import { type Column, type ForeignKey, type Index, type Picture, type Table, tableKey } from "./picture.ts";
import type { Registry } from "./registry.ts";

/** `names` are of tables that resources want; those that were made are read too. */
export async function readSqlite(
  session: SchemaSession,
  names: readonly string[],
  registry: Registry,
): Promise<Picture> {
  const interesting = new Set([...names, ...registry.tables().map(({ name }) => name)]);
  const found = await session.query(
    "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name",
  );
  const tables = new Map<string, Table>();
  for (const [name, type] of found as readonly (readonly [string, string])[]) {
    if (!interesting.has(name.toLowerCase())) continue;
    const table = await readTable(session, name, type, registry);
    tables.set(tableKey("", table.name), table);
  }
  return { tables, schemas: new Set([""]), schema: "", found: new Map() };
}

async function readTable(
  session: SchemaSession,
  name: string,
  type: string,
  registry: Registry,
): Promise<Table> {
  const place = { schema: "", name: name.toLowerCase() };
  const columns = await session.query(
    'SELECT lower(name), type, "notnull", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo($1)',
    [name],
  );
  const counted = await session.query(
    "SELECT sql LIKE '%AUTOINCREMENT%' FROM sqlite_schema WHERE type = 'table' AND name = $1",
    [name],
  );
  return {
    ...place,
    kind: type === "table" ? "table" : "other",
    made: registry.madeTable(place),
    bytes: 0,
    columns: columns.map((row) =>
      readColumn(row, counted[0]?.[0] === 1, (column) => registry.field(place, column)),
    ),
    indexes: await readIndexes(session, name, columns, (index) => registry.madeIndex(place, index)),
    foreignKeys: await readKeys(session, name),
  };
}

function readColumn(
  [name, type, notNull, hasDefault, key, hidden]: Rows[number],
  counted: boolean,
  fieldOf: (column: string) => Column["field"],
): Column {
  const primary = Number(key) > 0;
  return {
    name: name as string,
    type: type as string,
    field: fieldOf(name as string),
    nullable: notNull === 0 && !primary,
    filled: hasDefault === 1 || Number(hidden) > 0,
    counted: primary && counted,
    // 2 virtual, 3 stored: https://sqlite.org/pragma.html#pragma_table_xinfo
    generated: Number(hidden) > 1,
  };
}

async function readIndexes(
  session: SchemaSession,
  table: string,
  columns: Rows,
  made: (index: string) => boolean,
): Promise<readonly Index[]> {
  const found = await session.query(
    'SELECT l.name, l."unique", l.partial, i.cid, lower(i.name) FROM pragma_index_list($1) l JOIN pragma_index_xinfo(l.name) i WHERE i.key ORDER BY l.seq, i.seqno',
    [table],
  );
  const indexes = Map.groupBy(found, ([name]) => name as string);
  const listed = [...indexes].map(([name, rows]): Index => {
    const [, unique, partial] = rows[0] as readonly unknown[];
    // −2 is an expression.
    const plain = rows.every(([, , , cid]) => Number(cid) !== -2);
    return {
      name,
      made: made(name),
      valid: true,
      unique: unique === 1 && partial === 0 && plain,
      primary: false,
      columns: rows.map((row) => (row[4] as string | null) ?? ""),
    };
  });
  const key = columns.filter(([, , , , pk]) => Number(pk) > 0).map(([name]) => name as string);
  if (key.length === 0) return listed;
  // An INTEGER PRIMARY KEY has no index that would be listed.
  return [...listed, { name: "", made: false, valid: true, unique: true, primary: true, columns: key }];
}

async function readKeys(session: SchemaSession, table: string): Promise<readonly ForeignKey[]> {
  const found = await session.query(
    'SELECT id, lower("table"), lower("from") FROM pragma_foreign_key_list($1) ORDER BY id, seq',
    [table],
  );
  return [...Map.groupBy(found, ([id]) => id).values()].map((rows) => ({
    name: "",
    columns: rows.map(([, , column]) => column as string),
    schema: "",
    table: rows[0]?.[1] as string,
  }));
}
