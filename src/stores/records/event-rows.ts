import type { ResourceEvent } from "../../core/resource.ts";

export const EVENT_COLUMNS = "id, type, resource, object_id, owner, at, data, previous";

export type EventRow = [
  id: string,
  type: string,
  resource: string,
  objectId: string,
  owner: string,
  at: number,
  data: string,
  previous: string | null,
];

export function eventOf([id, type, resource, objectId, owner, at, data, previous]: EventRow): ResourceEvent {
  const before = previous === null ? null : JSON.parse(previous);
  return { id, type, resource, objectId, owner, at, data: JSON.parse(data), previous: before };
}
