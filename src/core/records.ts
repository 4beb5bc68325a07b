/**
 * What is remembered on disk: keys, who did what with them, the admin token. By capability and asynchronous, so that
 * a database elsewhere can stand in for a file. Times are milliseconds since the epoch. No secret ever gets here,
 * only SHA-256 digests of secrets, in hex (KEY-4).
 */
import type { IdempotencyRecords } from "./idempotency.ts";
import type { KeyEnvironment, KeyRestrictions } from "./keys.ts";
import type { ResourceEvent } from "./resource.ts";

export interface Records {
  readonly keys: KeyRecords;
  readonly audit: AuditRecords;
  readonly adminToken: AdminTokenRecord;
  readonly revocations: RevocationRecords;
  readonly idempotency: IdempotencyRecords;
  readonly events: EventRecords;
  readonly secrets: SecretRecords;
  /** Whether somebody else, such as another process, has written since this was asked last. */
  changed(): Promise<boolean>;
  close(): Promise<void>;
}

/** Secrets that all processes on one database have in common. Who reads the database knows them. */
export interface SecretRecords {
  /** The one of that name; `made` where there was none, which is kept from now on. */
  keep(name: string, made: Uint8Array): Promise<Uint8Array>;
}

/** Who does something, for the audit: `cli:<user>`, `admin`, `gateway`. */
export type Actor = string;

export interface KeyRecord {
  readonly id: string;
  /** What people call it; may be empty. */
  readonly name: string;
  readonly consumer: string;
  readonly scopes: readonly string[];
  /** Empty for none. */
  readonly plan: string;
  readonly environment: KeyEnvironment;
  readonly restrictions: KeyRestrictions;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** Newest first; more than one while a rotation's overlap lasts. */
  readonly secrets: readonly SecretRecord[];
}

export interface SecretRecord {
  readonly digest: string;
  /** What may be shown of it: `tp_live_` and the last four characters. */
  readonly start: string;
  readonly last4: string;
  readonly createdAt: number;
  /** Of this secret; the key's own expiry holds as well. */
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
}

/** One secret of a key, in the order in which a table of all of them is filled. */
export interface IssuedSecret {
  /** What the store calls it. */
  readonly ref: number;
  readonly digest: string;
  readonly revokedAt: number | null;
  /** The earlier of the secret's and the key's. */
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
  /** `writeAttributes` of the key. */
  readonly attributes: string;
}

/** What never changes of a key. */
export type KeyAttributes = Pick<
  KeyRecord,
  "id" | "consumer" | "scopes" | "plan" | "environment" | "restrictions"
>;

/**
 * A line for each: what is stored and what lies in memory, in ASCII. Lines, because lanes read them again for calls
 * with keys that they have not seen lately, and taking lines apart costs a fifth of parsing JSON.
 */
export function writeAttributes(key: KeyAttributes): string {
  const { ipRanges, methods, routes } = key.restrictions;
  const restricted = ipRanges.length + methods.length + routes.length > 0;
  const restrictions = restricted ? JSON.stringify({ ipRanges, methods, routes }) : "";
  return [key.id, key.consumer, key.scopes.join(" "), key.plan, key.environment, restrictions].join("\n");
}

export function readAttributes(text: string): KeyAttributes {
  const [id = "", consumer = "", scopes = "", plan = "", environment, restrictions = ""] = text.split("\n");
  return {
    id,
    consumer,
    scopes: scopes === "" ? [] : scopes.split(" "),
    plan,
    environment: environment === "test" ? "test" : "live",
    restrictions: restrictions === "" ? UNRESTRICTED : (JSON.parse(restrictions) as KeyRestrictions),
  };
}

const UNRESTRICTED: KeyRestrictions = { ipRanges: [], methods: [], routes: [] };

export interface NewKey extends Omit<KeyRecord, "revokedAt" | "secrets"> {
  readonly secret: NewSecret;
}

export type NewSecret = Pick<SecretRecord, "digest" | "start" | "last4">;

/** A request with an `Idempotency-Key`, remembered with what it did so that its repetition does nothing. */
export interface OnceOnly {
  /** Digest of the key and of the operation. */
  readonly digest: string;
  /** Digest of what was asked. */
  readonly fingerprint: string;
  /** What the secret was made of, beside what only the caller knows. */
  readonly salt: string;
}

export interface Remembered extends OnceOnly {
  readonly keyId: string;
}

export interface KeyFilter {
  readonly consumer?: string | undefined;
  readonly environment?: KeyEnvironment | undefined;
}

