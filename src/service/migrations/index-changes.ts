/** Indexes. Their names say what they are of, so that one of the wanted name is the wanted one. */
import type { Change } from "./change.ts";
import type { Matched } from "./column-changes.ts";
import type { Comparison } from "./comparison.ts";
import type { Column } from "./picture.ts";
import { type Dialect, identifier, literal, qualified, shown } from "./quote.ts";
import type { WantedColumn, WantedIndex, WantedTable } from "./wanted.ts";

/** What is larger is not locked while an index is made; less takes no longer than a moment. */
const CONCURRENTLY_FROM_BYTES = 1 << 20;

export const newIndexes = (wanted: WantedTable): readonly Change[] =>
  wanted.indexes.map((index) => creation(wanted, index, { concurrently: false, again: false }));

export async function compareIndexes(
  comparison: Comparison,
  wanted: WantedTable,
  matched: Matched,
): Promise<readonly Change[]> {
  const { table } = matched;
  const changes: Change[] = [];
  for (const index of wanted.indexes) {
    const found = table.indexes.find(({ name }) => name === index.name);
    if (found?.valid) continue;
    const concurrently = comparison.dialect === "postgres" && table.bytes > CONCURRENTLY_FROM_BYTES;
    const change = creation(wanted, index, { concurrently, again: found !== undefined });
    const wrong = index.unique ? await duplicates(comparison, matched, index) : "";
    changes.push(wrong === "" ? change : { ...change, severity: "impossible", sentence: wrong });
  }
  const names = new Set(wanted.indexes.map(({ name }) => name));
  for (const { name, made } of table.indexes)
    if (made && !names.has(name))
      changes.push({
        kind: "drop index",
        name,
        table,
        severity: "safe",
        sentence: `drop the index ${name} of ${shown(table)}, which nothing needs any more`,
      });
  return changes;
}

function creation(
  table: WantedTable,
  index: WantedIndex,
  how: { readonly concurrently: boolean; readonly again: boolean },
): Change {
  const columns = index.columns.join(", ");
  const what = index.unique ? `refuse the same ${columns} twice in` : `index ${columns} of`;
  const meanwhile = how.concurrently ? ", while it is written to" : "";
  return {
    kind: "create index",
    index,
    ...how,
    table,
    severity: "safe",
    sentence: `${what} ${shown(table)}${meanwhile}`,
  };
}

/** Which rows stand in the way of a unique index, as a sentence; empty for none. */
async function duplicates(
  { count, dialect }: Comparison,
  { table, pairs }: Matched,
  index: WantedIndex,
): Promise<string> {
  const pairOf = (name: string) => pairs.find(({ wanted }) => wanted.name === name);
  const isNew = (name: string): boolean => pairOf(name)?.column === undefined;
  // A new column is empty, and what is empty is not the same; or it has one value in all rows.
  if (index.columns.some((name) => isNew(name) && pairOf(name)?.wanted.fill === null)) return "";
  const values = index.columns
    .map(pairOf)
    .flatMap((pair) =>
      pair?.column === undefined ? [] : valueAfterwards(pair.wanted, pair.column, dialect),
    );
  // A condition on a column that is new holds for all rows: nothing is deleted yet.
  const named = [...index.where.matchAll(/"([^"]+)"/g)].map(([, name]) => name as string);
  const where = named.some(isNew) ? [] : [index.where].filter((condition) => condition !== "");
  const conditions = [...values.map((value) => `${value} IS NOT NULL`), ...where];
  const groups = `SELECT count(*) AS n FROM ${qualified(table)}${conditions.length > 0 ? ` WHERE ${conditions.join(" AND ")}` : ""}${values.length > 0 ? ` GROUP BY ${values.join(", ")}` : ""} HAVING count(*) > 1`;
  const found = await count(`SELECT count(*) FROM (${groups}) AS g`);
  if (found === 0) return "";
  const rows = await count(`SELECT sum(n) FROM (${groups}) AS g`);
  const what = index.columns.map((name) => `${shown(table)}.${name}`).join(" with ");
  const times = found === 1 ? "1 value occurs" : `${found} values occur`;
  return `${what} is to be unique, and ${times} more than once, in ${rows} rows`;
}

/** Where nothing is to be empty any more, what is empty gets one value. */
function valueAfterwards({ nullable, fill, field }: WantedColumn, column: Column, dialect: Dialect): string {
  const name = identifier(column.name);
  if (nullable || !column.nullable || fill === null || column.field !== field) return name;
  const now = dialect === "sqlite" ? "''" : "now()";
  const value = fill === "now" ? now : literal(fill.value, field, dialect);
  return `coalesce(${name}, ${value})`;
}
