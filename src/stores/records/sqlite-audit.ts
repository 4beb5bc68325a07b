import type { Actor, AuditEntry, AuditRecords, Page } from "../../core/records.ts";
import type { SqliteDatabase } from "./sqlite.ts";

type Row = [
  number: number,
  at: number,
  actor: string,
  action: string,
  subject: string,
  before: string,
  after: string,
];

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
      .all(before === undefined ? Number.MAX_SAFE_INTEGER : Number(before), limit) as unknown as Row[];
    return rows.map(([number, at, actor, action, subject, old, now]) => ({
      id: String(number),
      at,
      actor,
      action,
      subject,
      before: JSON.parse(old),
      after: JSON.parse(now),
    }));
  }
}

export interface Change {
  readonly at: number;
  readonly actor: Actor;
  readonly action: string;
  readonly subject: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Belongs into the transaction that does what it tells. */
export function audit(database: SqliteDatabase, change: Change): void {
  const { at, actor, action, subject, before = null, after = null } = change;
  database
    .prepare("INSERT INTO audit (at, actor, action, subject, before, after) VALUES (?, ?, ?, ?, ?, ?)")
    .run(at, actor, action, subject, JSON.stringify(before), JSON.stringify(after));
}
