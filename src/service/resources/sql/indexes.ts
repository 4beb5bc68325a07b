/** Which indexes the statements about a resource need, beside the primary key. */
import type { Field, Resource, Resources, SortKey } from "../../../core/resource.ts";
import type { NeededIndex } from "../../migrations/needed-index.ts";
import type { Dialect } from "./columns.ts";
import { keysOf, Order } from "./order.ts";
import { Table } from "./table.ts";

/**
 *   - unique values: of one owner, without what is deleted softly
 *   - what refers to an object, in the order of lists: `/customers/{id}/orders`, and what is in the way of its end
 *   - lists in their own order, of one owner, and of all where somebody may see all
 *   - whatever the config names
 */
export function indexesFor(
  resource: Resource,
  _resources: Resources,
  dialect: Dialect,
): readonly NeededIndex[] {
  const table = new Table(resource, dialect);
  const { id, owner, uniques, fields, sort, everybodyScope } = resource;
  const owners = owner === null ? [] : [owner];
  const single = fields.filter((field) => field.unique && field !== id).map((field) => [field]);
  const references = fields.filter(({ reference }) => reference !== null);
  const lists = owner === null || everybodyScope === "" ? [owners] : [owners, []];
  return withoutRepetitions([
    ...[...single, ...uniques].map((group) => uniqueIndex(table, [...owners, ...group])),
    ...references.map((field) => orderedIndex(table, [field], sort)),
    ...lists
      .map((first) => orderedIndex(table, first, sort))
      .filter(({ columns }) => columns[0] !== id.column),
    ...resource.indexes.map((group) => plainIndex(table, [...owners, ...group, id])),
  ]);
}

function uniqueIndex(table: Table, fields: readonly Field[]): NeededIndex {
  const names = fields.map((field) => table.column(field).name);
  return {
    columns: fields.map(({ column }) => column),
    keys: names.join(", "),
    unique: true,
    where: alive(table),
  };
}

/** Rows that have the same `first` in an order: a page behind any position is one range of it, or a few. */
function orderedIndex(table: Table, first: readonly Field[], sort: readonly SortKey[]): NeededIndex {
  const keys = keysOf(
    table.resource,
    sort.filter(({ field }) => !first.includes(field)),
    table,
  );
  const fields = [...first, ...keys.map(({ column }) => column.field)];
  const names = first.map((field) => table.column(field).name);
  const order = new Order(keys, table.dialect).ofIndex;
  return {
    columns: columnsOf(table, fields),
    keys: [...names, order].join(", "),
    unique: false,
    where: alive(table),
  };
}

/** For equals of the first fields, in the order of the next; the config says no direction. */
function plainIndex(table: Table, fields: readonly Field[]): NeededIndex {
  const all = [...new Set(fields)];
  const keys = all.map((field) => table.column(field).indexed).join(", ");
  return { columns: columnsOf(table, all), keys, unique: false, where: alive(table) };
}

function columnsOf({ resource: { deletedAt } }: Table, fields: readonly Field[]): string[] {
  return [...new Set([...fields, ...(deletedAt === null ? [] : [deletedAt])])].map(({ column }) => column);
}

function alive({ resource: { deletedAt }, columns }: Table): string {
  return deletedAt === null ? "" : `${columns[deletedAt.at]?.name} IS NULL`;
}

function withoutRepetitions(indexes: readonly NeededIndex[]): NeededIndex[] {
  return [...new Map(indexes.map((index) => [`${index.unique} ${index.keys}`, index])).values()];
}
