/** What migrations have made themselves, kept in the database: nothing else is ever changed or dropped. */
import type { FieldType } from "../../core/resource.ts";
import type { SchemaSession } from "../../core/schema-session.ts";
import { type Dialect, text } from "./quote.ts";

export interface Place {
  readonly schema: string;
  readonly name: string;
}

type Kind = "table" | "column" | "index";

export class Registry {
  /** Field types by kind, schema, table and name. */
  readonly #entries: ReadonlyMap<string, string>;

  constructor(
    rows: readonly (readonly [kind: string, schema: string, table: string, name: string, field: string])[],
  ) {
    this.#entries = new Map(
      rows.map(([kind, schema, table, name, field]) => [
        entry(kind as Kind, { schema, name: table }, name),
        field,
      ]),
    );
  }

  tables(): readonly Place[] {
    return [...this.#entries.keys()]
      .map((key) => JSON.parse(key) as [Kind, string, string, string])
      .filter(([kind]) => kind === "table")
      .map(([, schema, name]) => ({ schema, name }));
  }

  madeTable(table: Place): boolean {
    return this.#entries.has(entry("table", table, ""));
  }

  madeIndex(table: Place, name: string): boolean {
    return this.#entries.has(entry("index", table, name));
  }

  /** Null where somebody else made the column. */
  field(table: Place, column: string): FieldType | null {
    return (this.#entries.get(entry("column", table, column)) as FieldType | undefined) ?? null;
  }
}

const entry = (kind: Kind, { schema, name: table }: Place, name: string): string =>
  JSON.stringify([kind, schema, table, name]);

const TABLE: Readonly<Record<Dialect, string>> = {
  sqlite: "resource_parts",
  postgres: "turnpike.resource_parts",
};
const EXISTS: Readonly<Record<Dialect, string>> = {
  sqlite: "SELECT count(*) FROM sqlite_schema WHERE name = 'resource_parts'",
  postgres: "SELECT CASE WHEN to_regclass('turnpike.resource_parts') IS NULL THEN 0 ELSE 1 END",
};

/** Empty in a database that Turnpike has never written to. */
export async function readRegistry(session: SchemaSession): Promise<Registry> {
  const [there] = await session.query(EXISTS[session.dialect]);
  if (Number(there?.[0]) === 0) return new Registry([]);
  const rows = await session.query(
    `SELECT kind, schema_name, table_name, name, field FROM ${TABLE[session.dialect]}`,
  );
  return new Registry(rows as unknown as ConstructorParameters<typeof Registry>[0]);
}

export const registerTable = (dialect: Dialect, table: Place): string =>
  register(dialect, "table", table, "", "");

export const registerColumn = (dialect: Dialect, table: Place, name: string, field: FieldType): string =>
  register(dialect, "column", table, name, field);

export const registerIndex = (dialect: Dialect, table: Place, name: string): string =>
  register(dialect, "index", table, name, "");

function register(dialect: Dialect, kind: Kind, table: Place, name: string, field: string): string {
  const values = [kind, table.schema, table.name, name, field].map(text).join(", ");
  return `INSERT INTO ${TABLE[dialect]} (kind, schema_name, table_name, name, field) VALUES (${values}) ON CONFLICT (kind, schema_name, table_name, name) DO UPDATE SET field = excluded.field`;
}

export const forgetPart = (dialect: Dialect, kind: Kind, table: Place, name: string): string =>
  `DELETE FROM ${TABLE[dialect]} WHERE kind = ${text(kind)} AND ${of(table)} AND name = ${text(name)}`;

export const forgetTable = (dialect: Dialect, table: Place): string =>
  `DELETE FROM ${TABLE[dialect]} WHERE ${of(table)}`;

const of = ({ schema, name }: Place): string =>
  `schema_name = ${text(schema)} AND table_name = ${text(name)}`;
