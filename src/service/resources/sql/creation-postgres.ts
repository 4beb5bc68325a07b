/**
 * A new row on PostgreSQL in one statement: one round trip, and one transaction without BEGIN and COMMIT. Its parts
 * depend on each other: no record of the key without what the row refers to, no row without the record, no event without
 * the row.
 */
import type { Parameter, Query, Rows } from "../../../core/database.ts";
import type { Resource } from "../../../core/resource.ts";
import { EVENT_VALUES, eventPart, eventValues } from "../events.ts";
import { RECORD_VALUES, recordPart, recordValues } from "../once-postgres.ts";
import type { Keyed, Referred, Told } from "../store.ts";
import type { Birth } from "./creation.ts";
import { Parameters } from "./parameters.ts";
import type { Tables } from "./tables.ts";
import { ownerOfReferred } from "./writer.ts";

/** Beyond that they are not prepared: there would be one statement for each choice of references. */
const MOST_NAMED = 3;

export function creationQuery(
  tables: Tables,
  resource: Resource,
  keyed: Keyed | null,
  decision: Birth<unknown>,
  { event, kept }: Told<unknown>,
): Query {
  const { row, referred } = decision;
  const parameters = new Parameters();
  const parts = referred.map(
    (one, at) => `referred${at} AS (${referredText(tables, resource, decision, one, parameters)})`,
  );
  const allowed = referred.map((_, at) => `EXISTS (SELECT FROM referred${at})`).join(" AND ");
  const condition = allowed === "" ? "" : `WHERE ${allowed}`;
  if (keyed !== null) {
    if (kept === null) throw new Error("a request with a key has no answer to keep");
    const first = reserve(parameters, RECORD_VALUES, recordValues(keyed, kept));
    parts.push(`record AS (${recordPart(first, condition)})`);
  }
  const from = keyed === null ? condition : "FROM record";
  const insert = tables.of(resource).insertText(row, parameters, (values) => `SELECT ${values} ${from}`);
  parts.push(`written AS (${insert} RETURNING 1)`);
  if (event !== null) {
    const first = reserve(parameters, EVENT_VALUES, eventValues(event));
    parts.push(`event AS (${eventPart(first, "FROM written")})`);
  }
  const counted = ["written", ...referred.map((_, at) => `referred${at}`)];
  const text = `WITH ${parts.join(", ")} SELECT ${counted.map((part) => `(SELECT count(*) FROM ${part})`).join(", ")}`;
  const statement = referred.length > MOST_NAMED ? { text } : { text, name: `${resource.name}-create` };
  return { statement, values: parameters.values };
}

function referredText(
  tables: Tables,
  resource: Resource,
  { row }: Birth<unknown>,
  referred: Referred,
  parameters: Parameters,
): string {
  const owner = ownerOfReferred(resource, row, referred);
  if (owner === undefined) return "SELECT 1 WHERE false";
  return tables.of(referred.resource).thereText(referred.id, owner, parameters);
}

function reserve(parameters: Parameters, count: number, values: readonly Parameter[]): number {
  if (values.length !== count) throw new Error("a part of a statement has other values than it says");
  const first = parameters.values.length + 1;
  parameters.values.push(...values);
  return first;
}

/** What came of it: null where the key was used before. */
export function createdOf(
  rows: Rows,
  referred: readonly Referred[],
): { readonly dangling: readonly Referred[] } | null {
  const [written, ...there] = (rows[0] ?? []).map(Number);
  const dangling = referred.filter((_, at) => there[at] === 0);
  return written === 0 && dangling.length === 0 ? null : { dangling };
}
