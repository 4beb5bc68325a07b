/** What a database has, whichever it is, as far as resources are concerned. */
import type { FieldType } from "../../core/resource.ts";

export interface Picture {
  /** By `tableKey`. Those that resources name, and those that were made for resources that are gone. */
  readonly tables: ReadonlyMap<string, Table>;
  /** Of PostgreSQL: those that are there; and where tables without one go. Empty strings on SQLite. */
  readonly schemas: ReadonlySet<string>;
  readonly schema: string;
  /** The schemas of tables that were asked for without one, by name: the search path has found them. */
  readonly found: ReadonlyMap<string, string>;
}

export interface Table {
  readonly schema: string;
  readonly name: string;
  /** A view, a foreign table and the like are `other`. */
  readonly kind: "table" | "other";
  /** Whether Turnpike created it, so that `--destructive` may drop it. */
  readonly made: boolean;
  readonly bytes: number;
  readonly columns: readonly Column[];
  readonly indexes: readonly Index[];
  readonly foreignKeys: readonly ForeignKey[];
}

export interface Column {
  readonly name: string;
  /** As the database says it: `character varying(20)`, `TEXT`. */
  readonly type: string;
  /** What it was made for; null where somebody else made it. */
  readonly field: FieldType | null;
  readonly nullable: boolean;
  /** The database gives it a value where a statement has none: a default, a sequence, a generated column. */
  readonly filled: boolean;
  /** The database counts. */
  readonly counted: boolean;
  /** No statement may write it. */
  readonly generated: boolean;
}

export interface Index {
  readonly name: string;
  readonly made: boolean;
  /** False for one whose making was broken off (CREATE INDEX CONCURRENTLY). */
  readonly valid: boolean;
  /** Without a condition, and not over expressions. */
  readonly unique: boolean;
  readonly primary: boolean;
  readonly columns: readonly string[];
}

export interface ForeignKey {
  /** Empty on SQLite, which has no way to drop one by its name. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly schema: string;
  readonly table: string;
}

/** What a table is known by: SQLite does not tell upper from lower case, and has no schemas. */
export const tableKey = (schema: string, name: string): string => JSON.stringify([schema, name]);

export const columnOf = (table: Table, name: string): Column | undefined =>
  table.columns.find((column) => column.name === name);

/** Whether one row is told from all others by this column alone. */
export const isKey = (table: Table, name: string): boolean =>
  table.indexes.some(({ unique, columns }) => unique && columns.length === 1 && columns[0] === name);
