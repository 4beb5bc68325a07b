/**
 * Rows as they are stored. Tables of our own hold what they are given. Somebody else's round, fill up, generate, and have
 * triggers that run after the statement, whose RETURNING does not show what they do: they are read again.
 */
import type { Work } from "../../../core/database.ts";
import type { FieldValue, Row } from "../../../core/resource.ts";
import type { Owner } from "../store.ts";
import { Refusal } from "./refusal.ts";
import type { Table } from "./table.ts";

/** @throws Refusal `unfit` where the database has not kept it. */
export function* inserted(table: Table, row: Row): Work<Row> {
  const { id, external } = table.resource;
  const [answer] = yield table.insert(row);
  if (!external) return row;
  return yield* readAgain(table, answer === undefined ? row[id.at] : (answer[0] as FieldValue), null);
}

/** @throws Refusal `unfit` where the database has not kept it. */
export function* updated(table: Table, before: Row, after: Row, owner: Owner): Work<Row> {
  const { id, external } = table.resource;
  yield table.update(before, after, owner);
  return external ? yield* readAgain(table, after[id.at], owner) : after;
}

function* readAgain(table: Table, id: FieldValue | undefined, owner: Owner): Work<Row> {
  const [row] = table.rows(yield table.get(id ?? null, owner));
  if (row !== undefined) return row;
  throw new Refusal({ kind: "unfit", fields: [], cause: new Error("the database has not kept the row") });
}
