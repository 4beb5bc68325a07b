/** A revocation as it is asked for and shown, by the command line and by the admin API alike. */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { text } from "../../core/fields.ts";
import { found } from "../../core/found.ts";
import { expiry, moment } from "../../core/key-fields.ts";
import { base62 } from "../../core/key-format.ts";
import type { RevocationRecord } from "../../core/records.ts";

const DAY_MS = 86_400_000;
/** For tokens of which nobody says when they expire: longer than any should be good for. */
const KEPT_MS = 366 * DAY_MS;

/** What stands in a token, which has 8 KiB at most; on one line, because it is shown in terminals. */
const claim = text("a text", (value) =>
  /^\P{C}{1,4096}$/u.test(value) ? undefined : `expected 1 to 4096 printable characters, ${found(value)}`,
);

/** `now` in epoch milliseconds. */
export function revocationRequest(now: number) {
  return z
    .strictObject({
      jti: claim.optional(),
      subject: claim.optional(),
      issuer: claim.optional(),
      before: moment.optional(),
      expires: expiry(now).optional(),
    })
    .check(({ value, issues }) => {
      const refuse = (path: string, message: string) =>
        issues.push({ code: "custom", input: value, path: [path], message });
      if ((value.jti === undefined) === (value.subject === undefined))
        refuse("jti", "a revocation names either a jti or a subject");
      if (value.before === undefined) return;
      if (value.jti !== undefined) refuse("before", "goes with a subject; a jti is one token");
      if (value.before > now)
        refuse("before", "is in the future: tokens that are not issued yet cannot be revoked");
    });
}

export type RevocationRequest = z.output<ReturnType<typeof revocationRequest>>;

export function newRevocation(request: RevocationRequest, now: number): Omit<RevocationRecord, "liftedAt"> {
  const { jti = "", subject = "", issuer = "", before = now, expires = now + KEPT_MS } = request;
  return {
    id: `rev_${base62(BigInt(`0x${randomBytes(16).toString("hex")}`), 20)}`,
    issuer,
    tokenId: jti,
    subject,
    before: jti === "" ? before : 0,
    createdAt: now,
    expiresAt: expires,
  };
}

export interface RevocationView {
  readonly id: string;
  readonly jti: string | null;
  readonly subject: string | null;
  /** Null for every issuer. */
  readonly issuer: string | null;
  /** Tokens of the subject that were issued earlier; null with a `jti`. */
  readonly before: string | null;
  readonly created_at: string;
  readonly expires_at: string;
}

export function revocationView(revocation: RevocationRecord): RevocationView {
  const { id, tokenId, subject, issuer, before, createdAt, expiresAt } = revocation;
  return {
    id,
    jti: tokenId || null,
    subject: subject || null,
    issuer: issuer || null,
    before: tokenId === "" ? time(before) : null,
    created_at: time(createdAt),
    expires_at: time(expiresAt),
  };
}

const time = (ms: number): string => new Date(ms).toISOString();
