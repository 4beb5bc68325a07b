/**
 * The records of keys (`Idempotency-Key`) as the transactions of resources write them: in the very table in which the
 * gateway keeps those of requests that go upstream (core/idempotency.ts), always finished. While a transaction lasts
 * nobody sees its record, so that there is none of which anybody would have to ask what became of it.
 *
 * What is needed of the table: `stores/records/migrations.ts` and `postgres-migrations.ts`.
 */
import type { Parameter, Query, Rows, Work } from "../../core/database.ts";
import type { KeptAnswer, Keyed, Repetition } from "./store.ts";

export const RUNNING = 0;
export const UNKNOWN = 1;
export const FINISHED = 2;

export interface OnceRecords {
  /** What a key was used for; for `read`. */
  find(keyed: Keyed): Query;
  /** Null for rows of a key that is new. */
  read(rows: Rows, keyed: Keyed): Repetition | null;
  /**
   * Comes first in a transaction. Null: the key is ours, and whoever comes with the same one waits until this
   * transaction is over.
   */
  claim(keyed: Keyed): Work<Repetition | null>;
  /** Comes last: what the request is answered with, from now on. */
  finish(keyed: Keyed, kept: KeptAnswer): Query;
}

/** Columns of what `find` returns. */
export type RecordRow = readonly [
  fingerprint: Uint8Array,
  id: string,
  requestId: string,
  state: number,
  status: number,
  answer: Uint8Array | null,
  startedAt: Parameter,
];

export function repetitionOf(rows: Rows, keyed: Keyed): Repetition | null {
  const row = rows[0] as unknown as RecordRow | undefined;
  if (row === undefined) return null;
  const [fingerprint, id, requestId, state, status, answer, startedAt] = row;
  if (Buffer.compare(fingerprint, keyed.fingerprint) !== 0) return { kind: "reused", requestId };
  if (state === FINISHED)
    return answer === null
      ? { kind: "unkept", requestId, id, status }
      : { kind: "replay", requestId, status, answer };
  return { kind: state === RUNNING ? "running" : "unknown", requestId, id, since: Number(startedAt) };
}
