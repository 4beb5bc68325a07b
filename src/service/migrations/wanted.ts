/** What the definitions ask of a database. */
import { createHash } from "node:crypto";
import type { Field, FieldType, FieldValue, Resource, Resources } from "../../core/resource.ts";
import { indexesFor } from "../resources/sql/indexes.ts";
import type { NeededIndex } from "./needed-index.ts";
import type { Dialect } from "./quote.ts";

export interface WantedTable {
  readonly schema: string;
  readonly name: string;
  /** Only looked at. */
  readonly external: boolean;
  readonly id: WantedColumn;
  readonly columns: readonly WantedColumn[];
  readonly indexes: readonly WantedIndex[];
  readonly foreignKeys: readonly WantedKey[];
}

export interface WantedColumn {
  readonly name: string;
  readonly field: FieldType;
  readonly nullable: boolean;
  /** What objects get that are there already. */
  readonly fill: { readonly value: FieldValue } | "now" | null;
  readonly counted: boolean;
  /** Other names of the field, under which the column may still be. */
  readonly formerly: readonly string[];
}

export interface WantedIndex extends NeededIndex {
  /** Says what it is of, and changes with it: an index of this name needs no comparison. */
  readonly name: string;
}

export interface WantedKey {
  readonly name: string;
  readonly column: string;
  readonly schema: string;
  readonly table: string;
  /** Column of that table. */
  readonly id: string;
}

/** `schemaOf` says where a table is, or goes, whose definition does not. */
export function wantedTables(
  resources: Resources,
  dialect: Dialect,
  schemaOf: (table: string) => string,
): readonly WantedTable[] {
  // SQLite does not tell upper from lower case.
  const nameOf = (name: string): string => (dialect === "sqlite" ? name.toLowerCase() : name);
  const placeOf = (resource: Resource) => ({
    schema: dialect === "sqlite" ? "" : resource.schema || schemaOf(resource.table),
    table: nameOf(resource.table),
  });
  const columnFor = (resource: Resource, field: Field): WantedColumn => ({
    name: nameOf(field.column),
    field: field.type,
    nullable: field.nullable && field !== resource.id,
    fill: field === resource.revision ? { value: 1 } : fillOf(resource, field),
    counted: field === resource.id && resource.idRule.kind === "counted",
    formerly: namesOf(resource, field).map(nameOf),
  });
  const keyFor = (resource: Resource, field: Field): WantedKey | undefined => {
    const parent = field.reference && resources.get(field.reference.resource);
    if (!parent || parent.external) return undefined;
    const column = nameOf(field.column);
    const place = { ...placeOf(parent), id: nameOf(parent.id.column) };
    return { name: madeName(resource.table, [column], "fkey", place), column, ...place };
  };
  return [...resources.values()].map((resource) => {
    const { schema: at, table: name } = placeOf(resource);
    const columns = resource.fields.map((field) => columnFor(resource, field));
    // What is deleted softly may go on naming what is gone.
    const referring = resource.external || resource.deletedAt !== null ? [] : resource.fields;
    const needed = resource.external ? [] : indexesFor(resource, resources, dialect);
    return {
      schema: at,
      name,
      external: resource.external,
      id: columns[resource.id.at] as WantedColumn,
      columns,
      indexes: needed.map((index) => ({
        ...index,
        columns: index.columns.map(nameOf),
        name: madeName(name, index.columns.map(nameOf), index.unique ? "key" : "idx", index),
      })),
      foreignKeys: referring.map((field) => keyFor(resource, field)).filter((key) => key !== undefined),
    };
  });
}

/** Timestamps that are asked for later say when they began. */
const fillOf = (resource: Resource, field: Field): WantedColumn["fill"] =>
  field === resource.createdAt || field === resource.updatedAt ? "now" : field.default;

function namesOf(resource: Resource, field: Field): readonly string[] {
  const shown = [...resource.views.values()].flatMap(({ fields }) =>
    fields.filter((entry) => entry.field === field).map(({ name }) => name),
  );
  return [...new Set([field.name, ...shown])].filter((name) => name !== field.column);
}

/** PostgreSQL cuts off what is longer, in bytes. */
const LONGEST = 63;

/** Of whatever has no name in the config: says what it is, and changes with all that it is made of. */
function madeName(table: string, columns: readonly string[], end: string, what: unknown): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([table, what]))
    .digest("hex")
    .slice(0, 8);
  const readable = [table, ...columns].join("_").replaceAll(/[^\w]/g, "");
  return `${readable.slice(0, LONGEST - end.length - hash.length - 2)}_${end}_${hash}`;
}

/** Of a foreign key, which is registered nowhere else. */
export const isMadeName = (name: string): boolean => /_fkey_[0-9a-f]{8}$/.test(name);
