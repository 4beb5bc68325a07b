import type {
  Claim,
  Claimed,
  IdempotencyChange,
  IdempotencyRecords,
  IdempotencyResult,
  IdempotencyStatus,
} from "../../core/idempotency.ts";
import {
  claimed,
  ended,
  FINISHED,
  hasExpired,
  type RecordRow,
  RUNNING,
  type State,
  stateOf,
  statusOf,
} from "./idempotency-row.ts";
import type { SqliteDatabase } from "./sqlite.ts";
import { audit } from "./sqlite-audit.ts";
import { lives, SqliteOwners } from "./sqlite-owners.ts";

type End = Exclude<IdempotencyChange, { readonly kind: "claim" }>;

/**
 * The fence of a record is the number of its row: a number is never given twice, so that a token that somebody has
 * kept for too long fits no later record. What is new, and what ends as it should, is one statement each; for
 * everything else the row is looked at (idempotency-row.ts).
 */
export class SqliteIdempotency implements IdempotencyRecords {
  readonly #database: SqliteDatabase;
  readonly #owners: SqliteOwners;
  readonly #wall: () => number;

  constructor(database: SqliteDatabase, wall: () => number) {
    this.#database = database;
    this.#owners = new SqliteOwners(database);
    this.#wall = wall;
  }

  async apply(changes: readonly IdempotencyChange[]): Promise<readonly IdempotencyResult[]> {
    const now = this.#wall();
    try {
      return this.#database.write(() => changes.map((change) => this.#apply(change, now)));
    } catch (error) {
      this.#owners.undo();
      throw error;
    }
  }

