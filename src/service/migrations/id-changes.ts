/** The id is what all else hangs on: it changes only in an empty table. */
import type { Change } from "./change.ts";
import type { Matched } from "./column-changes.ts";
import { fits } from "./columns.ts";
import { type Comparison, hasRows, rowsIn } from "./comparison.ts";
import { type Column, isKey } from "./picture.ts";
import { shown } from "./quote.ts";
import type { WantedTable } from "./wanted.ts";

export async function compareId(
  comparison: Comparison,
  { id, ...wanted }: WantedTable,
  { table, pairs }: Matched,
): Promise<readonly Change[] | "replace"> {
  const column = pairs.find((pair) => pair.wanted === id)?.column;
  const impossible = (sentence: string): Change[] => [
    { kind: "nothing", table, severity: "impossible", sentence },
  ];
  if (column === undefined && !table.made)
    return impossible(
      `${shown(table)}, which Turnpike did not make, has no column ${id.name}: name the column of its ids in \`id\`, or give the resource another \`table\``,
    );
  if (column !== undefined && column.field === null) {
    const wrong = unusable(comparison, column, { id, ...wanted }, isKey(table, column.name));
    return wrong === "" ? [] : impossible(`${shown(table)}.${column.name} ${wrong}`);
  }
  if (column?.name === id.name && column.field === id.field && column.counted === id.counted) return [];
  if (!(await hasRows(comparison, table))) return "replace";
  return impossible(
    `the ids of ${shown(table)} would be of another kind, and ${await rowsIn(comparison, table)} rows have the old one: give the resource another \`table\``,
  );
}

/** What is wrong with an id column of somebody else; empty for nothing. */
function unusable({ dialect }: Comparison, column: Column, { id }: WantedTable, unique: boolean): string {
  if (!fits(column, id.field, dialect)) return `is of the type ${column.type}, which cannot hold its ids`;
  if (!unique) return "is no primary key and not unique: two objects could have one id";
  // SQLite counts in every INTEGER PRIMARY KEY.
  const counts = column.counted || column.filled || (dialect === "sqlite" && /^integer$/i.test(column.type));
  return id.counted && !counts ? "is not counted by the database" : "";
}
