import type { Query, Work } from "../../../core/database.ts";
import type { Resource, ResourceEvent, Row } from "../../../core/resource.ts";
import { eventOf } from "../change-event.ts";
import { insertEvent } from "../events.ts";
import type { Ids } from "../ids.ts";
import { changed, isoTime } from "../rows.ts";
import type { Along, Owner } from "../store.ts";
import { closureOf, type Node } from "./closure.ts";
import type { Referrers } from "./references.ts";
import { updated } from "./stored.ts";
import type { Tables } from "./tables.ts";

export interface DeletionParts {
  readonly tables: Tables;
  readonly referrers: Referrers;
  /** Of the events of what goes along. */
  readonly ids: Ids;
  /** Milliseconds since the epoch. */
  readonly wall: () => number;
}

/** Deletes what a transaction holds, and what goes with it; those others have events of their own. */
export class Deletion {
  readonly #parts: DeletionParts;

  constructor(parts: DeletionParts) {
    this.#parts = parts;
  }

  /**
   * What became of the others that somebody is to be told of.
   *
   * @throws Refusal `referred`.
   */
  *run(resource: Resource, row: Row, owner: Owner): Work<readonly Along[]> {
    const { tables, referrers } = this.#parts;
    const root = { resource, row };
    const now = this.#parts.wall();
    if (!referrers.has(resource)) {
      yield this.#deletionOf(root, owner, now);
      return [];
    }
    // From here on nothing comes to refer to it.
    if (resource.deletedAt === null)
      yield tables.of(resource).get(row[resource.id.at] ?? null, owner, "delete");
    const { deleted, cleared } = yield* closureOf(root, tables, referrers);
    const along: Along[] = [];
    for (const { resource: other, row: before, after } of cleared) {
      const cleaned = changed(other, before, after, now);
      const stored = yield* updated(tables.of(other), before, cleaned, null);
      along.push(...(yield* this.#tell({ resource: other, row: before }, stored, now)));
    }
    for (const node of deleted) {
      const named = node === root;
      yield this.#deletionOf(node, named ? owner : null, now);
      if (!named) along.push(...(yield* this.#tell(node, null, now)));
    }
    return along;
  }

  #deletionOf({ resource, row }: Node, owner: Owner, now: number): Query {
    const table = this.#parts.tables.of(resource);
    const { deletedAt, id } = resource;
    if (deletedAt === null) return table.delete(row[id.at] ?? null, owner);
    return table.update(row, changed(resource, row, row.with(deletedAt.at, isoTime(now)), now), owner);
  }

  *#tell({ resource, row }: Node, after: Row | null, now: number): Work<readonly Along[]> {
    if (!resource.events && resource.hooks.afterCommit === undefined) return [];
    const what = after === null ? "deleted" : "updated";
    const id = this.#parts.ids.prefixed("evt");
    const event: ResourceEvent = eventOf(resource, { what, before: row, after }, id, now);
    if (resource.events) yield insertEvent(this.#parts.tables.dialect, event);
    return [{ resource, row: after, event }];
  }
}