export interface KeyRecords {
  /** Newest first; `before` is the id that the page before ended with. */
  list(filter: KeyFilter, page: Page): Promise<readonly KeyRecord[]>;
  get(id: string): Promise<KeyRecord | null>;
  create(key: NewKey, by: Actor, once?: OnceOnly): Promise<void>;
  /** In one transaction: for filling a store. One line in the audit. */
  createMany(keys: Iterable<NewKey>, by: Actor): Promise<number>;
  /** A new secret; the ones before end at `overlapUntil`, or sooner if they would have anyway. False for no such key, or a revoked one. */
  rotate(rotation: Rotation, by: Actor, once?: OnceOnly): Promise<boolean>;
  /** Null for no such key; the time of the first revocation otherwise. */
  revoke(id: string, at: number, by: Actor): Promise<number | null>;
  /** What a request with this `Idempotency-Key` did since `after`. */
  remembered(digest: string, after: number): Promise<Remembered | null>;
  /** Hands over every secret that may be used still, or was revoked or has expired since: what lanes must know. */
  load(each: (secret: IssuedSecret) => void): Promise<void>;
  /** Secrets of keys that were changed since `load` or `loadChanges` was called last. */
  loadChanges(each: (secret: IssuedSecret) => void): Promise<void>;
  /** How many secrets `load` is going to hand over, about. */
  count(): Promise<number>;
  /** Never moves a time back. */
  saveLastUsed(uses: readonly (readonly [ref: number, at: number])[]): Promise<void>;
}

export interface Page {
  readonly limit: number;
  readonly before?: string | undefined;
}

export interface Rotation {
  readonly id: string;
  readonly secret: NewSecret;
  readonly at: number;
  readonly overlapUntil: number;
}

export interface AuditEntry {
  readonly id: string;
  readonly at: number;
  readonly actor: Actor;
  /** `key.create`, `key.rotate`, `key.revoke`, `admin-token.create` … */
  readonly action: string;
  /** What it was done to: an id. */
  readonly subject: string;
  /** What was there before and after, without secrets (OBS-9). */
  readonly before: unknown;
  readonly after: unknown;
}

export interface AuditRecords {
  /** Newest first. */
  list(page: Page): Promise<readonly AuditEntry[]>;
  /** For what is done elsewhere than in the records, which audit their own changes. */
  add(entry: Omit<AuditEntry, "id">): Promise<void>;
}

/** What has happened to resources. It is written where it happens, in the same transaction (service/resources/events.ts). */
export interface EventRecords {
  /** Newest first. */
  list(page: Page): Promise<readonly ResourceEvent[]>;
  get(id: string): Promise<ResourceEvent | null>;
  /** Deletes what happened before a time, so many at most; how many there were. */
  sweep(before: number, most: number): Promise<number>;
}

/** The digest of the one token that opens the admin API. */
export interface AdminTokenRecord {
  get(): Promise<string | null>;
  /** Replaces the one before. */
  set(digest: string, at: number, by: Actor): Promise<void>;
  /** Only where there is none; false otherwise. */
  setFirst(digest: string, at: number, by: Actor): Promise<boolean>;
}

/** Tokens that are no longer good: one by its `jti`, or all of a subject that were issued before a time. */
export interface RevocationRecord {
  readonly id: string;
  /** Of this issuer only; empty for any. */
  readonly issuer: string;
  /** Empty where a subject is meant. */
  readonly tokenId: string;
  /** Empty where one token is meant. */
  readonly subject: string;
  /** Tokens of the subject that were issued earlier. */
  readonly before: number;
  readonly createdAt: number;
  /** When the last of the tokens has expired by itself, and this may be forgotten. */
  readonly expiresAt: number;
  /** Taken back; null as long as it holds. */
  readonly liftedAt: number | null;
}

export interface RevocationRecords {
  /** Those that hold, newest first. */
  list(page: Page): Promise<readonly RevocationRecord[]>;
  get(id: string): Promise<RevocationRecord | null>;
  /** The same once more makes the one that is there hold for longer, and gives that. */
  add(revocation: Omit<RevocationRecord, "liftedAt">, by: Actor): Promise<RevocationRecord>;
  /** False for none that holds. */
  lift(id: string, at: number, by: Actor): Promise<boolean>;
  /** What was added or lifted since this was asked last; at first everything. */
  loadChanges(): Promise<readonly RevocationRecord[]>;
  /** Forgets what has expired, and what was lifted so long ago that everybody has seen it. */
  forget(now: number): Promise<void>;
}
