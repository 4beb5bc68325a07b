import type { Field, Reference, Resource, Resources } from "../../../core/resource.ts";

/** Objects of `from` name one of another resource in `field`. */
export interface Referrer {
  readonly from: Resource;
  readonly field: Field;
  readonly onDelete: Reference["onDelete"];
}

/** By the resource that is referred to. */
export type Referrers = ReadonlyMap<Resource, readonly Referrer[]>;

export function referrersOf(resources: Resources): Referrers {
  const all = new Map<Resource, Referrer[]>();
  for (const from of resources.values()) {
    for (const field of from.fields) {
      const target = field.reference && resources.get(field.reference.resource);
      if (!field.reference || !target) continue;
      const known = all.get(target) ?? [];
      known.push({ from, field, onDelete: field.reference.onDelete });
      all.set(target, known);
    }
  }
  return all;
}
