import type { KeyRecord, SecretRecord } from "../../core/records.ts";

export type KeyStatus = "active" | "expired" | "revoked";

/** What may be shown of a key (KEY-3): never a secret, never a digest. */
export interface KeyView {
  readonly id: string;
  readonly name: string;
  readonly consumer: string;
  readonly scopes: readonly string[];
  readonly plan: string | null;
  readonly environment: string;
  readonly ip_ranges: readonly string[];
  readonly methods: readonly string[];
  readonly routes: readonly string[];
  readonly status: KeyStatus;
  /** Of the newest secret. */
  readonly prefix: string;
  readonly last4: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly last_used_at: string | null;
  /** Newest first; the second is the one before a rotation, as long as it is good or was used since. */
  readonly secrets: readonly SecretView[];
}

export interface SecretView {
  readonly last4: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}

/** When a secret was used last, where somebody knows better than the records. */
export type UsedAt = (digest: string) => number | null;

export function keyView(key: KeyRecord, now: number, usedAt: UsedAt = () => null): KeyView {
  const [newest] = key.secrets;
  const used = key.secrets.map((secret) => Math.max(secret.lastUsedAt ?? 0, usedAt(secret.digest) ?? 0));
  return {
    id: key.id,
    name: key.name,
    consumer: key.consumer,
    scopes: key.scopes,
    plan: key.plan === "" ? null : key.plan,
    environment: key.environment,
    ip_ranges: key.restrictions.ipRanges,
    methods: key.restrictions.methods,
    routes: key.restrictions.routes,
    status: statusOf(key, now),
    prefix: newest?.start ?? "",
    last4: newest?.last4 ?? "",
    created_at: time(key.createdAt),
    expires_at: timeOrNull(key.expiresAt),
    revoked_at: timeOrNull(key.revokedAt),
    last_used_at: timeOrNull(Math.max(0, ...used) || null),
    secrets: key.secrets.map((secret, i) => secretView(secret, used[i] ?? 0)),
  };
}

function statusOf({ revokedAt, expiresAt }: KeyRecord, now: number): KeyStatus {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && now >= expiresAt ? "expired" : "active";
}

function secretView({ last4, createdAt, expiresAt }: SecretRecord, used: number): SecretView {
  return {
    last4,
    created_at: time(createdAt),
    expires_at: timeOrNull(expiresAt),
    last_used_at: timeOrNull(used || null),
  };
}

const time = (ms: number): string => new Date(ms).toISOString();
const timeOrNull = (ms: number | null): string | null => (ms === null ? null : time(ms));
