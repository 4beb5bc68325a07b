/** The statements behind PostgresIdempotency. Each does many records at once: a row of the given arrays for each. */
import type { Claim } from "../../core/idempotency.ts";
import { FINISHED, type RecordRow, RUNNING, type State, UNKNOWN } from "./idempotency-row.ts";
import type { Session } from "./postgres.ts";
import { LEASE_MS, LOCKS } from "./postgres-migrations.ts";
import type { Pending } from "./postgres-pending.ts";

/**
 * Claims of digests of which there is no record, and ends of attempts that are not over. In the order of the digests,
 * so that two batches which meet wait for each other one way round.
 *
 * @returns the digests that it was done for, as `Pending.key`.
 */
export async function applyFirst(
  session: Session,
  pending: readonly Pending[],
): Promise<ReadonlySet<string>> {
  const sorted = pending.toSorted((a, b) => Buffer.compare(a.digest, b.digest));
  const claims = sorted.filter(({ change }) => change.kind === "claim");
  const claim = ({ change }: Pending): Claim => (change as { readonly claim: Claim }).claim;
  const ends = sorted.filter(({ change }) => change.kind === "finish" || change.kind === "lose");
  const answers = ends.map(({ change }) => (change.kind === "finish" ? change : null));
  const releases = sorted.filter(({ change }) => change.kind === "release");
  const rows = await session.query<[Buffer]>(
    FIRST,
    ...[claims.map(({ digest }) => digest), claims.map(({ attempt }) => attempt.fence)],
    ...[claims.map((one) => claim(one).fingerprint), claims.map((one) => claim(one).id)],
    ...[claims.map((one) => claim(one).requestId), claims.map(({ attempt }) => attempt.owner)],
    ...[claims.map((one) => claim(one).keep)],
    ...[ends.map(({ digest }) => digest), ends.map(({ attempt }) => attempt.fence)],
    ...[answers.map((one) => (one === null ? UNKNOWN : FINISHED)), answers.map((one) => one?.status ?? 0)],
    ...[answers.map((one) => one?.answer ?? null)],
    ...[releases.map(({ digest }) => digest), releases.map(({ attempt }) => attempt.fence)],
  );
  return new Set(rows.map(([digest]) => digest.toString("latin1")));
}

const FIRST = `
  WITH claimed AS (
    INSERT INTO turnpike.idempotency
      (digest, fence, fingerprint, id, request_id, owner, again, state, status, started_at, expires_at)
    SELECT digest, fence, fingerprint, id, request_id, owner, false, ${RUNNING}, 0, now, now + keep
    FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::integer[], $7::bigint[])
           AS c (digest, fence, fingerprint, id, request_id, owner, keep), (SELECT turnpike.now() AS now) AS clock
    ORDER BY digest
    ON CONFLICT (digest) DO NOTHING RETURNING digest
  ), leased AS (
    -- Who claims is alive, also if he has been silent for too long. Mostly there is nothing to be done.
    UPDATE turnpike.idempotency_owners SET lease_until = turnpike.now() + ${LEASE_MS}
    WHERE number = ANY ($6) AND lease_until < turnpike.now() + ${LEASE_MS / 4}
  ), ended AS (
    UPDATE turnpike.idempotency AS i SET state = e.state, status = e.status, answer = e.answer
    FROM unnest($8::bytea[], $9::bigint[], $10::smallint[], $11::smallint[], $12::bytea[])
           AS e (digest, fence, state, status, answer)
    WHERE i.digest = e.digest AND i.fence = e.fence AND i.state < e.state AND i.state <> ${FINISHED}
    RETURNING i.digest
  ), released AS (
    DELETE FROM turnpike.idempotency AS i USING unnest($13::bytea[], $14::bigint[]) AS r (digest, fence)
    WHERE i.digest = r.digest AND i.fence = r.fence AND NOT i.again AND i.state <> ${FINISHED}
    RETURNING i.digest
  )
  SELECT digest FROM claimed UNION ALL SELECT digest FROM ended UNION ALL SELECT digest FROM released`;

/** How long locks may be missing because the server has just started, and their owners have not come back yet. */
const COMING_BACK = "interval '5 seconds'";

/**
 * Whether the owner of a running record lives: one of ours; or one whose lease lasts, and whose lock is held. The owners
 * of this process are the first parameter.
 */
const ALIVE = `CASE
    WHEN i.state <> ${RUNNING} THEN false
    WHEN i.owner = ANY ($1::integer[]) THEN true
    WHEN o.lease_until IS NULL OR o.lease_until <= turnpike.now() THEN false
    WHEN pg_postmaster_start_time() > clock_timestamp() - ${COMING_BACK} THEN true
    ELSE EXISTS (
      SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
      WHERE d.datname = current_database() AND locktype = 'advisory' AND granted
        AND classid = ${LOCKS} AND objid = i.owner::oid AND objsubid = 2)
  END`;

