import type { Actor, Page, RevocationRecord, RevocationRecords } from "../../core/records.ts";
import { COLUMNS, LIFTED_FOR_MS, type RevocationRow, revocationRecord } from "./revocation-rows.ts";
import type { SqliteDatabase } from "./sqlite.ts";
import { audit } from "./sqlite-audit.ts";

export class SqliteRevocations implements RevocationRecords {
  readonly #database: SqliteDatabase;
  /** The last change that `loadChanges` has handed over. */
  #seen = -1;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  async list({ limit, before }: Page): Promise<readonly RevocationRecord[]> {
    const from = before === undefined ? Number.MAX_SAFE_INTEGER : this.#numberOf(before);
    return this.#rows(
      `SELECT ${COLUMNS} FROM revocations WHERE number < ? AND lifted_at IS NULL ORDER BY number DESC LIMIT ?`,
      from,
      limit,
    );
  }

  async get(id: string): Promise<RevocationRecord | null> {
    return this.#get(id);
  }

  async add(revocation: Omit<RevocationRecord, "liftedAt">, by: Actor): Promise<RevocationRecord> {
    const { id, issuer, tokenId, subject, before, createdAt, expiresAt } = revocation;
    return this.#database.write(() => {
      const [added] = this.#rows(
        `INSERT INTO revocations (${COLUMNS}, changed) VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)
         ON CONFLICT (issuer, token, subject) DO UPDATE SET
           before = max(before, excluded.before),
           expires_at = max(expires_at, excluded.expires_at),
           lifted_at = NULL,
           changed = excluded.changed
         RETURNING ${COLUMNS}`,
        id,
        issuer,
        tokenId,
        subject,
        before,
        createdAt,
        expiresAt,
        this.#nextChange(),
      );
      audit(this.#database, {
        at: createdAt,
        actor: by,
        action: "revocation.create",
        subject: added?.id ?? id,
        after: added,
      });
      return added as RevocationRecord;
    });
  }

  async lift(id: string, at: number, by: Actor): Promise<boolean> {
    return this.#database.write(() => {
      const before = this.#get(id);
      if (before === null || before.liftedAt !== null) return false;
      this.#database
        .prepare("UPDATE revocations SET lifted_at = ?, changed = ? WHERE id = ?")
        .run(at, this.#nextChange(), id);
      audit(this.#database, { at, actor: by, action: "revocation.lift", subject: id, before });
      return true;
    });
  }

  async loadChanges(): Promise<readonly RevocationRecord[]> {
    return this.#database.read(() => {
      const last = number(this.#database.prepare("SELECT last FROM changes").get());
      if (last === this.#seen) return [];
      const changes = this.#rows(`SELECT ${COLUMNS} FROM revocations WHERE changed > ?`, this.#seen);
      this.#seen = last;
      return changes;
    });
  }

  async forget(now: number): Promise<void> {
    const over = "expires_at <= ?1 OR lifted_at <= ?2";
    const times = [now, now - LIFTED_FOR_MS];
    // Most of the time there is nothing, and a look needs no lock.
    if (this.#database.prepare(`SELECT 1 FROM revocations WHERE ${over} LIMIT 1`).get(...times) === undefined)
      return;
    this.#database.write(() => this.#database.prepare(`DELETE FROM revocations WHERE ${over}`).run(...times));
  }

  #get(id: string): RevocationRecord | null {
    return this.#rows(`SELECT ${COLUMNS} FROM revocations WHERE id = ?`, id)[0] ?? null;
  }

  #rows(sql: string, ...values: readonly (string | number)[]): RevocationRecord[] {
    return this.#database
      .prepare(sql)
      .all(...values)
      .map((row) => revocationRecord(row as unknown as RevocationRow));
  }

  #numberOf(id: string): number {
    const row = this.#database.prepare("SELECT number FROM revocations WHERE id = ?").get(id);
    return row === undefined ? 0 : number(row);
  }

  #nextChange(): number {
    return number(this.#database.prepare("UPDATE changes SET last = last + 1 RETURNING last").get());
  }
}

const number = (row: unknown): number => (row as [number])[0];
