import type { Query, Rows, Work } from "../../core/database.ts";
import { FINISHED, type OnceRecords, RUNNING, repetitionOf, UNKNOWN } from "./once-records.ts";
import type { KeptAnswer, Keyed, Repetition } from "./store.ts";

/** In a file there is one writer at a time: a key that is not there when a transaction begins is not there when it ends. */
export class SqliteOnce implements OnceRecords {
  readonly #wall: () => number;

  /** `wall`: epoch milliseconds, by which records expire. */
  constructor(wall: () => number) {
    this.#wall = wall;
  }

  find(keyed: Keyed): Query {
    return { statement: FIND, values: [keyed.digest, this.#wall()] };
  }

  read(rows: Rows, keyed: Keyed): Repetition | null {
    return repetitionOf(rows, keyed);
  }

  *claim(keyed: Keyed): Work<Repetition | null> {
    const found = this.read(yield this.find(keyed), keyed);
    // One that has expired counts as none, and makes room.
    if (found === null) yield { statement: FORGET, values: [keyed.digest] };
    return found;
  }

  finish({ digest, fingerprint, id, requestId, keep }: Keyed, { status, answer }: KeptAnswer): Query {
    const now = this.#wall();
    const values = [digest, fingerprint, id, requestId, status, answer, now, now + keep];
    return { statement: FINISH, values };
  }
}

/** Whose request runs is dead when his lease has ended (stores/records/sqlite-owners.ts), and nobody knows what he did. */
const STATE = `CASE
    WHEN i.state = ${RUNNING} AND NOT EXISTS (
      SELECT 1 FROM idempotency_owners o WHERE o.number = i.owner AND o.lease_until > $2) THEN ${UNKNOWN}
    ELSE i.state
  END`;

const FIND = {
  name: "once-find",
  text: `SELECT fingerprint, id, request_id, state, status, answer, started_at FROM (
    SELECT i.fingerprint, i.id, i.request_id, ${STATE} AS state, i.status, i.answer, i.started_at, i.expires_at
    FROM idempotency i WHERE i.digest = $1
  ) WHERE expires_at > $2 OR state = ${RUNNING}`,
};

const FORGET = { name: "once-forget", text: "DELETE FROM idempotency WHERE digest = $1" };

const FINISH = {
  name: "once-finish",
  text: `INSERT INTO idempotency
    (digest, fingerprint, id, request_id, owner, state, again, status, answer, started_at, expires_at)
    VALUES ($1, $2, $3, $4, 0, ${FINISHED}, 0, $5, $6, $7, $8)`,
};
