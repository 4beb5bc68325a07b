/**
 * Requests that carry an `Idempotency-Key`, remembered so that a repetition does nothing (behaviour §8).
 *
 * A record is claimed before anything goes upstream, and belongs to whoever claimed it:
 *
 *                       ┌─ finish ──▶ finished      the answer, or that it was too large to keep
 *   (none) ─ claim ─▶ running ─ lose ──▶ unknown ─ claim with `again` ─▶ running
 *     ▲                 │                  ▲
 *     └──── release ────┘                  └─ its owner died, or let the lease run out
 *
 * Everything that resolves is on disk. Digests are 32 bytes. Times are milliseconds of the store's own clock.
 */

/** Who holds a running record. A record that somebody else has taken over has another number. */
export interface ClaimToken {
  readonly digest: Uint8Array;
  readonly fence: number;
}

export interface Claim {
  /** Of tenant, route, method and key. The key itself is not kept. */
  readonly digest: Uint8Array;
  /** Of the request. */
  readonly fingerprint: Uint8Array;
  /** Random and unguessable: who knows it may ask what became of the request. */
  readonly id: string;
  readonly requestId: string;
  /** How long it is kept from its first use on, in milliseconds; then the key is new. */
  readonly keep: number;
  /** An outcome that nobody knows does not stand in the way: the request is sent again. */
  readonly again: boolean;
}

/** What a claim found. */
export type Claimed =
  /** `again`: somebody has been here before, and nobody knows what came of it. */
  | { readonly kind: "claimed"; readonly token: ClaimToken; readonly again: boolean }
  | { readonly kind: "running"; readonly id: string; readonly requestId: string; readonly since: number }
  | { readonly kind: "unknown"; readonly id: string; readonly requestId: string; readonly since: number }
  | {
      readonly kind: "finished";
      readonly requestId: string;
      readonly status: number;
      readonly answer: Uint8Array;
    }
  /** Finished, with an answer that was not kept. */
  | { readonly kind: "unkept"; readonly id: string; readonly requestId: string; readonly status: number }
  /** The key stands for another request. */
  | { readonly kind: "reused"; readonly requestId: string };

export type RecordState = "running" | "unknown" | "finished";

/** What became of a request, without its answer. */
export interface IdempotencyStatus {
  readonly id: string;
  readonly state: RecordState;
  readonly requestId: string;
  readonly since: number;
  readonly expiresAt: number;
  /** Of the answer; 0 while there is none. */
  readonly status: number;
}

/** The same as people and machines read it. */
export function statusDocument({
  id,
  state,
  requestId,
  since,
  expiresAt,
  status,
}: IdempotencyStatus): unknown {
  return {
    id,
    state,
    since: new Date(since).toISOString(),
    expires: new Date(expiresAt).toISOString(),
    original_request: requestId,
    status: status === 0 ? null : status,
  };
}

/** The store as a lane sees it. Each method rejects where the store cannot be reached or written. */
export interface IdempotencyStore {
  claim(claim: Claim): Promise<Claimed>;
  /** `answer` null: it was too large. False where the record is no longer ours: it stays as it is. */
  finish(token: ClaimToken, status: number, answer: Uint8Array | null): Promise<boolean>;
  /** Nobody knows what came of it. */
  lose(token: ClaimToken): Promise<void>;
  /** It has done nothing: the key is new again. */
  release(token: ClaimToken): Promise<void>;
  status(id: string): Promise<IdempotencyStatus | null>;
}

export type IdempotencyChange =
  | { readonly kind: "claim"; readonly claim: Claim; readonly owner: string }
  | {
      readonly kind: "finish";
      readonly token: ClaimToken;
      readonly status: number;
      readonly answer: Uint8Array | null;
    }
  | { readonly kind: "lose"; readonly token: ClaimToken }
  | { readonly kind: "release"; readonly token: ClaimToken };

/** For `claim` what it found; for the others whether the record was still theirs. */
export type IdempotencyResult = Claimed | boolean;

/** The records themselves, in a database that several processes may share. */
export interface IdempotencyRecords {
  /** In order, all of them in one transaction or in as few as can be. */
  apply(changes: readonly IdempotencyChange[]): Promise<readonly IdempotencyResult[]>;
  /** The running records of these owners go on running for another lease. */
  renew(owners: readonly string[]): Promise<void>;
  /** An owner has died: what it was running is unknown. */
  abandon(owner: string): Promise<void>;
  status(id: string): Promise<IdempotencyStatus | null>;
  /** A person has found out that the request did nothing. False for no such record, or one that is running. */
  forget(id: string, at: number, by: string): Promise<boolean>;
  /** Deletes what has expired, so many at most; how many there were. */
  sweep(most: number): Promise<number>;
}

/** For plans that are only looked at. */
export const noIdempotency: IdempotencyStore = {
  claim: refuse,
  finish: refuse,
  lose: refuse,
  release: refuse,
  status: refuse,
};

function refuse(): Promise<never> {
  return Promise.reject(new Error("there is no store of records"));
}
