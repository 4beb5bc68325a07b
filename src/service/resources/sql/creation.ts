import type { Query, Rows, Work } from "../../../core/database.ts";
import type { FieldValue, Resource, Row } from "../../../core/resource.ts";
import { identifier } from "../../migrations/quote.ts";
import type { Decision, Keyed } from "../store.ts";
import { inserted } from "./stored.ts";
import type { Table } from "./table.ts";
import type { Writer } from "./writer.ts";

export type Birth<Result> = Decision<Result> & { readonly row: Row };
export type Decide<Result> = (counted: FieldValue) => Birth<Result>;

/** A new row as a transaction of several statements. */
export function* creation<Result>(
  writer: Writer,
  resource: Resource,
  keyed: Keyed | null,
  decide: Decide<Result>,
): Work<Result> {
  const table = writer.tables.of(resource);
  yield* writer.claim(keyed);
  const counted = resource.idRule.kind === "counted" ? nextId(resource, yield nextIdQuery(table)) : null;
  const decision = decide(counted);
  yield* writer.requireReferred(resource, decision.row, decision.referred);
  const stored = yield* inserted(table, decision.row);
  return yield* writer.finish(keyed, decision, stored);
}

/** The number that the database gives the next row: the id is known before the row is there. */
export function nextIdQuery({ resource, place, dialect }: Table): Query {
  const id = resource.id.column;
  const name = `${resource.name}-next-id`;
  if (dialect === "postgres") {
    const text = "SELECT nextval(pg_get_serial_sequence($1, $2)::regclass)";
    return { statement: { name, text }, values: [place, id] };
  }
  // Never one that was given before, also if the last rows have been deleted.
  const last = resource.external ? "0" : "(SELECT seq FROM sqlite_sequence WHERE name = $1 COLLATE NOCASE)";
  const text = `SELECT 1 + max(coalesce(${last}, 0), coalesce((SELECT max(${identifier(id)}) FROM ${place}), 0))`;
  return { statement: { name, text }, values: resource.external ? [] : [resource.table] };
}

/** @throws Error where somebody else's table does not count. */
export function nextId({ id, name }: Resource, rows: Rows): FieldValue {
  const value = rows[0]?.[0] ?? null;
  if (value === null) throw new Error(`the table of ${name} has no sequence for its ids`);
  return id.type === "bigint" ? String(value) : Number(value);
}
