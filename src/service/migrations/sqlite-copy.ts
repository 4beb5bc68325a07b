/**
 * What `ALTER TABLE` of SQLite cannot do, done by a copy of the table: https://sqlite.org/lang_altertable.html#otheralter.
 * Foreign keys are switched off meanwhile, and checked at the end (apply-sqlite.ts).
 */
import type { Change } from "./change.ts";
import type { Column, Table } from "./picture.ts";
import { identifier, list, text } from "./quote.ts";
import { forgetPart, registerColumn } from "./registry.ts";
import {
  addedKey,
  definition,
  filling,
  idDefinition,
  referring,
  type Surroundings,
} from "./sqlite-columns.ts";
import type { WantedColumn } from "./wanted.ts";

/** A table that is new has its keys from the beginning. */
export const isNew = (changes: readonly Change[]): boolean =>
  changes.some(({ kind }) => kind === "create table" || kind === "replace table");

export function needsCopy(change: Change, changes: readonly Change[]): boolean {
  if (isNew(changes)) return false;
  switch (change.kind) {
    case "change type":
    case "allow null":
    case "refuse null":
    case "drop column":
    case "drop key":
      return true;
    case "add column":
      return !change.column.nullable && change.column.fill === null;
    case "add key":
      // Goes with a column that is new, and empty.
      return !changes.some(
        (other) =>
          other.kind === "add column" &&
          other.column.name === change.key.column &&
          other.column.fill === null,
      );
    default:
      return false;
  }
}

/** Columns that somebody has added by hand may have checks and collations, which a copy would lose. */
export const canBeCopied = (table: Table): boolean =>
  table.made && table.columns.every(({ field }) => field !== null);

interface NewColumn {
  readonly name: string;
  readonly definition: string;
  /** What it is filled with; null for its default. */
  readonly from: string | null;
}

export function copyTable(changes: readonly Change[], table: Table, around: Surroundings): readonly string[] {
  const renamed = new Map(
    changes.flatMap((change) => (change.kind === "rename column" ? [[change.from, change.to]] : [])),
  );
  const before: Table = {
    ...table,
    columns: table.columns.map((column) => ({ ...column, name: renamed.get(column.name) ?? column.name })),
    foreignKeys: table.foreignKeys.map((key) => ({
      ...key,
      columns: key.columns.map((name) => renamed.get(name) ?? name),
    })),
  };
  const columns = [...keptColumns(before, changes, around), ...addedColumns(changes, around)];
  const name = identifier(table.name);
  const copy = `${table.name}__copy`;
  const filled = columns.filter(({ from }) => from !== null);
  const counted = table.columns.some((column) => column.counted);
  return [
    `CREATE TABLE ${identifier(copy)} (\n  ${columns.map((column) => column.definition).join(",\n  ")}\n) STRICT`,
    `INSERT INTO ${identifier(copy)} (${list(filled.map((column) => column.name))})\n  SELECT ${filled.map(({ from }) => from).join(", ")} FROM ${name}`,
    ...(counted ? countOn(table.name, copy) : []),
    `DROP TABLE ${name}`,
    `ALTER TABLE ${identifier(copy)} RENAME TO ${name}`,
    ...comingBack(changes, table, around),
    ...registration(changes, table),
  ];
}

/** From where it was, also where the last of the rows are gone. */
const countOn = (table: string, copy: string): readonly string[] => [
  `DELETE FROM sqlite_sequence WHERE name = ${text(copy)}`,
  `INSERT INTO sqlite_sequence (name, seq) SELECT ${text(copy)}, seq FROM sqlite_sequence WHERE name = ${text(table)}`,
];

function keptColumns(table: Table, changes: readonly Change[], around: Surroundings): NewColumn[] {
  const dropped = new Set(
    changes.flatMap((change) => (change.kind === "drop column" ? [change.column] : [])),
  );
  const id = table.indexes.find(({ primary }) => primary)?.columns[0];
  return table.columns
    .filter(({ name }) => !dropped.has(name))
    .map((column) =>
      column.name === id
        ? { name: id, definition: idDefinition(asWanted(column)), from: identifier(id) }
        : keptColumn(table, column, changes, around),
    );
}

const asWanted = (column: Column): Pick<WantedColumn, "name" | "field" | "nullable" | "counted"> => ({
  ...column,
  field: column.field as NonNullable<Column["field"]>,
});

function keptColumn(
  table: Table,
  column: Column,
  changes: readonly Change[],
  around: Surroundings,
): NewColumn {
  const { name } = column;
  let { nullable, field } = asWanted(column);
  let value = around.defaults.get(table.name)?.get(name) ?? null;
  let from = identifier(name);
  for (const change of changes) {
    if (change.kind === "allow null" && change.column === name) nullable = true;
    if (change.kind === "change type" && change.column.name === name) {
      field = change.column.field;
      value = filling(change.column, around);
      from = change.conversion === null ? "NULL" : change.conversion.using.replaceAll("§", from);
    }
    if (change.kind === "refuse null" && change.column.name === name) {
      nullable = false;
      const fill = filling(change.column, around);
      if (fill !== null) from = `coalesce(${from}, ${fill})`;
    }
  }
  const key = addedKey(name, changes) || keptKey(table, name, changes);
  return { name, definition: `${definition({ name, field, nullable }, value)}${key}`, from };
}

function keptKey(table: Table, column: string, changes: readonly Change[]): string {
  const dropped = changes.flatMap((change) => (change.kind === "drop key" ? [change.key.columns[0]] : []));
  const key = table.foreignKeys.find(({ columns }) => columns.length === 1 && columns[0] === column);
  return key === undefined || dropped.includes(column) ? "" : referring(key.table);
}

const addedColumns = (changes: readonly Change[], around: Surroundings): NewColumn[] =>
  changes.flatMap((change) =>
    change.kind === "add column"
      ? {
          name: change.column.name,
          definition: `${definition(change.column, filling(change.column, around))}${addedKey(change.column.name, changes)}`,
          from: null,
        }
      : [],
  );

/** Indexes and triggers went with the table. */
function comingBack(changes: readonly Change[], table: Table, { definitions }: Surroundings): string[] {
  const gone = new Set(changes.flatMap((change) => (change.kind === "drop index" ? [change.name] : [])));
  return [...(definitions.get(table.name) ?? [])]
    .filter(([name]) => !gone.has(name))
    .map(([, definition]) => definition);
}

const registration = (changes: readonly Change[], table: Table): string[] =>
  changes.flatMap((change) => {
    if (change.kind === "add column" || change.kind === "change type")
      return registerColumn("sqlite", table, change.column.name, change.column.field);
    return change.kind === "drop column" ? forgetPart("sqlite", "column", table, change.column) : [];
  });