const SELECT = `
  SELECT turnpike.now(), i.digest, i.fence, i.fingerprint, i.id, i.request_id, i.owner, ${ALIVE}, i.again, i.state, i.status, i.answer,
         i.started_at, i.expires_at
  FROM turnpike.idempotency AS i LEFT JOIN turnpike.idempotency_owners AS o ON o.number = i.owner`;
type Columns = [
  now: number,
  digest: Buffer,
  fence: number,
  fingerprint: Buffer,
  id: string,
  requestId: string,
  owner: number,
  alive: boolean,
  again: boolean,
  state: State,
  status: number,
  answer: Buffer | null,
  startedAt: number,
  expiresAt: number,
];

/** A record as it was at a moment of the database's clock. */
export interface Found {
  readonly row: RecordRow;
  readonly now: number;
}

/** The records of some digests, by digest as in `Pending.key`. */
export async function readRows(
  session: Session,
  digests: readonly Uint8Array[],
  ownOwners: readonly number[],
  lock = "",
): Promise<ReadonlyMap<string, Found>> {
  const sql = `${SELECT} WHERE i.digest = ANY ($2::bytea[]) ${lock}`;
  const rows = await session.query<Columns>(sql, ownOwners, digests);
  return new Map(rows.map((row) => [row[1].toString("latin1"), foundOf(row)]));
}

export async function rowById(
  session: Session,
  id: string,
  ownOwners: readonly number[],
  lock = "",
): Promise<Found | null> {
  const [row] = await session.query<Columns>(`${SELECT} WHERE i.id = $2 ${lock}`, ownOwners, id);
  return row === undefined ? null : foundOf(row);
}

function foundOf(row: Columns): Found {
  const [
    now,
    ,
    fence,
    fingerprint,
    id,
    requestId,
    owner,
    alive,
    again,
    state,
    status,
    answer,
    startedAt,
    expiresAt,
  ] = row;
  return {
    row: {
      fence,
      fingerprint,
      id,
      requestId,
      owner,
      alive,
      again,
      state,
      status,
      answer,
      startedAt,
      expiresAt,
    },
    now,
  };
}

/** What has become of records that are locked; null for those that are no more. */
export type Written = readonly (readonly [digest: Uint8Array, row: RecordRow | null])[];

export async function writeRows(session: Session, written: Written): Promise<void> {
  const kept = written.filter((one): one is readonly [Uint8Array, RecordRow] => one[1] !== null);
  const gone = written.filter(([, row]) => row === null);
  if (gone.length > 0) {
    const sql = "DELETE FROM turnpike.idempotency WHERE digest = ANY ($1::bytea[])";
    await session.query(
      sql,
      gone.map(([digest]) => digest),
    );
  }
  if (kept.length === 0) return;
  const rows = kept.map(([, row]) => row);
  await session.query(
    REWRITE,
    ...[kept.map(([digest]) => digest), rows.map(({ fence }) => fence)],
    ...[rows.map(({ fingerprint }) => fingerprint), rows.map(({ id }) => id)],
    ...[rows.map(({ requestId }) => requestId), rows.map(({ owner }) => owner)],
    ...[rows.map(({ state }) => state), rows.map(({ status }) => status), rows.map(({ answer }) => answer)],
    ...[rows.map(({ startedAt }) => startedAt), rows.map(({ expiresAt }) => expiresAt)],
    rows.map(({ again }) => again),
  );
}

const REWRITE = `
  UPDATE turnpike.idempotency AS i
  SET fence = w.fence, fingerprint = w.fingerprint, id = w.id, request_id = w.request_id, owner = w.owner,
      state = w.state, status = w.status, answer = w.answer, started_at = w.started_at, expires_at = w.expires_at,
      again = w.again
  FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::integer[], $7::smallint[],
              $8::smallint[], $9::bytea[], $10::bigint[], $11::bigint[], $12::boolean[])
    AS w (digest, fence, fingerprint, id, request_id, owner, state, status, answer, started_at, expires_at, again)
  WHERE i.digest = w.digest`;

/** Nobody asks after an owner who has been silent for so long: whoever is not there is dead as well. */
const OWNER_KEPT_MS = 86_400_000;

/** Deletes what has expired, the oldest first; what may still run, and rows that somebody is at, are left for later. */
export async function sweepRows(session: Session, most: number): Promise<number> {
  const swept = await session.query(
    `WITH old AS (
       SELECT digest FROM turnpike.idempotency
       WHERE expires_at <= (SELECT turnpike.now()) AND (state <> ${RUNNING} OR owner NOT IN (
         SELECT number FROM turnpike.idempotency_owners WHERE lease_until > turnpike.now()))
       ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
     )
     DELETE FROM turnpike.idempotency AS i USING old WHERE i.digest = old.digest RETURNING 1`,
    most,
  );
  if (swept.length > 0)
    await session.query(
      `DELETE FROM turnpike.idempotency_owners WHERE lease_until <= turnpike.now() - $1`,
      OWNER_KEPT_MS,
    );
  return swept.length;
}
