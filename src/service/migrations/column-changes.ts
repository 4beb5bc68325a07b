/** Columns: those that are missing, those of another kind, and those that nothing asks for any more. */
import type { Change, Severity } from "./change.ts";
import { conversion, fits } from "./columns.ts";
import { type Comparison, hasRows, rowsAre, rowsIn } from "./comparison.ts";
import { type Column, columnOf, type Table } from "./picture.ts";
import { identifier, qualified, shown } from "./quote.ts";
import type { WantedColumn, WantedTable } from "./wanted.ts";

/** A table's columns beside those that it is to have. */
export interface Matched {
  readonly table: Table;
  readonly pairs: readonly { readonly wanted: WantedColumn; readonly column: Column | undefined }[];
  readonly unwanted: readonly Column[];
}

/** By name; else by a name that the field has elsewhere, where the column was made for it and nothing else wants it. */
export function matchColumns(wanted: WantedTable, table: Table): Matched {
  const names = new Set(wanted.columns.map(({ name }) => name));
  const taken = new Set<string>();
  const pairs = wanted.columns.map((column) => {
    const found =
      columnOf(table, column.name) ??
      table.columns.find(
        ({ name, field }) =>
          field === column.field && column.formerly.includes(name) && !names.has(name) && !taken.has(name),
      );
    if (found !== undefined) taken.add(found.name);
    return { wanted: column, column: found };
  });
  return { table, pairs, unwanted: table.columns.filter(({ name }) => !taken.has(name)) };
}

export async function compareColumns(
  comparison: Comparison,
  wanted: WantedTable,
  matched: Matched,
  leftAlone: string[],
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (const pair of matched.pairs) {
    if (pair.wanted.name === wanted.id.name) continue;
    changes.push(
      ...(pair.column === undefined
        ? [await addition(comparison, matched.table, pair.wanted)]
        : await alterations(comparison, matched.table, pair.wanted, pair.column)),
    );
  }
  for (const column of matched.unwanted)
    changes.push(...abandoned(comparison, matched.table, column, leftAlone));
  return changes;
}

async function addition(comparison: Comparison, table: Table, column: WantedColumn): Promise<Change> {
  const name = `${shown(table)}.${column.name}`;
  const change = { kind: "add column", column, table } as const;
  if (column.nullable || column.fill !== null || !(await hasRows(comparison, table))) {
    const filled = column.fill === null ? "" : `, with ${shownFill(column)} in the rows that are there`;
    return { ...change, severity: "safe", sentence: `add the column ${name}${filled}` };
  }
  const rows = await rowsIn(comparison, table);
  return {
    ...change,
    severity: "impossible",
    sentence: `${name} is new and may not be empty, and ${rowsAre(rows)} no value for it: give it a \`default\`, or \`nullable: true\``,
  };
}

const shownFill = ({ fill }: WantedColumn): string =>
  fill === "now" ? "the time of now" : JSON.stringify(fill?.value ?? null);

async function alterations(
  comparison: Comparison,
  table: Table,
  wanted: WantedColumn,
  column: Column,
): Promise<readonly Change[]> {
  if (column.field === null) return foreignColumn(comparison, table, wanted, column);
  const changes: Change[] = [];
  const name = `${shown(table)}.${wanted.name}`;
  if (column.name !== wanted.name)
    changes.push({
      kind: "rename column",
      from: column.name,
      to: wanted.name,
      field: column.field,
      table,
      severity: "safe",
      sentence: `rename the column ${shown(table)}.${column.name} to ${wanted.name}`,
    });
  if (column.field !== wanted.field) changes.push(await newType(comparison, table, wanted, column));
  if (wanted.nullable && !column.nullable)
    changes.push({
      kind: "allow null",
      column: wanted.name,
      table,
      severity: "safe",
      sentence: `let ${name} be empty`,
    });
  if (!wanted.nullable && column.nullable) changes.push(await refusal(comparison, table, wanted, column));
  return changes;
}

