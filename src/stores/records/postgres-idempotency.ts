import { randomInt } from "node:crypto";
import type {
  IdempotencyChange,
  IdempotencyRecords,
  IdempotencyResult,
  IdempotencyStatus,
} from "../../core/idempotency.ts";
import { isConflict, isUnavailable } from "../postgres/failure.ts";
import { claimed, ended, hasExpired, type RecordRow, RUNNING, stateOf, statusOf } from "./idempotency-row.ts";
import type { PostgresDatabase, Session } from "./postgres.ts";
import { audit } from "./postgres-audit.ts";
import {
  applyFirst,
  type Found,
  readRows,
  rowById,
  sweepRows,
  type Written,
  writeRows,
} from "./postgres-idempotency-sql.ts";
import type { Pending } from "./postgres-pending.ts";
import type { PostgresPresence } from "./postgres-presence.ts";

/** So many fences there are, and each is drawn: that of an earlier attempt fits no later one. */
const FENCES = 2 ** 48 - 1;

/**
 * Most batches are claims of keys that are new, and ends of attempts: one statement does all of these. What finds
 * something there already is looked up, decided here (idempotency-row.ts), and written back under row locks if
 * anything is to change.
 */
export class PostgresIdempotency implements IdempotencyRecords {
  readonly #database: PostgresDatabase;
  readonly #presence: PostgresPresence;

  constructor(database: PostgresDatabase, presence: PostgresPresence) {
    this.#database = database;
    this.#presence = presence;
  }

  async apply(changes: readonly IdempotencyChange[]): Promise<readonly IdempotencyResult[]> {
    const results: IdempotencyResult[] = Array.from(changes, () => false);
    let pending: readonly Pending[] = await Promise.all(
      changes.map(async (change, index) => ({
        change,
        ...(await this.#attempt(change)),
        answer: (result: IdempotencyResult) => {
          results[index] = result;
        },
      })),
    );
    // What is deleted between two looks is new at the next one.
    while (pending.length > 0) {
      const rest = await this.#insisting(pending, (all) => this.#first(all));
      pending = await this.#insisting(rest, (all) => this.#rest(all));
    }
    return results;
  }

  async renew(owners: readonly string[]): Promise<void> {
    await this.#presence.renew(owners);
  }

  async abandon(owner: string): Promise<void> {
    await this.#presence.end(owner);
  }

  async status(id: string): Promise<IdempotencyStatus | null> {
    const found = await rowById(this.#database, id, this.#presence.numbers);
    return found === null || hasExpired(found.row, found.now) ? null : statusOf(found.row);
  }

  async forget(id: string, at: number, by: string): Promise<boolean> {
    return this.#database.write(async (session) => {
      const found = await rowById(session, id, this.#presence.numbers, "FOR UPDATE OF i");
      if (found === null || hasExpired(found.row, found.now) || stateOf(found.row) === RUNNING) return false;
      await session.query("DELETE FROM turnpike.idempotency WHERE id = $1", id);
      const { state, requestId, since, status } = statusOf(found.row);
      const before = { state, original_request: requestId, since: new Date(since).toISOString(), status };
      await audit(session, { at, actor: by, action: "idempotency.forget", subject: id, before });
      return true;
    });
  }

  async sweep(most: number): Promise<number> {
    return sweepRows(this.#database, most);
  }

  async #attempt(change: IdempotencyChange): Promise<Pick<Pending, "digest" | "key" | "attempt">> {
    const claim = change.kind === "claim";
    const { digest } = claim ? change.claim : change.token;
    const owner = claim ? await this.#presence.numberOf(change.owner) : 0;
    const fence = claim ? randomInt(FENCES) : change.token.fence;
    return { digest, key: Buffer.from(digest).toString("latin1"), attempt: { fence, owner } };
  }

  /** Once more on another connection, where one was lost: every change said twice is done once. */
  async #insisting(
    pending: readonly Pending[],
    work: (pending: readonly Pending[]) => Promise<readonly Pending[]>,
  ): Promise<readonly Pending[]> {
    if (pending.length === 0) return pending;
    try {
      return await work(pending);
    } catch (error) {
      if (!isConflict(error) && !isUnavailable(error)) throw error;
      return work(pending);
    }
  }

  /** The first change of each digest, in one statement; what it could not do, and everything behind it, is left. */
  async #first(pending: readonly Pending[]): Promise<readonly Pending[]> {
    const firsts = new Map<string, Pending>();
    for (const one of pending) if (!firsts.has(one.key)) firsts.set(one.key, one);
    const done = await applyFirst(this.#database, [...firsts.values()]);
    return pending.filter((one) => {
      if (firsts.get(one.key) !== one) return true;
      const { change, digest, attempt } = one;
      if (done.has(one.key)) {
        const token = { digest, fence: attempt.fence };
        one.answer(change.kind === "claim" ? { kind: "claimed", token, again: false } : true);
        return false;
      }
      return true;
    });
  }

  /** All changes of a digest, one after the other. Left over are those of which there is no record. */
  async #rest(pending: readonly Pending[]): Promise<readonly Pending[]> {
    const own = this.#presence.numbers;
    const looked = decide(pending, await readRows(this.#database, digestsOf(pending), own));
    if (looked.changing.length === 0) return looked.missing;
    return this.#database.write(async (session: Session) => {
      const rows = await readRows(
        session,
        digestsOf(looked.changing),
        own,
        "ORDER BY i.digest FOR UPDATE OF i",
      );
      const locked = decide(looked.changing, rows);
      await writeRows(session, locked.rows);
      return [...looked.missing, ...locked.missing];
    });
  }
}

interface Decision {
  /** What has become of the records that change. */
  readonly rows: Written;
  /** The changes of these. */
  readonly changing: readonly Pending[];
  /** Claims of what is not there, and everything behind them. */
  readonly missing: readonly Pending[];
}

/** Answers every change that nothing stands in the way of, each on top of the one before. */
function decide(pending: readonly Pending[], found: ReadonlyMap<string, Found>): Decision {
  const rows: (readonly [Uint8Array, RecordRow | null])[] = [];
  const changing: Pending[] = [];
  const missing: Pending[] = [];
  for (const [key, changes] of Map.groupBy(pending, (one) => one.key)) {
    const there = found.get(key);
    if (there === undefined) {
      missing.push(...afterAbsence(changes));
      continue;
    }
    const row = changes.reduce((before, one) => step(before, one, there.now), there.row as RecordRow | null);
    if (row === there.row) continue;
    rows.push([(changes[0] as Pending).digest, row]);
    changing.push(...changes);
  }
  return { rows, changing, missing };
}

function step(row: RecordRow | null, { change, attempt, answer }: Pending, now: number): RecordRow | null {
  const [after, result] =
    change.kind === "claim" ? claimed(row, change.claim, { ...attempt, now }) : ended(row, change);
  answer(result);
  return after;
}

/** Without a record there is nothing to end; what begins with a claim is left. */
function afterAbsence(changes: readonly Pending[]): readonly Pending[] {
  const first = changes.findIndex(({ change }) => change.kind === "claim");
  for (const { answer } of first === -1 ? changes : changes.slice(0, first)) answer(false);
  return first === -1 ? [] : changes.slice(first);
}

function digestsOf(pending: readonly Pending[]): readonly Uint8Array[] {
  return [...new Map(pending.map(({ key, digest }) => [key, digest])).values()];
}
