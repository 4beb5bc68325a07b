import type { FieldValue, Resource, ResourceEvent, Row } from "../../core/resource.ts";
import { jsonOf } from "./json-of.ts";
import { newestView, type ObjectValues, shownObject } from "./objects.ts";

/** What has become of an object: null before it was created, and after it was deleted. */
export interface Change {
  /** `created`, `updated`, `deleted`, or the name of an action. */
  readonly what: string;
  readonly before: Row | null;
  readonly after: Row | null;
}

/** `id` of the event; `now` in milliseconds since the epoch. */
export function eventOf(
  resource: Resource,
  { what, before, after }: Change,
  id: string,
  now: number,
): ResourceEvent {
  const row = (after ?? before) as Row;
  return {
    id,
    type: `${resource.singular}.${what}`,
    resource: resource.name,
    objectId: String(row[resource.id.at]),
    owner: ownerIn(resource, row),
    at: now,
    data: shownObject(resource, row),
    previous: before === null || after === null ? null : previous(resource, before, after),
  };
}

function ownerIn({ owner }: Resource, row: Row): string {
  const value: FieldValue | undefined = owner === null ? null : row[owner.at];
  return String(value ?? "");
}

function previous(resource: Resource, before: Row, after: Row): ObjectValues {
  const values: ObjectValues = {};
  for (const { name, field } of newestView(resource).fields) {
    if (!field.writeOnly && before[field.at] !== after[field.at])
      values[name] = jsonOf(field, before[field.at]);
  }
  return values;
}
