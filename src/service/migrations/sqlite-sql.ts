/** Changes of one table of a SQLite file as statements. */
import { type Change, inOrder } from "./change.ts";
import type { Table } from "./picture.ts";
import { identifier } from "./quote.ts";
import { forgetPart, forgetTable, registerColumn, registerIndex, registerTable } from "./registry.ts";
import { addedKey, definition, filling, idDefinition, type Surroundings } from "./sqlite-columns.ts";
import { copyTable, needsCopy } from "./sqlite-copy.ts";
import type { WantedIndex, WantedTable } from "./wanted.ts";

/** All changes of one table with their statements, in the order in which they are to run. */
export function sqliteSql(
  changes: readonly Change[],
  table: Table | undefined,
  around: Surroundings,
): readonly (readonly [Change, readonly string[]])[] {
  const ordered = inOrder(changes);
  const first = ordered.find((change) => IN_COPY.includes(change.kind));
  const copied = table !== undefined && ordered.some((change) => needsCopy(change, ordered));
  return ordered.map((change) => {
    if (!copied || !IN_COPY.includes(change.kind)) return [change, alone(change, ordered, around)];
    // All that a copy can do is done by it, in one go.
    return [change, change === first ? copyTable(ordered, table, around) : []];
  });
}

const IN_COPY: readonly Change["kind"][] = [
  "change type",
  "allow null",
  "add column",
  "refuse null",
  "add key",
  "drop key",
  "drop column",
];

function alone(change: Change, changes: readonly Change[], around: Surroundings): readonly string[] {
  const { table } = change;
  switch (change.kind) {
    case "create table":
      return createTable(change.wanted, changes);
    case "replace table":
      return [...dropTable(change), ...createTable(change.wanted, changes)];
    case "drop table":
      return dropTable(change);
    case "rename column":
      return [
        `ALTER TABLE ${identifier(table.name)} RENAME COLUMN ${identifier(change.from)} TO ${identifier(change.to)}`,
        forgetPart("sqlite", "column", table, change.from),
        registerColumn("sqlite", table, change.to, change.field),
      ];
    case "add column":
      return [
        `ALTER TABLE ${identifier(table.name)} ADD COLUMN ${definition(change.column, filling(change.column, around))}${addedKey(change.column.name, changes)}`,
        registerColumn("sqlite", table, change.column.name, change.column.field),
      ];
    case "create index":
      return createIndex(table.name, change.index);
    case "drop index":
      return [
        `DROP INDEX IF EXISTS ${identifier(change.name)}`,
        forgetPart("sqlite", "index", table, change.name),
      ];
    default:
      return [];
  }
}

function createTable(wanted: WantedTable, changes: readonly Change[]): readonly string[] {
  const columns = wanted.columns.map((column) =>
    column === wanted.id
      ? idDefinition(column)
      : `${definition(column, null)}${addedKey(column.name, changes)}`,
  );
  return [
    `CREATE TABLE ${identifier(wanted.name)} (\n  ${columns.join(",\n  ")}\n) STRICT`,
    registerTable("sqlite", wanted),
    ...wanted.columns.map(({ name, field }) => registerColumn("sqlite", wanted, name, field)),
  ];
}

const dropTable = ({ table }: Change): readonly string[] => [
  `DROP TABLE ${identifier(table.name)}`,
  forgetTable("sqlite", table),
];

const createIndex = (table: string, { name, keys, where, unique }: WantedIndex): readonly string[] => [
  registerIndex("sqlite", { schema: "", name: table }, name),
  `CREATE ${unique ? "UNIQUE " : ""}INDEX ${identifier(name)} ON ${identifier(table)} (${keys})${where === "" ? "" : ` WHERE ${where}`}`,
];
