import type { Query, Rows, Statement } from "../../../core/database.ts";
import type { Found, Page, Selection } from "../store.ts";
import { conditionsOf } from "./conditions.ts";
import { keysOf, Order } from "./order.ts";
import { Parameters } from "./parameters.ts";
import type { Table } from "./table.ts";

type Keyset = Extract<Page, { kind: "keyset" }>;
type Offset = Extract<Page, { kind: "offset" }>;

/** A list's statement. One row more than is asked for shows whether there are more. */
export function listQuery(table: Table, selection: Selection, page: Page): Query {
  return page.kind === "offset" ? offsetQuery(table, selection, page) : keysetQuery(table, selection, page);
}

function offsetQuery(table: Table, selection: Selection, { offset, limit }: Offset): Query {
  const parameters = new Parameters();
  const order = new Order(keysOf(table.resource, selection.sort, table), table.dialect);
  const where = whereOf(conditionsOf(table, selection, parameters));
  const text = `SELECT ${table.selected} FROM ${table.from}${where} ORDER BY ${order.ofAll} LIMIT ${parameters.put(limit + 1)} OFFSET ${parameters.put(offset)}`;
  return { statement: { text }, values: parameters.values };
}

function keysetQuery(table: Table, selection: Selection, { position, backwards, limit }: Keyset): Query {
  const parameters = new Parameters();
  const order = new Order(keysOf(table.resource, selection.sort, table), table.dialect, backwards);
  const conditions = conditionsOf(table, selection, parameters);
  const pieces = order.pieces(position, parameters);
  // What comes of the definitions alone: the server plans it once.
  const most = limit === table.resource.limits.default ? String(limit + 1) : parameters.put(limit + 1);
  const one = (piece: readonly string[]): string =>
    `SELECT ${table.selected} FROM ${table.from}${whereOf([...conditions, ...piece])} ORDER BY ${order.ofPiece} LIMIT ${most}`;
  const text =
    pieces.length === 1
      ? one(pieces[0] as readonly string[])
      : `SELECT * FROM (${pieces.map((piece, at) => `SELECT * FROM (${one(piece)}) AS piece${at}`).join(" UNION ALL ")}) AS o ORDER BY ${order.ofAll} LIMIT ${most}`;
  return {
    statement: statementOf(table, selection, { position, backwards, limit }, text),
    values: parameters.values,
  };
}

const whereOf = (conditions: readonly string[]): string =>
  conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;

/** Only what everybody asks has a name: of the ways to filter and sort there is no end. */
function statementOf(
  { resource }: Table,
  { owner, filters, sort }: Selection,
  { position, backwards, limit }: Pick<Keyset, "position" | "backwards" | "limit">,
  text: string,
): Statement {
  const usual = filters.length === 0 && sort === resource.sort && limit === resource.limits.default;
  // The text depends on which values of the position are none.
  if (!usual || position?.includes(null)) return { text };
  const which = position === null ? "first" : "next";
  return {
    name: `${resource.name}-${which}${backwards ? "-back" : ""}${owner === null ? "-of-all" : ""}`,
    text,
  };
}

/** The rows of a list's statement, as they are shown. */
export function foundOf(table: Table, rows: Rows, page: Page): Found {
  const more = rows.length > page.limit;
  const kept = table.rows(more ? rows.slice(0, page.limit) : rows);
  return { rows: page.kind === "keyset" && page.backwards ? kept.toReversed() : kept, more };
}

export function countQuery(table: Table, selection: Pick<Selection, "owner" | "filters">): Query {
  const parameters = new Parameters();
  const where = whereOf(conditionsOf(table, selection, parameters));
  return { statement: { text: `SELECT count(*) FROM ${table.from}${where}` }, values: parameters.values };
}
