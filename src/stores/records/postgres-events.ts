import type { EventRecords, Page } from "../../core/records.ts";
import type { ResourceEvent } from "../../core/resource.ts";
import { EVENT_COLUMNS, type EventRow, eventOf } from "./event-rows.ts";
import type { Session } from "./postgres.ts";

export class PostgresEvents implements EventRecords {
  readonly #database: Session;

  constructor(database: Session) {
    this.#database = database;
  }

  async list({ limit, before }: Page): Promise<readonly ResourceEvent[]> {
    const rows = await this.#database.query<EventRow>(
      `SELECT ${EVENT_COLUMNS} FROM turnpike.events
       WHERE $1::text IS NULL OR id < $1 ORDER BY id DESC LIMIT $2`,
      before ?? null,
      limit,
    );
    return rows.map(eventOf);
  }

  async get(id: string): Promise<ResourceEvent | null> {
    const [row] = await this.#database.query<EventRow>(
      `SELECT ${EVENT_COLUMNS} FROM turnpike.events WHERE id = $1`,
      id,
    );
    return row === undefined ? null : eventOf(row);
  }

  async sweep(before: number, most: number): Promise<number> {
    const swept = await this.#database.query(
      `DELETE FROM turnpike.events WHERE at < $1 AND id IN (
         SELECT id FROM turnpike.events ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING 1`,
      before,
      most,
    );
    return swept.length;
  }
}
