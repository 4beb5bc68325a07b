/** Tables of somebody else: never changed, only looked at. */
import type { Change } from "./change.ts";
import { fits } from "./columns.ts";
import type { Comparison } from "./comparison.ts";
import { columnOf, type Table } from "./picture.ts";
import { shown } from "./quote.ts";
import type { WantedTable } from "./wanted.ts";

export function obstacles(
  { dialect }: Comparison,
  wanted: WantedTable,
  table: Table | undefined,
): readonly Change[] {
  const impossible = (sentence: string): Change => ({
    kind: "nothing",
    table: wanted,
    severity: "impossible",
    sentence,
  });
  if (table === undefined)
    return [impossible(`the table ${shown(wanted)}, which is \`external\`, is not there`)];
  return wanted.columns.flatMap((asked) => {
    const column = columnOf(table, asked.name);
    const name = `${shown(wanted)}.${asked.name}`;
    if (column === undefined) return [impossible(`the column ${name} of an \`external\` table is not there`)];
    if (fits(column, asked.field, dialect)) return [];
    return [impossible(`${name} is of the type ${column.type}, and the field a ${asked.field}`)];
  });
}
