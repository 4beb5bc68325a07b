/** What a PostgreSQL database has, of its catalogue: https://www.postgresql.org/docs/current/catalogs.html */
import type { Rows } from "../../core/database.ts";
import type { SchemaSession } from "../../core/schema-session.ts";
import { type Column, type ForeignKey, type Index, type Picture, type Table, tableKey } from "./picture.ts";
import { qualified } from "./quote.ts";
import type { Registry } from "./registry.ts";

export interface Asked {
  /** Empty for wherever the search path finds it. */
  readonly schema: string;
  readonly name: string;
}

/** `asked` are tables that resources want; those that were made are read too. */
export async function readPostgres(
  session: SchemaSession,
  asked: readonly Asked[],
  registry: Registry,
): Promise<Picture> {
  const [where] = await session.query("SELECT current_schema()");
  const schemas = await session.query("SELECT nspname::text FROM pg_namespace");
  const found = await session.query(TABLES, [
    JSON.stringify([...asked, ...registry.tables()].map((table) => qualified(table))),
  ]);
  const oids = `{${found.map(([oid]) => String(oid)).join(",")}}`;
  const [columns, indexes, keys] = await rowsOf(session, oids);
  const tables = found.map((row) => readTable(row, columns, indexes, keys, registry));
  return {
    tables: new Map(tables.map((table) => [tableKey(table.schema, table.name), table])),
    schemas: new Set(schemas.map(([name]) => name as string)),
    schema: (where?.[0] as string | null) ?? "public",
    found: new Map(
      found.flatMap(([, schema, name, , , byPath]) => (byPath ? [[name, schema]] : []) as [string, string][]),
    ),
  };
}

type ByTable = ReadonlyMap<unknown, Rows>;

async function rowsOf(session: SchemaSession, oids: string): Promise<readonly [ByTable, ByTable, ByTable]> {
  const read = async (statement: string): Promise<ByTable> =>
    Map.groupBy(await session.query(statement, [oids]), ([oid]) => oid);
  return [await read(COLUMNS), await read(INDEXES), await read(KEYS)];
}

const TABLES = `
  SELECT c.oid::text, n.nspname::text, c.relname::text, c.relkind IN ('r', 'p'), pg_relation_size(c.oid),
         bool_or(asked.name NOT LIKE '%"."%')
  FROM json_array_elements_text($1::json) AS asked (name)
  JOIN pg_class c ON c.oid = to_regclass(asked.name)
  JOIN pg_namespace n ON n.oid = c.relnamespace
  GROUP BY 1, 2, 3, 4, 5, c.oid`;

const COLUMNS = `
  SELECT a.attrelid::text, a.attname::text,
         CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END, a.attnotnull OR t.typnotnull, a.atthasdef,
         a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a',
         coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false)
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attrelid, a.attnum`;

/** Columns as JSON; null for an expression. */
const INDEXES = `
  SELECT i.indrelid::text, c.relname::text, i.indisvalid, i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL,
         i.indisprimary,
         (SELECT json_agg(a.attname::text ORDER BY k.place)::text
          FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
          LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
          WHERE k.place <= i.indnkeyatts)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid = ANY ($1::oid[])`;

const KEYS = `
  SELECT k.conrelid::text, k.conname::text, n.nspname::text, t.relname::text,
         (SELECT json_agg(a.attname::text ORDER BY c.place)::text
          FROM unnest(k.conkey) WITH ORDINALITY AS c (number, place)
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.number)
  FROM pg_constraint k JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace n ON n.oid = t.relnamespace
  WHERE k.contype = 'f' AND k.conrelid = ANY ($1::oid[])`;

function readTable(
  [oid, schema, name, table, bytes]: Rows[number],
  columns: ByTable,
  indexes: ByTable,
  keys: ByTable,
  registry: Registry,
): Table {
  const place = { schema: schema as string, name: name as string };
  return {
    ...place,
    kind: table === true ? "table" : "other",
    made: registry.madeTable(place),
    bytes: Number(bytes),
    columns: (columns.get(oid) ?? []).map((row) =>
      readColumn(row, (column) => registry.field(place, column)),
    ),
    indexes: (indexes.get(oid) ?? []).map((row) =>
      readIndex(row, (index) => registry.madeIndex(place, index)),
    ),
    foreignKeys: (keys.get(oid) ?? []).map(readKey),
  };
}

function readColumn(
  [, name, type, notNull, hasDefault, identity, generated, serial]: Rows[number],
  fieldOf: (column: string) => Column["field"],
): Column {
  return {
    name: name as string,
    type: type as string,
    field: fieldOf(name as string),
    nullable: notNull !== true,
    filled: hasDefault === true || identity === true,
    counted: identity === true || serial === true,
    generated: generated === true,
  };
}

const readIndex = (
  [, name, valid, unique, primary, columns]: Rows[number],
  made: (index: string) => boolean,
): Index => ({
  name: name as string,
  made: made(name as string),
  valid: valid === true,
  unique: unique === true,
  primary: primary === true,
  columns: namesIn(columns),
});

const readKey = ([, name, schema, table, columns]: Rows[number]): ForeignKey => ({
  name: name as string,
  schema: schema as string,
  table: table as string,
  columns: namesIn(columns),
});

const namesIn = (json: unknown): readonly string[] =>
  (JSON.parse(json as string) as (string | null)[]).map((name) => name ?? "");
