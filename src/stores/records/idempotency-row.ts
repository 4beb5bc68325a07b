/** A record of an idempotent request, and what each change makes of it: without a database, so that it reads as a table. */
import type { Claim, Claimed, IdempotencyChange, IdempotencyStatus } from "../../core/idempotency.ts";

export const RUNNING = 0;
export const UNKNOWN = 1;
export const FINISHED = 2;
export type State = typeof RUNNING | typeof UNKNOWN | typeof FINISHED;
const STATES = ["running", "unknown", "finished"] as const;

export interface RecordRow {
  readonly fence: number;
  readonly fingerprint: Uint8Array;
  readonly id: string;
  readonly requestId: string;
  readonly owner: number;
  /** Whether the owner lives; only looked at while it is running. */
  readonly alive: boolean;
  /** Of an earlier attempt nobody knows what came of it. */
  readonly again: boolean;
  readonly state: State;
  readonly status: number;
  readonly answer: Uint8Array | null;
  readonly startedAt: number;
  readonly expiresAt: number;
}

/** A running record whose owner is dead is as good as lost, whatever it says itself. */
export function stateOf({ state, alive }: RecordRow): State {
  return state === RUNNING && !alive ? UNKNOWN : state;
}

/** What still runs keeps its key for as long as it takes: it would be carried out twice otherwise. */
export const hasExpired = (row: RecordRow, now: number): boolean =>
  row.expiresAt <= now && stateOf(row) !== RUNNING;

/** The fence and the number of the owner that a claim gets, if it gets the record. */
export interface Attempt {
  readonly fence: number;
  readonly owner: number;
  readonly now: number;
}

/** The row afterwards, the very same one where nothing has changed, and what the change is told. */
export type Outcome<Result> = readonly [row: RecordRow | null, result: Result];

export function claimed(row: RecordRow | null, claim: Claim, attempt: Attempt): Outcome<Claimed> {
  if (row === null || hasExpired(row, attempt.now))
    return begun(claim, attempt, attempt.now + claim.keep, false);
  // The same claim, said twice because the answer to the first was lost.
  if (row.id === claim.id && row.state !== FINISHED)
    return [row, { kind: "claimed", token: { digest: claim.digest, fence: row.fence }, again: row.again }];
  if (Buffer.compare(row.fingerprint, claim.fingerprint) !== 0)
    return [row, { kind: "reused", requestId: row.requestId }];
  if (stateOf(row) === UNKNOWN && claim.again) return begun(claim, attempt, row.expiresAt, true);
  return [row, standing(row)];
}

function begun(claim: Claim, attempt: Attempt, expiresAt: number, again: boolean): Outcome<Claimed> {
  const { digest, fingerprint, id, requestId } = claim;
  const { fence, owner, now } = attempt;
  const own = { fence, fingerprint, id, requestId, owner, alive: true, again, startedAt: now, expiresAt };
  return [
    { ...own, state: RUNNING, status: 0, answer: null },
    { kind: "claimed", token: { digest, fence }, again },
  ];
}

function standing(row: RecordRow): Claimed {
  const { id, requestId, startedAt: since, status, answer } = row;
  const state = stateOf(row);
  if (state === RUNNING) return { kind: "running", id, requestId, since };
  if (state === UNKNOWN) return { kind: "unknown", id, requestId, since };
  return answer === null
    ? { kind: "unkept", id, requestId, status }
    : { kind: "finished", requestId, status, answer };
}

/** The end of an attempt, of whoever has its token. */
export function ended(
  row: RecordRow | null,
  change: Exclude<IdempotencyChange, { readonly kind: "claim" }>,
): Outcome<boolean> {
  if (row === null || row.fence !== change.token.fence) return [row, false];
  // An answer that is kept stays. That it is finished once more only says that the answer to the first was lost.
  if (row.state === FINISHED) return [row, change.kind === "finish"];
  switch (change.kind) {
    case "finish":
      return [{ ...row, state: FINISHED, status: change.status, answer: change.answer }, true];
    case "lose":
      return row.state === UNKNOWN ? [row, false] : [{ ...row, state: UNKNOWN }, true];
    case "release":
      // Not new: what the attempt before it has done is as unknown as before.
      return [row.again ? { ...row, state: UNKNOWN } : null, true];
  }
}

export function statusOf(row: RecordRow): IdempotencyStatus {
  const { id, requestId, startedAt, expiresAt, status } = row;
  return { id, state: STATES[stateOf(row)], requestId, since: startedAt, expiresAt, status };
}
