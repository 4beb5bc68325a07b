import { createHash } from "node:crypto";
import type { Actor, Page, RevocationRecord, RevocationRecords } from "../../core/records.ts";
import type { PostgresDatabase, Session, Value } from "./postgres.ts";
import { audit } from "./postgres-audit.ts";
import { lastChange, nextChange } from "./postgres-changes.ts";
import { COLUMNS, LIFTED_FOR_MS, type RevocationRow, revocationRecord } from "./revocation-rows.ts";

export class PostgresRevocations implements RevocationRecords {
  readonly #database: PostgresDatabase;
  /** The last change that `loadChanges` has handed over. */
  #seen = -1;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  async list({ limit, before }: Page): Promise<readonly RevocationRecord[]> {
    const page = "lifted_at IS NULL ORDER BY number DESC LIMIT $1";
    if (before === undefined)
      return rows(this.#database, `SELECT ${COLUMNS} FROM turnpike.revocations WHERE ${page}`, limit);
    return rows(
      this.#database,
      `SELECT ${COLUMNS} FROM turnpike.revocations
       WHERE number < (SELECT number FROM turnpike.revocations WHERE id = $2) AND ${page}`,
      limit,
      before,
    );
  }

  async get(id: string): Promise<RevocationRecord | null> {
    return find(this.#database, id);
  }

  async add(revocation: Omit<RevocationRecord, "liftedAt">, by: Actor): Promise<RevocationRecord> {
    const { id, issuer, tokenId, subject, before, createdAt, expiresAt } = revocation;
    return this.#database.write(async (session) => {
      const change = await nextChange(session);
      const [added] = await rows(
        session,
        `INSERT INTO turnpike.revocations AS old (${COLUMNS}, changed, what)
         VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, $8, $9)
         ON CONFLICT (what) DO UPDATE SET
           before = greatest(old.before, excluded.before),
           expires_at = greatest(old.expires_at, excluded.expires_at),
           lifted_at = NULL,
           changed = excluded.changed
         RETURNING ${COLUMNS}`,
        ...[id, issuer, tokenId, subject, before, createdAt, expiresAt, change, whatDigest(revocation)],
      );
      const what = { action: "revocation.create", subject: added?.id ?? id, after: added };
      await audit(session, { at: createdAt, actor: by, ...what });
      return added as RevocationRecord;
    });
  }

  async lift(id: string, at: number, by: Actor): Promise<boolean> {
    return this.#database.write(async (session) => {
      const change = await nextChange(session);
      const before = await find(session, id);
      if (before === null || before.liftedAt !== null) return false;
      const sql = "UPDATE turnpike.revocations SET lifted_at = $1, changed = $2 WHERE id = $3";
      await session.query(sql, at, change, id);
      await audit(session, { at, actor: by, action: "revocation.lift", subject: id, before });
      return true;
    });
  }

  async loadChanges(): Promise<readonly RevocationRecord[]> {
    // Most of the time there is nothing, and this is asked several times a second.
    if ((await lastChange(this.#database)) === this.#seen) return [];
    return this.#database.read(async (session) => {
      const last = await lastChange(session);
      const changes = await rows(
        session,
        `SELECT ${COLUMNS} FROM turnpike.revocations WHERE changed > $1`,
        this.#seen,
      );
      this.#seen = last;
      return changes;
    });
  }

  async forget(now: number): Promise<void> {
    const sql = "DELETE FROM turnpike.revocations WHERE expires_at <= $1 OR lifted_at <= $2";
    await this.#database.query(sql, now, now - LIFTED_FOR_MS);
  }
}

/** The same for the same tokens. */
function whatDigest({
  issuer,
  tokenId,
  subject,
}: Pick<RevocationRecord, "issuer" | "tokenId" | "subject">): Buffer {
  return createHash("sha256")
    .update(JSON.stringify([issuer, tokenId, subject]))
    .digest();
}

async function find(session: Session, id: string): Promise<RevocationRecord | null> {
  const [found] = await rows(session, `SELECT ${COLUMNS} FROM turnpike.revocations WHERE id = $1`, id);
  return found ?? null;
}

async function rows(session: Session, sql: string, ...values: readonly Value[]): Promise<RevocationRecord[]> {
  return (await session.query<RevocationRow>(sql, ...values)).map(revocationRecord);
}
