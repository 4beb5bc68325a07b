/** The outbox: what is written of a change in the transaction of the change. */
import type { Parameter, Query } from "../../core/database.ts";
import type { ResourceEvent } from "../../core/resource.ts";

const COLUMNS = ["id", "type", "resource", "object_id", "owner", "at", "data", "previous"];
const LIST = COLUMNS.join(", ");

/** How many values `eventPart` takes. */
export const EVENT_VALUES = COLUMNS.length;

export function eventValues(event: ResourceEvent): Parameter[] {
  const { id, type, resource, objectId, owner, at, data, previous } = event;
  const before = previous === null ? null : JSON.stringify(previous);
  return [id, type, resource, objectId, owner, at, JSON.stringify(data), before];
}

/**
 * Writes an event as a part of a larger statement, on PostgreSQL.
 *
 * @param first number of the first of its parameters.
 * @param from  what the event depends on, such as `FROM written`: none without it.
 */
export function eventPart(first: number, from: string): string {
  const types = COLUMNS.map((column) => (column === "at" ? "bigint" : "text"));
  const values = types.map((type, index) => `$${first + index}::${type}`);
  return `INSERT INTO turnpike.events (${LIST}) SELECT ${values.join(", ")} ${from}`;
}

const INSERT = {
  sqlite: {
    name: "event-insert",
    text: `INSERT INTO events (${LIST}) VALUES (${COLUMNS.map((_, index) => `$${index + 1}`).join(", ")})`,
  },
  postgres: { name: "event-insert", text: eventPart(1, "") },
};

export function insertEvent(dialect: "sqlite" | "postgres", event: ResourceEvent): Query {
  return { statement: INSERT[dialect], values: eventValues(event) };
}
