/** Foreign keys: a net below the checks of the service, which sees to deletions itself. */
import type { Change } from "./change.ts";
import type { Matched } from "./column-changes.ts";
import { type Comparison, rowsAre } from "./comparison.ts";
import { type ForeignKey, isKey, type Table, tableKey } from "./picture.ts";
import { identifier, qualified, shown } from "./quote.ts";
import { isMadeName, type WantedKey, type WantedTable } from "./wanted.ts";

export const newKeys = (comparison: Comparison, wanted: WantedTable): readonly Change[] =>
  wanted.foreignKeys.filter((key) => canBeNamed(comparison, key)).map((key) => addition(wanted, key));

/** A table that somebody else made may have no unique id; that is then said of that table. */
function canBeNamed({ picture }: Comparison, key: WantedKey): boolean {
  const parent = picture.tables.get(tableKey(key.schema, key.table));
  return parent === undefined || isKey(parent, key.id);
}

const addition = (table: WantedTable, key: WantedKey): Change => ({
  kind: "add key",
  key,
  table,
  severity: "safe",
  sentence: `let ${shown(table)}.${key.column} refer to what is there in ${shown({ schema: key.schema, name: key.table })}`,
});

export async function compareKeys(
  comparison: Comparison,
  wanted: WantedTable,
  matched: Matched,
): Promise<readonly Change[]> {
  const { table } = matched;
  // SQLite can only add one by a copy, in which what somebody else has written would be lost.
  if (comparison.dialect === "sqlite" && !table.made) return [];
  const changes: Change[] = [];
  const formerNames = new Map(matched.pairs.map(({ wanted: { name }, column }) => [name, column?.name]));
  for (const key of wanted.foreignKeys) {
    const column = formerNames.get(key.column);
    if (table.foreignKeys.some((found) => isSame(found, column ?? "", key))) continue;
    if (!canBeNamed(comparison, key)) continue;
    const orphans = column === undefined ? 0 : await orphansOf(comparison, table, column, key);
    const change = addition(wanted, key);
    changes.push(
      orphans === 0
        ? change
        : {
            ...change,
            severity: "impossible",
            sentence: `${shown(table)}.${key.column} is to refer to ${shown({ schema: key.schema, name: key.table })}, and ${rowsAre(orphans)} a value that is not there`,
          },
    );
  }
  const unwanted = table.foreignKeys.filter(
    (found) =>
      isMade(table, found) &&
      !wanted.foreignKeys.some((key) => isSame(found, formerNames.get(key.column) ?? "", key)),
  );
  return [...changes, ...unwanted.map((key) => removal(table, key))];
}

const isSame = (found: ForeignKey, column: string, key: WantedKey): boolean =>
  found.schema === key.schema &&
  found.table === key.table &&
  found.columns.length === 1 &&
  found.columns[0] === column;

/** By its name; where keys have none, one of a column that was made for a resource. */
const isMade = (table: Table, { name, columns }: ForeignKey): boolean =>
  name === ""
    ? columns.length === 1 &&
      table.columns.some((column) => column.name === columns[0] && column.field !== null)
    : isMadeName(name);

const removal = (table: Table, key: ForeignKey): Change => ({
  kind: "drop key",
  key,
  table,
  severity: "safe",
  sentence: `let ${shown(table)}.${key.columns.join(", ")} no longer refer to ${shown({ schema: key.schema, name: key.table })}`,
});

async function orphansOf(
  { picture, count, wanted }: Comparison,
  table: Table,
  column: string,
  key: WantedKey,
): Promise<number> {
  const present = `SELECT count(*) FROM ${qualified(table)} AS child WHERE ${identifier(column)} IS NOT NULL`;
  const parent = picture.tables.get(tableKey(key.schema, key.table));
  if (parent === undefined) return count(present);
  const differs = typesDiffer(table, column, parent, wanted);
  const own = differs ? `CAST(child.${identifier(column)} AS text)` : `child.${identifier(column)}`;
  const id = differs ? `CAST(parent.${identifier(key.id)} AS text)` : `parent.${identifier(key.id)}`;
  return count(
    `${present} AND NOT EXISTS (SELECT 1 FROM ${qualified(parent)} AS parent WHERE ${id} = ${own})`,
  );
}

/** Where one of them is about to be converted. */
const typesDiffer = (
  table: Table,
  column: string,
  parent: Table,
  wanted: readonly WantedTable[],
): boolean => {
  const id = wanted.find(({ schema, name }) => schema === parent.schema && name === parent.name)?.id.name;
  const typeOf = ({ columns }: Table, name: string | undefined) =>
    columns.find((found) => found.name === name)?.type;
  return typeOf(table, column) !== typeOf(parent, id);
};

/**
 * Keys that refer to what is about to become something else, on PostgreSQL: they go before, and come back behind it.
 * On SQLite, whose keys are part of their tables' definitions, all tables are changed with keys switched off.
 */
export function keysOfOthers(comparison: Comparison, changes: readonly Change[]): readonly Change[] {
  if (comparison.dialect === "sqlite") return [];
  const replaced = new Set(
    changes
      .filter(({ kind }) => kind === "replace table")
      .map(({ table }) => tableKey(table.schema, table.name)),
  );
  return comparison.wanted.flatMap((wanted) => {
    const table = comparison.picture.tables.get(tableKey(wanted.schema, wanted.name));
    if (table === undefined || replaced.has(tableKey(table.schema, table.name))) return [];
    return wanted.foreignKeys.flatMap((key) => {
      const found = table.foreignKeys.find((one) => isSame(one, key.column, key));
      const affected = found !== undefined && replaced.has(tableKey(key.schema, key.table));
      return affected ? [removal(table, found), addition(wanted, key)] : [];
    });
  });
}
