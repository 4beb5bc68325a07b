/** The token that opens the admin API: `tpa_…`, of which only the digest is kept. */
import { randomBytes } from "node:crypto";
import { secretOf } from "../core/key-format.ts";
import type { Actor, AdminTokenRecord } from "../core/records.ts";
import { digestOf } from "./keys/issue.ts";

const START = "tpa_";
const ENTROPY_BYTES = 32;

/** A new token in the place of the one before. It is shown once. */
export async function createAdminToken(record: AdminTokenRecord, now: number, by: Actor): Promise<string> {
  const token = newToken();
  await record.set(digestOf(token), now, by);
  return token;
}

/** The first token of a store; null where it has one. */
export async function createFirstAdminToken(
  record: AdminTokenRecord,
  now: number,
  by: Actor,
): Promise<string | null> {
  if ((await record.get()) !== null) return null;
  const token = newToken();
  return (await record.setFirst(digestOf(token), now, by)) ? token : null;
}

const newToken = (): string => secretOf(START, randomBytes(ENTROPY_BYTES));
