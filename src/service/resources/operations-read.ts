import type { Field, FieldValue, Row } from "../../core/resource.ts";
import type { CursorScope, Cursors } from "./cursor.ts";
import { type Expanded, type Expander, NOTHING_EXPANDED } from "./expand.ts";
import type { ListInput } from "./input/types.ts";
import { notFound, type Permit } from "./permit.ts";
import type { Filter, Found, Page, ResourceStore, Selection } from "./store.ts";

export interface ReadParts {
  readonly store: ResourceStore;
  readonly cursors: Cursors;
}

/** The object that a list is inside of. */
export interface Parent {
  readonly permit: Permit;
  readonly id: FieldValue;
  /** The reference to it. */
  readonly field: Field;
}

export type ListRequest = Pick<ListInput, "filters" | "sort" | "limit" | "page" | "cursor" | "total">;

export interface Listed {
  readonly rows: readonly Row[];
  readonly expanded: Expanded;
  readonly limit: number;
  /** Null for a list that is read by cursor. */
  readonly page: number | null;
  /** Whether there is more behind these rows. */
  readonly more: boolean;
  /** Cursors; null where there is nothing, and for lists that are read by page. */
  readonly next: string | null;
  readonly previous: string | null;
  /** Null where nobody asked. */
  readonly total: number | null;
}

export interface One {
  readonly row: Row;
  readonly expanded: Expanded;
}

export class Reads {
  readonly #parts: ReadParts;

  constructor(parts: ReadParts) {
    this.#parts = parts;
  }

  /** @throws GatewayError RESOURCE_NOT_FOUND. */
  async get(permit: Permit, id: FieldValue, expander: Expander | null): Promise<One> {
    const row = await this.#parts.store.get(permit.resource, id, permit.owner);
    if (row === null) throw notFound(permit);
    return { row, expanded: (await expander?.load([row])) ?? NOTHING_EXPANDED };
  }

  /** @throws GatewayError INVALID_CURSOR, CURSOR_EXPIRED; RESOURCE_NOT_FOUND for the parent. */
  async list(
    permit: Permit,
    request: ListRequest,
    parent: Parent | null,
    expander: Expander | null,
  ): Promise<Listed> {
    const { store } = this.#parts;
    const selection = selectionOf(permit, request, parent);
    const reading = this.#readingOf(permit, request, parent, selection);
    const [found, total] = await Promise.all([
      store.list(selection, reading.page),
      request.total ? store.count(selection) : null,
      parent === null ? null : this.get(parent.permit, parent.id, null),
    ]);
    const expanded = (await expander?.load(found.rows)) ?? NOTHING_EXPANDED;
    const { limit, page } = request;
    return { rows: found.rows, expanded, limit, page, total, ...reading.around(found) };
  }

  #readingOf(permit: Permit, request: ListRequest, parent: Parent | null, selection: Selection): Reading {
    const { limit, page, cursor } = request;
    if (page !== null) {
      const around = ({ more }: Found): Around => ({ more, next: null, previous: null });
      return { page: { kind: "offset", offset: (page - 1) * limit, limit }, around };
    }
    const { cursors } = this.#parts;
    const scope = scopeOf(permit, selection, parent);
    const { position, backwards } =
      cursor === null ? { position: null, backwards: false } : cursors.read(scope, cursor);
    const write = (at: readonly FieldValue[] | null, back: boolean): string => cursors.write(scope, at, back);
    return {
      page: { kind: "keyset", position, backwards, limit },
      around: (found) => aroundOf(found, { position, backwards }, selection, write),
    };
  }
}

interface Around {
  readonly more: boolean;
  readonly next: string | null;
  readonly previous: string | null;
}

interface Reading {
  readonly page: Page;
  around(found: Found): Around;
}

interface Place {
  readonly position: readonly FieldValue[] | null;
  readonly backwards: boolean;
}

/**
 * The ways on from a page. Where a client has come from there is something, as far as anybody knew; a page that turns out
 * empty leads back to the end of the list that it lies at.
 */
function aroundOf(
  { rows, more }: Found,
  { position, backwards }: Place,
  selection: Selection,
  write: (position: readonly FieldValue[] | null, backwards: boolean) => string,
): Around {
  const at = (row: Row | undefined): readonly FieldValue[] | null =>
    row === undefined ? null : positionOf(row, selection);
  const hasNext = backwards ? position !== null : more;
  const hasPrevious = backwards ? more : position !== null;
  return {
    more: hasNext,
    next: hasNext ? write(at(rows.at(-1)), false) : null,
    previous: hasPrevious ? write(at(rows[0]), true) : null,
  };
}

export function positionOf(row: Row, { resource, sort }: Pick<Selection, "resource" | "sort">): FieldValue[] {
  return [...sort.map(({ field }) => field), resource.id].map(({ at }) => row[at] ?? null);
}

function selectionOf(
  { resource, owner }: Permit,
  { filters, sort }: ListRequest,
  parent: Parent | null,
): Selection {
  if (parent === null) return { resource, owner, filters, sort };
  const inside: Filter = { field: parent.field, comparison: "eq", values: [parent.id] };
  return { resource, owner, filters: [inside, ...filters], sort };
}

function scopeOf({ caller }: Permit, selection: Selection, parent: Parent | null): CursorScope {
  const path = parent === null ? "" : `${parent.permit.resource.name}/${String(parent.id)}`;
  return { ...selection, version: caller.version?.name ?? "", parent: path };
}
