import type { Query, Work } from "../../../core/database.ts";
import type { FieldValue, Resource, Row } from "../../../core/resource.ts";
import { insertEvent } from "../events.ts";
import type { OnceRecords } from "../once-records.ts";
import type { Decision, Keyed, Owner, Referred, Told } from "../store.ts";
import { Refusal } from "./refusal.ts";
import type { Tables } from "./tables.ts";

/** The steps that transactions are made of. */
export class Writer {
  readonly tables: Tables;
  readonly #once: OnceRecords;

  constructor(tables: Tables, once: OnceRecords) {
    this.tables = tables;
    this.#once = once;
  }

  /** Comes first. */
  *claim(keyed: Keyed | null): Work<void> {
    if (keyed === null) return;
    const repetition = yield* this.#once.claim(keyed);
    if (repetition !== null) throw new Refusal({ kind: "repeated", repetition });
  }

  /** What is referred to is there, and stays until the transaction ends. */
  *requireReferred(resource: Resource, row: Row, referred: readonly Referred[]): Work<void> {
    const dangling: Referred[] = [];
    for (const one of referred) {
      const query = this.#there(resource, row, one);
      const found = query === null ? [] : yield query;
      if (found.length === 0) dangling.push(one);
    }
    if (dangling.length > 0)
      throw new Refusal({ kind: "dangling", fields: dangling.map(({ field }) => field) });
  }

  #there(resource: Resource, row: Row, referred: Referred): Query | null {
    const owner = ownerOfReferred(resource, row, referred);
    return owner === undefined ? null : this.tables.of(referred.resource).there(referred.id, owner);
  }

  /** Comes last. `stored`: the row as it is now. */
  *finish<Result>(keyed: Keyed | null, decision: Decision<Result>, stored: Row | null): Work<Result> {
    const { event, kept, result } = toldOf(decision, stored);
    if (event !== null) yield insertEvent(this.tables.dialect, event);
    if (keyed === null) return result;
    if (kept === null) throw new Error("a request with a key has no answer to keep");
    yield this.#once.finish(keyed, kept);
    return result;
  }
}

export function toldOf<Result>(decision: Decision<Result>, stored: Row | null): Told<Result> {
  if (!("told" in decision)) return decision;
  if (stored === null) throw new Error("what is told of a stored row is not told of a deletion");
  return decision.told(stored);
}

/** Whose the object that a row names has to be; null for anybody's, undefined where nobody's is allowed. */
export function ownerOfReferred(
  { owner }: Resource,
  row: Row,
  { resource, owner: asked }: Referred,
): Owner | undefined {
  if (resource.owner === null) return null;
  return owner === null ? asked : (ownerText(row[owner.at]) ?? undefined);
}

const ownerText = (value: FieldValue | undefined): string | null =>
  value === undefined || value === null ? null : String(value);
