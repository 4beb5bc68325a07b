import type { RevocationRecord } from "../../core/records.ts";

/** In the order of a `RevocationRow`. */
export const COLUMNS = "id, issuer, token, subject, before, created_at, expires_at, lifted_at";
export type RevocationRow = [
  id: string,
  issuer: string,
  tokenId: string,
  subject: string,
  before: number,
  createdAt: number,
  expiresAt: number,
  liftedAt: number | null,
];

/** Long enough for every process on the store to have seen that it was lifted. */
export const LIFTED_FOR_MS = 60_000;

export function revocationRecord(row: RevocationRow): RevocationRecord {
  const [id, issuer, tokenId, subject, before, createdAt, expiresAt, liftedAt] = row;
  return { id, issuer, tokenId, subject, before, createdAt, expiresAt, liftedAt };
}