  async renew(owners: readonly string[]): Promise<void> {
    const now = this.#wall();
    this.#database.write(() => {
      for (const owner of owners) this.#owners.renew(owner, now);
    });
  }

  async abandon(owner: string): Promise<void> {
    this.#owners.abandon(owner);
  }

  async status(id: string): Promise<IdempotencyStatus | null> {
    const now = this.#wall();
    const row = this.#find("id", id, now);
    return row === null || hasExpired(row, now) ? null : statusOf(row);
  }

  async forget(id: string, at: number, by: string): Promise<boolean> {
    const now = this.#wall();
    return this.#database.write(() => {
      const row = this.#find("id", id, now);
      if (row === null || hasExpired(row, now) || stateOf(row) === RUNNING) return false;
      this.#delete(row);
      const { state, requestId, since, status } = statusOf(row);
      const before = { state, original_request: requestId, since: new Date(since).toISOString(), status };
      audit(this.#database, { at, actor: by, action: "idempotency.forget", subject: id, before });
      return true;
    });
  }

  async sweep(most: number): Promise<number> {
    const now = this.#wall();
    // Most of the time there is nothing, and a look needs no lock.
    if (this.#database.prepare(SELECT_OLD).get(now, 1) === undefined) return 0;
    return this.#database.write(() => {
      this.#owners.forgetOld(now);
      const sql = `DELETE FROM idempotency WHERE number IN (${SELECT_OLD})`;
      return Number(this.#database.prepare(sql).run(now, most).changes);
    });
  }

  #apply(change: IdempotencyChange, now: number): IdempotencyResult {
    return change.kind === "claim"
      ? this.#claim(change.claim, change.owner, now)
      : this.#finish(change) || this.#end(change, now);
  }

  #claim(claim: Claim, owner: string, now: number): Claimed {
    const attempt = { owner: this.#owners.numberOf(owner, now), now };
    const fence = this.#insertNew(claim, attempt);
    if (fence !== null) return { kind: "claimed", token: { digest: claim.digest, fence }, again: false };
    const before = this.#find("digest", claim.digest, now) as RecordRow;
    const [row, found] = claimed(before, claim, { ...attempt, fence: this.#nextNumber() });
    if (row !== before && row !== null) {
      this.#delete(before);
      this.#insert(claim.digest, row);
    }
    return found;
  }

  /** The answer to a request that is not finished yet. */
  #finish(change: End): boolean {
    if (change.kind !== "finish") return false;
    const { token, status, answer } = change;
    const sql = `UPDATE idempotency SET state = ${FINISHED}, status = ?, answer = ? WHERE number = ? AND state <> ${FINISHED}`;
    return this.#database.prepare(sql).run(status, answer, token.fence).changes !== 0;
  }

  #end(change: End, now: number): boolean {
    const before = this.#find("number", change.token.fence, now);
    const [row, result] = ended(before, change);
    if (before === null || row === before) return result;
    if (row === null) this.#delete(before);
    else
      this.#database.prepare("UPDATE idempotency SET state = ? WHERE number = ?").run(row.state, row.fence);
    return result;
  }

  /** The number of the new record; null where there is one with this digest. */
  #insertNew(
    { digest, fingerprint, id, requestId, keep }: Claim,
    { owner, now }: { readonly owner: number; readonly now: number },
  ): number | null {
    const { changes, lastInsertRowid } = this.#database
      .prepare(
        `INSERT INTO idempotency (digest, fingerprint, id, request_id, owner, state, again, status, started_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ${RUNNING}, 0, 0, ?, ?) ON CONFLICT (digest) DO NOTHING`,
      )
      .run(digest, fingerprint, id, requestId, owner, now, now + keep);
    return changes === 0 ? null : Number(lastInsertRowid);
  }

  #insert(digest: Uint8Array, row: RecordRow): void {
    const { fence, fingerprint, id, requestId, owner, state, again, status, startedAt, expiresAt } = row;
    this.#database
      .prepare(
        `INSERT INTO idempotency (number, digest, fingerprint, id, request_id, owner, state, again, status, started_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        fence,
        digest,
        fingerprint,
        id,
        requestId,
        owner,
        state,
        Number(again),
        status,
        startedAt,
        expiresAt,
      );
  }

  #delete({ fence }: RecordRow): void {
    this.#database.prepare("DELETE FROM idempotency WHERE number = ?").run(fence);
  }

  /** Nobody else writes as long as this transaction lasts. */
  #nextNumber(): number {
    const row = this.#database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'idempotency'").get();
    return (row as unknown as [number])[0] + 1;
  }

  #find(
    column: "digest" | "id" | "number",
    value: Uint8Array | string | number,
    now: number,
  ): RecordRow | null {
    const row = this.#database.prepare(`${SELECT_ROW} WHERE i.${column} = ?`).get(value);
    return row === undefined ? null : rowOf(row as unknown as Columns, now);
  }
}

/** What has expired, but for what may still run. */
const SELECT_OLD = `SELECT number FROM idempotency WHERE expires_at <= ?1
  AND (state <> ${RUNNING} OR owner NOT IN (SELECT number FROM idempotency_owners WHERE lease_until > ?1))
  ORDER BY expires_at LIMIT ?2`;

const SELECT_ROW = `SELECT i.number, i.fingerprint, i.id, i.request_id, i.owner, i.state, i.again, i.status, i.answer,
    i.started_at, i.expires_at, o.process, o.lease_until
  FROM idempotency i LEFT JOIN idempotency_owners o ON o.number = i.owner`;
type Columns = [
  fence: number,
  fingerprint: Uint8Array,
  id: string,
  requestId: string,
  owner: number,
  state: State,
  again: number,
  status: number,
  answer: Uint8Array | null,
  startedAt: number,
  expiresAt: number,
  process: string | null,
  leaseUntil: number | null,
];

function rowOf(columns: Columns, now: number): RecordRow {
  const [
    fence,
    fingerprint,
    id,
    requestId,
    owner,
    state,
    again,
    status,
    answer,
    startedAt,
    expiresAt,
    ...life
  ] = columns;
  const own = { fence, fingerprint, id, requestId, owner, status, answer, startedAt, expiresAt };
  const alive = state === RUNNING && lives(life[0], life[1], now);
  return { ...own, state, again: again !== 0, alive };
}
