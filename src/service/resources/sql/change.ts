import type { Work } from "../../../core/database.ts";
import type { FieldValue, Resource, Row } from "../../../core/resource.ts";
import type { Along, Decision, Keyed, Owner, Written } from "../store.ts";
import type { Deletion } from "./deletion.ts";
import { updated } from "./stored.ts";
import type { Writer } from "./writer.ts";

export interface Asked {
  readonly resource: Resource;
  readonly id: FieldValue;
  readonly owner: Owner;
  readonly keyed: Keyed | null;
}

/** What becomes of one row, as a transaction. */
export function* change<Result>(
  writer: Writer,
  deletion: Deletion,
  { resource, id, owner, keyed }: Asked,
  decide: (row: Row | null) => Decision<Result>,
): Work<Extract<Written<Result>, { kind: "done" }>> {
  const table = writer.tables.of(resource);
  yield* writer.claim(keyed);
  const [row = null] = table.rows(yield table.get(id, owner, "change"));
  const decision = decide(row);
  const { row: after, referred } = decision;
  let stored = after;
  let along: readonly Along[] = [];
  if (row !== null && after === null) along = yield* deletion.run(resource, row, owner);
  else if (row !== null && after !== null && after !== row) {
    yield* writer.requireReferred(resource, after, referred);
    stored = yield* updated(table, row, after, owner);
  }
  return { kind: "done", result: yield* writer.finish(keyed, decision, stored), along };
}
