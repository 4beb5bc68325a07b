import type { EventRecords, Page } from "../../core/records.ts";
import type { ResourceEvent } from "../../core/resource.ts";
import { EVENT_COLUMNS, type EventRow, eventOf } from "./event-rows.ts";
import type { SqliteDatabase } from "./sqlite.ts";

export class SqliteEvents implements EventRecords {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  async list({ limit, before }: Page): Promise<readonly ResourceEvent[]> {
    const rows = this.#database
      .prepare(
        `SELECT ${EVENT_COLUMNS} FROM events
         WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2`,
      )
      .all(before ?? null, limit) as unknown as EventRow[];
    return rows.map(eventOf);
  }

  async get(id: string): Promise<ResourceEvent | null> {
    const row = this.#database.prepare(`SELECT ${EVENT_COLUMNS} FROM events WHERE id = ?`).get(id);
    return row === undefined ? null : eventOf(row as unknown as EventRow);
  }

  async sweep(before: number, most: number): Promise<number> {
    const old = "SELECT id FROM (SELECT id, at FROM events ORDER BY id LIMIT ?2) WHERE at < ?1";
    // Most of the time there is nothing, and a look needs no lock.
    if (this.#database.prepare(old).get(before, 1) === undefined) return 0;
    return this.#database.write(() => {
      const swept = this.#database.prepare(`DELETE FROM events WHERE id IN (${old})`).run(before, most);
      return Number(swept.changes);
    });
  }
}
