/** The tables of a schema of PostgreSQL: https://www.postgresql.org/docs/current/catalogs.html */
import type { Rows } from "../../core/database.ts";
import type { SchemaSession } from "../../core/schema-session.ts";
import type { FoundCheck, FoundColumn, FoundReference, FoundTable } from "./found.ts";

type Record = { readonly [key: string]: unknown };

export async function readPostgresTables(
  session: SchemaSession,
  schema: string,
): Promise<readonly FoundTable[]> {
  const of = async (statement: string): Promise<ReadonlyMap<unknown, readonly Record[]>> =>
    Map.groupBy(records(await session.query(statement, [schema])), ({ table }) => table);
  const tables = records(await session.query(TABLES, [schema]));
  const columns = await of(COLUMNS);
  const keys = await of(KEYS);
  const references = await of(REFERENCES);
  const checks = await of(CHECKS);
  const found: FoundTable[] = [];
  for (const { table, comment } of tables) {
    const unique = (keys.get(table) ?? []) as { primary: boolean; columns: string[] }[];
    found.push({
      schema,
      name: table as string,
      comment: comment as string,
      columns: await withKinds(session, schema, table as string, (columns.get(table) ?? []) as never),
      primaryKey: unique.find(({ primary }) => primary)?.columns ?? [],
      uniques: unique.filter(({ primary }) => !primary).map((key) => key.columns),
      references: (references.get(table) ?? []).map(
        ({ parent, ...rest }) => ({ ...rest, table: parent }) as unknown as FoundReference,
      ),
      checks: (checks.get(table) ?? []) as unknown as FoundCheck[],
    });
  }
  return found;
}

const records = (rows: Rows): readonly Record[] => rows.map(([row]) => JSON.parse(row as string) as Record);

/** Enough to see what a column is used for. */
const LOOKED_AT = 1000;

/** JSON may be anything: what it is can only be told by the values that are there. */
async function withKinds(
  session: SchemaSession,
  schema: string,
  table: string,
  columns: readonly FoundColumn[],
): Promise<readonly FoundColumn[]> {
  const found: FoundColumn[] = [];
  for (const column of columns) {
    if (column.type !== "json" && column.type !== "jsonb") {
      found.push({ ...column, kinds: [] });
      continue;
    }
    const [name, place] = [quote(column.name), `${quote(schema)}.${quote(table)}`];
    const rows = await session.query(
      `SELECT DISTINCT ${column.type}_typeof(v) FROM (SELECT ${name} AS v FROM ${place} WHERE ${name} IS NOT NULL LIMIT ${LOOKED_AT}) AS looked_at`,
    );
    found.push({ ...column, kinds: rows.map(([kind]) => kind as string) });
  }
  return found;
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Ordinary and partitioned ones; not their parts. */
const TABLES = `
  SELECT json_build_object('table', c.relname, 'comment', coalesce(obj_description(c.oid, 'pg_class'), ''))::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  ORDER BY c.relname`;

/** A varchar's modifier is its length + 4; a numeric's is precision and scale, two bytes each, + 4. */
const COLUMNS = `
  SELECT json_build_object(
    'table', c.relname, 'name', a.attname, 'type', b.typname, 'declared', format_type(a.atttypid, a.atttypmod),
    'length', CASE WHEN b.typname IN ('varchar', 'bpchar') AND m.modifier > 4 THEN m.modifier - 4 END,
    'precision', CASE WHEN b.typname = 'numeric' AND m.modifier > 4 THEN ((m.modifier - 4) >> 16) & 65535 END,
    'scale', CASE WHEN b.typname = 'numeric' AND m.modifier > 4 THEN (m.modifier - 4) & 65535 END,
    'words', (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum e WHERE e.enumtypid = b.oid),
    'nullable', NOT (a.attnotnull OR t.typnotnull),
    'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
    'counted', a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false),
    'generated', a.attgenerated <> '' OR a.attidentity = 'a',
    'comment', coalesce(col_description(c.oid, a.attnum), ''))::text
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  CROSS JOIN LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier) m
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY c.relname, a.attnum`;

const KEYS = `
  SELECT json_build_object('table', c.relname, 'primary', i.indisprimary, 'columns',
    (SELECT json_agg(a.attname ORDER BY k.place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number WHERE k.place <= i.indnkeyatts))::text
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  ORDER BY c.relname, i.indexrelid`;

const REFERENCES = `
  SELECT json_build_object('table', c.relname, 'schema', pn.nspname, 'columns', own.names, 'targets', other.names,
    'onDelete', CASE k.confdeltype WHEN 'c' THEN 'delete' WHEN 'n' THEN 'clear' WHEN 'd' THEN 'other' ELSE 'refuse' END,
    'parent', p.relname)::text
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
  CROSS JOIN LATERAL (SELECT json_agg(a.attname ORDER BY u.place) AS names FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number) own
  CROSS JOIN LATERAL (SELECT json_agg(a.attname ORDER BY u.place) AS names FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number) other
  WHERE n.nspname = $1 AND k.contype = 'f' AND k.conparentid = 0
  ORDER BY c.relname, k.conname`;

/** Of tables, and of the domains of their columns, in which the value is called VALUE. */
const CHECKS = `
  SELECT json_build_object('table', c.relname, 'expression', pg_get_expr(k.conbin, k.conrelid), 'columns',
    (SELECT coalesce(json_agg(a.attname), '[]') FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey)))::text
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND k.contype = 'c'
  UNION ALL
  SELECT json_build_object('table', c.relname, 'expression', regexp_replace(pg_get_constraintdef(k.oid), '^CHECK ', ''),
    'columns', json_build_array(a.attname))::text
  FROM pg_constraint k JOIN pg_attribute a ON a.atttypid = k.contypid
  JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND k.contype = 'c' AND c.relkind IN ('r', 'p') AND NOT a.attisdropped`;
