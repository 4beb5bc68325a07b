/** What the rows of keys become, and what the audit says of their changes: the same in every database. */
import {
  type Actor,
  type IssuedSecret,
  type KeyRecord,
  type NewKey,
  type Rotation,
  readAttributes,
} from "../../core/records.ts";
import type { Change } from "./audit-rows.ts";

/** Idempotency keys are looked at for a day (IDEM-12). */
export const REMEMBERED_MS = 86_400_000;

export type KeyRow = [
  number: number,
  name: string,
  attributes: string,
  createdAt: number,
  expiresAt: number | null,
  revokedAt: number | null,
];

export type SecretColumns = [
  digest: string,
  start: string,
  last4: string,
  createdAt: number,
  expiresAt: number | null,
  lastUsedAt: number | null,
];

export function keyRecord(row: KeyRow, secrets: readonly SecretColumns[]): KeyRecord {
  const [, name, attributes, createdAt, expiresAt, revokedAt] = row;
  return {
    ...readAttributes(attributes),
    name,
    createdAt,
    expiresAt,
    revokedAt,
    secrets: secrets.map(([digest, start, last4, createdAt, expiresAt, lastUsedAt]) => ({
      digest,
      start,
      last4,
      createdAt,
      expiresAt,
      lastUsedAt,
    })),
  };
}

/** Few and plain columns: a million rows are read at every start, and each column costs as much as the row itself. */
export type SecretRow = [
  ref: number,
  digestAndAttributes: string,
  revokedAt: number | null,
  expiresAt: number | null,
  lastUsedAt: number | null,
];

const DIGEST_HEX = 64;

export function issuedSecret([ref, text, revokedAt, expiresAt, lastUsedAt]: SecretRow): IssuedSecret {
  return {
    ref,
    digest: text.slice(0, DIGEST_HEX),
    revokedAt,
    expiresAt,
    lastUsedAt,
    attributes: text.slice(DIGEST_HEX),
  };
}

/** In the words of the admin API. */
export function changeOfCreation(key: NewKey, actor: Actor): Change {
  const { consumer, scopes, plan, environment, restrictions, expiresAt, secret } = key;
  const { ipRanges: ip_ranges, methods, routes } = restrictions;
  const expires_at = expiresAt === null ? null : new Date(expiresAt).toISOString();
  const rights = { consumer, scopes, plan, environment, ip_ranges, methods, routes };
  const after = { ...rights, expires_at, last4: secret.last4 };
  return { at: key.createdAt, actor, action: "key.create", subject: key.id, after };
}

export function changeOfCreations(count: number, at: number, actor: Actor): Change {
  return { at, actor, action: "key.create-many", subject: "keys", after: { count } };
}

export function changeOfRotation(rotation: Rotation, key: KeyRecord, actor: Actor): Change {
  const { id, secret, at, overlapUntil } = rotation;
  return {
    at,
    actor,
    action: "key.rotate",
    subject: id,
    before: { last4: key.secrets[0]?.last4 },
    after: { last4: secret.last4, overlap_until: new Date(overlapUntil).toISOString() },
  };
}

export function changeOfRevocation(id: string, at: number, actor: Actor): Change {
  const after = { revoked_at: new Date(at).toISOString() };
  return { at, actor, action: "key.revoke", subject: id, before: { revoked_at: null }, after };
}
