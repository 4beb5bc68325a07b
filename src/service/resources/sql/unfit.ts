/** Which values a column of somebody else's table does not take: PostgreSQL says what is wrong with one, not with which. */
import type { Database } from "../../../core/database.ts";
import type { Field, Row } from "../../../core/resource.ts";
import { isUnfit } from "./refusal.ts";
import type { Table } from "./table.ts";

/** Empty where each value is one by itself, or the user may not try. */
export async function unfitFields(
  database: Database,
  table: Table,
  before: Row | null,
  after: Row,
): Promise<readonly Field[]> {
  const unfit: Field[] = [];
  for (const field of table.resource.fields) {
    const value = after[field.at] ?? null;
    const isNew = before === null || before[field.at] !== value;
    if (isNew && value !== null && !(await isTaken(database, table, field, value))) unfit.push(field);
  }
  return unfit;
}

async function isTaken(
  database: Database,
  table: Table,
  field: Field,
  value: NonNullable<Row[number]>,
): Promise<boolean> {
  const { statement, values } = table.trial(field, value);
  try {
    await database.run(statement, values);
    return true;
  } catch (thrown) {
    return !isUnfit(thrown);
  }
}
