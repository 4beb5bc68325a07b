import type { FieldValue, Row } from "../../core/resource.ts";
import type { Caller } from "./caller.ts";
import type { Expansion } from "./input/types.ts";
import { type Permit, permitVerb } from "./permit.ts";
import type { ResourceStore } from "./store.ts";

/** Objects instead of ids: those that are there for the caller. What is missing stays an id. */
export type Expanded = ReadonlyMap<Expansion, ReadonlyMap<FieldValue, Row>>;

export const NOTHING_EXPANDED: Expanded = new Map();

/** May be asked before anything is read. */
export interface Expander {
  load(rows: readonly Row[]): Promise<Expanded>;
}

/**
 * One query for each reference, however many objects have it.
 *
 * @throws GatewayError where the caller may not look at what he wants expanded.
 */
export function expanderFor(
  expansions: readonly Expansion[],
  caller: Caller,
  store: Pick<ResourceStore, "getMany">,
): Expander {
  const permits = new Map<Expansion, Permit>();
  permitAll(expansions, caller, permits);
  return {
    async load(rows) {
      if (expansions.length === 0 || rows.length === 0) return NOTHING_EXPANDED;
      const expanded = new Map<Expansion, ReadonlyMap<FieldValue, Row>>();
      await load(expansions, rows, permits, store, expanded);
      return expanded;
    },
  };
}

function permitAll(expansions: readonly Expansion[], caller: Caller, into: Map<Expansion, Permit>): void {
  for (const expansion of expansions) {
    into.set(expansion, permitVerb(expansion.resource, "get", caller));
    permitAll(expansion.expand, caller, into);
  }
}

async function load(
  expansions: readonly Expansion[],
  rows: readonly Row[],
  permits: ReadonlyMap<Expansion, Permit>,
  store: Pick<ResourceStore, "getMany">,
  into: Map<Expansion, ReadonlyMap<FieldValue, Row>>,
): Promise<void> {
  await Promise.all(
    expansions.map(async (expansion) => {
      const { field, resource } = expansion;
      const ids = new Set(rows.map((row) => row[field.at] ?? null).filter((id) => id !== null));
      const { owner } = permits.get(expansion) as Permit;
      const found = ids.size === 0 ? [] : await store.getMany(resource, [...ids], owner);
      into.set(expansion, new Map(found.map((row) => [row[resource.id.at] as FieldValue, row])));
      if (expansion.expand.length > 0 && found.length > 0)
        await load(expansion.expand, found, permits, store, into);
    }),
  );
}
