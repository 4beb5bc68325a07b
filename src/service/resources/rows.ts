import type { Field, FieldValue, Resource, Resources, Row } from "../../core/resource.ts";
import type { Caller } from "./caller.ts";
import type { Values } from "./input/types.ts";
import type { Owner, Referred } from "./store.ts";
import { ownerOf } from "./tenancy.ts";

export const isoTime = (wall: number): string => new Date(wall).toISOString();

/** The moment as a field of that type has it. */
export function momentOf({ type }: Field, wall: number): string {
  return type === "date" ? isoTime(wall).slice(0, 10) : isoTime(wall);
}

export interface Birth {
  /** Null where the database counts it, or it is in the row. */
  readonly id: FieldValue;
  readonly owner: Owner;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A row with what nobody but the service sets. */
export function born(resource: Resource, row: Row, { id, owner, now }: Birth): Row {
  const fresh = [...row];
  const put = (field: Field | null, value: FieldValue): void => {
    if (field !== null) fresh[field.at] = value;
  };
  if (id !== null) put(resource.id, id);
  put(resource.owner, owner);
  put(resource.revision, 1);
  put(resource.createdAt, isoTime(now));
  put(resource.updatedAt, isoTime(now));
  put(resource.deletedAt, null);
  return fresh;
}

/** The row after a change; the very same one where nothing has changed. */
export function changed(resource: Resource, before: Row, after: Row, now: number): Row {
  if (sameRow(before, after)) return before;
  const { revision, updatedAt } = resource;
  const next = [...after];
  if (revision !== null) next[revision.at] = Number(before[revision.at]) + 1;
  if (updatedAt !== null) next[updatedAt.at] = isoTime(now);
  return next;
}

export function sameRow(one: Row, other: Row): boolean {
  return one === other || one.every((value, at) => value === other[at]);
}

/** The row with what a function of the config says. */
export const merged = (row: Row, values: Values): Row =>
  row.map((value, at) => {
    const other = values[at];
    return other === undefined ? value : other;
  });

/** What a new row names, or a changed one names anew. `caller` decides whose that may be where the row has no owner. */
export function referredBy(
  resource: Resource,
  before: Row | null,
  after: Row,
  all: Resources,
  caller: Caller,
): Referred[] {
  const referred: Referred[] = [];
  for (const field of resource.fields) {
    const id = after[field.at] ?? null;
    if (field.reference === null || id === null || typeof id === "boolean") continue;
    if (before !== null && before[field.at] === id) continue;
    const target = all.get(field.reference.resource) as Resource;
    const whose = resource.owner === null ? { owner: ownerOf(target, caller) } : {};
    referred.push({ field, resource: target, id, ...whose });
  }
  return referred;
}

/** @throws Error where a field has no value that must have one: only a function of the config can do that. */
export function requireWhole(resource: Resource, row: Row): void {
  const empty = resource.fields.find(
    (field) => !field.nullable && (row[field.at] ?? null) === null && !isSetLater(resource, field),
  );
  if (empty !== undefined)
    throw new Error(`a hook has left "${empty.name}" of ${resource.name} without a value`);
}

const isSetLater = (resource: Resource, field: Field): boolean =>
  field === resource.id || field === resource.revision;
