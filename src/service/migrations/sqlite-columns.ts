/** Columns of a SQLite table as they are declared. */
import type { Change } from "./change.ts";
import { columnType } from "./columns.ts";
import { identifier, literal } from "./quote.ts";
import type { WantedColumn } from "./wanted.ts";

/** What the file says beside its tables and columns. */
export interface Surroundings {
  /** The time of now as datetimes stand in a table. */
  readonly now: string;
  /** Of each table the definitions of its indexes and triggers by their names: they go with a table that is copied. */
  readonly definitions: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Of each table the defaults of its columns by their names. */
  readonly defaults: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** AUTOINCREMENT: an id that was deleted is never given again. */
export const idDefinition = ({
  name,
  field,
  counted,
}: Pick<WantedColumn, "name" | "field" | "counted">): string =>
  counted
    ? `${identifier(name)} INTEGER PRIMARY KEY AUTOINCREMENT`
    : `${identifier(name)} ${columnType(field, "sqlite")} NOT NULL PRIMARY KEY`;

/** `value` is SQL of a constant that it gets by default; null for none. */
export function definition(
  { name, field, nullable }: Pick<WantedColumn, "name" | "field" | "nullable">,
  value: string | null,
): string {
  const parts = [identifier(name), columnType(field, "sqlite")];
  if (!nullable) parts.push("NOT NULL");
  if (value !== null) parts.push(`DEFAULT ${value}`);
  return parts.join(" ");
}

/** A constant: SQLite takes no other for a column that is added. Null for none. */
export function filling({ fill, field }: WantedColumn, { now }: Surroundings): string | null {
  if (fill === null) return null;
  const value = fill === "now" ? (field === "date" ? now.slice(0, "2026-11-22".length) : now) : fill.value;
  return value === null ? null : literal(value, field, "sqlite");
}

/** The key that is to be added to a column, as it stands behind the column's definition. */
export function addedKey(column: string, changes: readonly Change[]): string {
  const change = changes.find((other) => other.kind === "add key" && other.key.column === column);
  return change?.kind === "add key" ? referring(change.key.table, change.key.id) : "";
}

/** Without a column: the primary key. */
export const referring = (table: string, id?: string): string =>
  ` REFERENCES ${identifier(table)}${id === undefined ? "" : ` (${identifier(id)})`}`;
