import type { Parameter, Query, Rows, Work } from "../../core/database.ts";
import { FINISHED, type OnceRecords, RUNNING, repetitionOf, UNKNOWN } from "./once-records.ts";
import type { KeptAnswer, Keyed, Repetition } from "./store.ts";

/**
 * Whoever writes the record of a key makes others who come with it wait until his transaction is over: either it is
 * there then, or the key is theirs. The clock is the database's.
 */
export class PostgresOnce implements OnceRecords {
  find(keyed: Keyed): Query {
    return { statement: FIND, values: [keyed.digest] };
  }

  read(rows: Rows, keyed: Keyed): Repetition | null {
    return repetitionOf(rows, keyed);
  }

  *claim(keyed: Keyed): Work<Repetition | null> {
    for (;;) {
      const claimed = yield { statement: CLAIM, values: recordValues(keyed, UNANSWERED) };
      if (claimed.length > 0) return null;
      const found = this.read(yield this.find(keyed), keyed);
      // It has expired, or was deleted, between the two statements: then the key is free.
      if (found !== null) return found;
    }
  }

  finish({ digest }: Keyed, { status, answer }: KeptAnswer): Query {
    return { statement: FINISH, values: [digest, status, answer] };
  }
}

const UNANSWERED: KeptAnswer = { status: 0, answer: Buffer.alloc(0) };

/** How many values `recordPart` takes. */
export const RECORD_VALUES = 7;

export function recordValues(keyed: Keyed, { status, answer }: KeptAnswer): Parameter[] {
  const { digest, fingerprint, id, requestId, keep } = keyed;
  return [digest, fingerprint, id, requestId, keep, status, answer];
}

/**
 * Writes the finished record of a key, at one moment of the database's clock, as a part of a larger statement, and
 * returns a row if the key is new. No row means that it was used before, by somebody whose transaction is over.
 *
 * @param first number of the first of its parameters.
 * @param condition what the record depends on, such as `WHERE EXISTS (…)`: no record without it.
 */
export function recordPart(first: number, condition: string): string {
  const [digest, fingerprint, id, requestId, keep, status, answer] = Array.from(
    { length: RECORD_VALUES },
    (_, index) => `$${first + index}`,
  );
  return `INSERT INTO turnpike.idempotency AS i
    (digest, fence, fingerprint, id, request_id, owner, again, state, status, answer, started_at, expires_at)
  SELECT ${digest}::bytea, 0, ${fingerprint}::bytea, ${id}::text, ${requestId}::text, 0, false, ${FINISHED},
    ${status}::smallint, ${answer}::bytea, clock.now, clock.now + ${keep}::bigint
  FROM (SELECT turnpike.now() OFFSET 0) AS clock (now) ${condition}
  ON CONFLICT (digest) DO UPDATE
  SET fence = excluded.fence, fingerprint = excluded.fingerprint, id = excluded.id, request_id = excluded.request_id,
    owner = excluded.owner, again = excluded.again, state = excluded.state, status = excluded.status,
    answer = excluded.answer, started_at = excluded.started_at, expires_at = excluded.expires_at
  WHERE i.expires_at <= turnpike.now() AND ${STATE} <> ${RUNNING}
  RETURNING 1`;
}

/** Whose request runs is dead when his lease has ended (stores/records), and nobody knows what he did. */
const STATE = `CASE
    WHEN i.state = ${RUNNING} AND NOT EXISTS (
      SELECT FROM turnpike.idempotency_owners o WHERE o.number = i.owner AND o.lease_until > turnpike.now())
    THEN ${UNKNOWN} ELSE i.state
  END`;

const FIND = {
  name: "once-find",
  text: `SELECT i.fingerprint, i.id, i.request_id, ${STATE}, i.status, i.answer, i.started_at
    FROM turnpike.idempotency AS i
    WHERE i.digest = $1 AND (i.expires_at > turnpike.now() OR ${STATE} = ${RUNNING})`,
};

const CLAIM = { name: "once-claim", text: recordPart(1, "") };

const FINISH = {
  name: "once-finish",
  text: "UPDATE turnpike.idempotency SET status = $2, answer = $3 WHERE digest = $1",
};
