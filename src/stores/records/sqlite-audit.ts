import type { AuditEntry, AuditRecords, Page } from "../../core/records.ts";
import { type AuditRow, auditEntry, type Change } from "./audit-rows.ts";
import type { SqliteDatabase } from "./sqlite.ts";

export class SqliteAudit implements AuditRecords {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  async list({ limit, before }: Page): Promise<readonly AuditEntry[]> {
    const rows = this.#database
      .prepare(
        "SELECT number, at, actor, action, subject, before, after FROM audit WHERE number < ? ORDER BY number DESC LIMIT ?",
      )
      .all(before === undefined ? Number.MAX_SAFE_INTEGER : Number(before), limit) as unknown as AuditRow[];
    return rows.map(auditEntry);
  }

  async add(entry: Change): Promise<void> {
    audit(this.#database, entry);
  }
}

/** Belongs into the transaction that does what it tells. */
export function audit(database: SqliteDatabase, change: Change): void {
  const { at, actor, action, subject, before = null, after = null } = change;
  database
    .prepare("INSERT INTO audit (at, actor, action, subject, before, after) VALUES (?, ?, ?, ?, ?, ?)")
    .run(at, actor, action, subject, JSON.stringify(before), JSON.stringify(after));
}
