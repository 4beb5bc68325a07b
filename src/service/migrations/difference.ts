/** What has to change so that a database has what the definitions ask for. Only reads. */
import type { Change } from "./change.ts";
import { compareColumns, matchColumns } from "./column-changes.ts";
import type { Comparison } from "./comparison.ts";
import { obstacles } from "./external.ts";
import { compareId } from "./id-changes.ts";
import { compareIndexes, newIndexes } from "./index-changes.ts";
import { compareKeys, keysOfOthers, newKeys } from "./key-changes.ts";
import { type Picture, type Table, tableKey } from "./picture.ts";
import { shown } from "./quote.ts";
import { isMadeName, type WantedTable } from "./wanted.ts";

export interface Difference {
  readonly changes: readonly Change[];
  /** What was made for definitions that are gone, for people. Dropped only where that is asked for. */
  readonly leftAlone: readonly string[];
}

export async function difference(comparison: Comparison): Promise<Difference> {
  const leftAlone: string[] = [];
  const changes: Change[] = newSchemas(comparison);
  for (const wanted of comparison.wanted) {
    const table = comparison.picture.tables.get(tableKey(wanted.schema, wanted.name));
    changes.push(...(await compareTable(comparison, wanted, table, leftAlone)));
  }
  for (const table of abandoned(comparison)) changes.push(...abandonedTable(comparison, table, leftAlone));
  return { changes: [...changes, ...keysOfOthers(comparison, changes)], leftAlone };
}

function newSchemas({ wanted, picture }: Comparison): Change[] {
  const missing = wanted.filter(({ schema, external }) => !external && !picture.schemas.has(schema));
  return [...new Map(missing.map((table) => [table.schema, table])).values()].map((table) => ({
    kind: "create schema",
    schema: table.schema,
    table,
    severity: "safe",
    sentence: `create the schema ${table.schema}`,
  }));
}

async function compareTable(
  comparison: Comparison,
  wanted: WantedTable,
  table: Table | undefined,
  leftAlone: string[],
): Promise<readonly Change[]> {
  if (wanted.external) return obstacles(comparison, wanted, table);
  if (table === undefined) return newTable(comparison, wanted);
  if (table.kind === "other") return [otherKind(table)];
  const matched = matchColumns(wanted, table);
  const id = await compareId(comparison, wanted, matched);
  if (id === "replace") return replacedTable(comparison, wanted, table);
  return [
    ...id,
    ...(await compareColumns(comparison, wanted, matched, leftAlone)),
    ...(await compareIndexes(comparison, wanted, matched)),
    ...(await compareKeys(comparison, wanted, matched)),
  ];
}

const newTable = (comparison: Comparison, wanted: WantedTable): readonly Change[] => [
  {
    kind: "create table",
    wanted,
    table: wanted,
    severity: "safe",
    sentence: `create the table ${shown(wanted)}, with ${wanted.columns.length} columns`,
  },
  ...newIndexes(wanted),
  ...newKeys(comparison, wanted),
];

const replacedTable = (comparison: Comparison, wanted: WantedTable, table: Table): readonly Change[] => [
  {
    kind: "replace table",
    wanted,
    table,
    severity: "safe",
    sentence: `make the table ${shown(table)} anew, which is empty: its id is of another kind`,
  },
  ...newIndexes(wanted),
  ...newKeys(comparison, wanted),
];

const otherKind = (table: Table): Change => ({
  kind: "nothing",
  table,
  severity: "impossible",
  sentence: `${shown(table)} is no table but a view or the like: give the resource another \`table\`, or say \`external: true\``,
});

/** Tables that were made for resources which are gone. */
const abandoned = ({ picture, wanted }: Comparison): readonly Table[] => {
  const named = new Set(wanted.map(({ schema, name }) => tableKey(schema, name)));
  return [...picture.tables]
    .filter(([key, table]) => table.made && !named.has(key))
    .map(([, table]) => table);
};

/** Its rows would go on forbidding the deletion of what they refer to. */
function abandonedTable(
  { destructive, picture, dialect }: Comparison,
  table: Table,
  leftAlone: string[],
): readonly Change[] {
  if (!destructive) leftAlone.push(`the table ${shown(table)}`);
  const keys = table.foreignKeys
    .filter(({ name, schema, table: parent }) =>
      name === "" ? isMade(picture, schema, parent) : isMadeName(name),
    )
    .map(
      (key): Change => ({
        kind: "drop key",
        key,
        table,
        severity: "safe",
        sentence: `let ${shown(table)}, which no resource has any more, no longer hold what it refers to`,
      }),
    );
  if (!destructive) return keys;
  const drop: Change = {
    kind: "drop table",
    table,
    severity: "destructive",
    sentence: `drop the table ${shown(table)} with all its rows`,
  };
  // Of PostgreSQL's tables, those that refer to each other can only be dropped without their keys.
  return dialect === "sqlite" ? [drop] : [...keys, drop];
}

const isMade = (picture: Picture, schema: string, table: string): boolean =>
  picture.tables.get(tableKey(schema, table))?.made === true;
