/** The only way in which names and values get into the text of a migration. */
import type { FieldType, FieldValue } from "../../core/resource.ts";

export type Dialect = "sqlite" | "postgres";

export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const qualified = ({ schema, name }: { readonly schema: string; readonly name: string }): string =>
  schema === "" ? identifier(name) : `${identifier(schema)}.${identifier(name)}`;

export const list = (names: readonly string[]): string => names.map(identifier).join(", ");

/** For people. */
export const shown = ({ schema, name }: { readonly schema: string; readonly name: string }): string =>
  schema === "" || schema === "public" ? name : `${schema}.${name}`;

export const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** A value of a field as it stands in a table: see core/resource.ts for values, and columns.ts for tables. */
export function literal(value: FieldValue, type: FieldType, dialect: Dialect): string {
  if (value === null) return "NULL";
  if (typeof value === "boolean") return dialect === "sqlite" ? String(Number(value)) : String(value);
  if (typeof value === "number") return String(value);
  if (type === "bigint" || type === "decimal") return value.replace(/[^0-9eE+.-]/g, "");
  return text(type === "datetime" && dialect === "sqlite" ? microseconds(value) : value);
}

/** SQLite holds times as text of one width, so that they sort. */
const microseconds = (time: string): string =>
  time.replace(/(\.\d{0,6})?\d*Z$/, (_, fraction = ".") => `${fraction.padEnd(7, "0")}Z`);