async function newType(
  { dialect, count }: Comparison,
  table: Table,
  wanted: WantedColumn,
  column: Column,
): Promise<Change> {
  const name = `${shown(table)}.${wanted.name}`;
  const from = column.field as NonNullable<Column["field"]>;
  const how = conversion(from, wanted.field, dialect);
  const change = { kind: "change type", column: wanted, table } as const;
  const safe = {
    severity: "safe",
    sentence: `make ${name} ${article(wanted.field)}, of ${article(from)}`,
  } as const;
  const present = `SELECT count(*) FROM ${qualified(table)} WHERE ${identifier(column.name)} IS NOT NULL`;
  if (how === undefined) {
    const values = await count(present);
    if (values === 0) return { ...change, ...safe, conversion: null };
    return {
      ...change,
      conversion: null,
      severity: "impossible",
      sentence: `${name} is ${article(from)}, and cannot become ${article(wanted.field)} without loss: ${rowsAre(values)} a value; add a field of another name instead`,
    };
  }
  const misfits = how.misfits.replaceAll("§", identifier(column.name));
  const wrong = misfits === "" ? 0 : await count(`${present} AND (${misfits})`);
  if (wrong === 0) return { ...change, ...safe, conversion: how };
  return {
    ...change,
    conversion: how,
    severity: "impossible",
    sentence: `${name} cannot become ${article(wanted.field)}: ${rowsAre(wrong)} a value that is none`,
  };
}

const article = (type: string): string => `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;

async function refusal(
  { count }: Comparison,
  table: Table,
  wanted: WantedColumn,
  column: Column,
): Promise<Change> {
  const name = `${shown(table)}.${wanted.name}`;
  const nulls = await count(
    `SELECT count(*) FROM ${qualified(table)} WHERE ${identifier(column.name)} IS NULL`,
  );
  const filled = wanted.fill !== null;
  const severity: Severity = nulls === 0 ? "safe" : filled ? "destructive" : "impossible";
  const sentences: Readonly<Record<Severity, string>> = {
    safe: `refuse empty values of ${name}`,
    destructive: `write ${shownFill(wanted)} where ${name} is empty, in ${nulls} of the rows, and refuse empty values`,
    impossible: `${name} may no longer be empty, and ${rowsAre(nulls)} no value: give it a \`default\`, or \`nullable: true\``,
  };
  return { kind: "refuse null", column: wanted, nulls, table, severity, sentence: sentences[severity] };
}

/** Somebody else made it: it is used as it is, or not at all. */
function foreignColumn(
  { dialect }: Comparison,
  table: Table,
  wanted: WantedColumn,
  column: Column,
): readonly Change[] {
  const impossible = (sentence: string): Change[] => [
    {
      kind: "nothing",
      table,
      severity: "impossible",
      sentence: `${shown(table)}.${column.name}, which Turnpike did not make, ${sentence}`,
    },
  ];
  if (!fits(column, wanted.field, dialect))
    return impossible(`is of the type ${column.type}, which cannot hold ${article(wanted.field)}`);
  if (column.generated) return impossible("is generated by the database, and cannot be written");
  if (wanted.nullable && !column.nullable)
    return impossible("may not be empty: make the field `required`, or give it a `default`");
  return [];
}

/** Nothing writes it any more, so it has to allow rows without it. */
function abandoned(
  { destructive }: Comparison,
  table: Table,
  column: Column,
  leftAlone: string[],
): readonly Change[] {
  const name = `${shown(table)}.${column.name}`;
  const needed = !column.nullable && !column.filled;
  if (column.field === null)
    return needed
      ? [
          {
            kind: "nothing",
            table,
            severity: "impossible",
            sentence: `${name}, which Turnpike did not make and no field names, may not be empty: no row could be written`,
          },
        ]
      : [];
  if (destructive)
    return [
      {
        kind: "drop column",
        column: column.name,
        table,
        severity: "destructive",
        sentence: `drop the column ${name} with all its values`,
      },
    ];
  leftAlone.push(`the column ${name}`);
  if (!needed) return [];
  return [
    {
      kind: "allow null",
      column: column.name,
      table,
      severity: "safe",
      sentence: `let ${name} be empty, which no field has any more`,
    },
  ];
}
