import type { AuditEntry, AuditRecords, Page } from "../../core/records.ts";
import { type AuditRow, auditEntry, type Change } from "./audit-rows.ts";
import type { Session } from "./postgres.ts";

export class PostgresAudit implements AuditRecords {
  readonly #database: Session;

  constructor(database: Session) {
    this.#database = database;
  }

  async list({ limit, before }: Page): Promise<readonly AuditEntry[]> {
    const rows = await this.#database.query<AuditRow>(
      `SELECT number, at, actor, action, subject, before, after FROM turnpike.audit
       WHERE number < $1 ORDER BY number DESC LIMIT $2`,
      before === undefined ? Number.MAX_SAFE_INTEGER : Number(before),
      limit,
    );
    return rows.map(auditEntry);
  }

  add(entry: Change): Promise<void> {
    return audit(this.#database, entry);
  }
}

/** Belongs into the transaction that does what it tells. */
export async function audit(session: Session, change: Change): Promise<void> {
  const { at, actor, action, subject, before = null, after = null } = change;
  await session.query(
    "INSERT INTO turnpike.audit (at, actor, action, subject, before, after) VALUES ($1, $2, $3, $4, $5, $6)",
    ...[at, actor, action, subject, JSON.stringify(before), JSON.stringify(after)],
  );
}
