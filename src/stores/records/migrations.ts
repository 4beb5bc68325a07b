/**
 * What the database has become, step by step: `PRAGMA user_version` says how many of these have been taken. A step
 * that was released never changes; what is to be different gets a new one.
 */
export const MIGRATIONS: readonly string[] = [
  `
  -- Counts the changes that every gateway on this file has to hear of.
  CREATE TABLE changes (last INTEGER NOT NULL) STRICT;
  INSERT INTO changes VALUES (0);

  CREATE TABLE keys (
    number      INTEGER PRIMARY KEY,          -- order of creation, for pages
    id          TEXT NOT NULL UNIQUE,
    consumer    TEXT NOT NULL,
    environment TEXT NOT NULL,
    name        TEXT NOT NULL,
    attributes  TEXT NOT NULL,                -- see writeAttributes: never changes, and is what lanes hold
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    revoked_at  INTEGER,
    changed     INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX keys_changed ON keys (changed);
  CREATE INDEX keys_consumer ON keys (consumer);

  -- Without an index on the digest: keys are looked up in memory, and loaded in the order of their rows.
  CREATE TABLE key_secrets (
    number       INTEGER PRIMARY KEY,
    key          INTEGER NOT NULL REFERENCES keys (number),
    digest       BLOB NOT NULL,               -- SHA-256 of the secret
    start        TEXT NOT NULL,
    last4        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
  ) STRICT;
  CREATE INDEX key_secrets_key ON key_secrets (key);

  CREATE TABLE admin_token (digest BLOB NOT NULL) STRICT;

  CREATE TABLE remembered (
    digest      BLOB PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    salt        BLOB NOT NULL,
    key         TEXT NOT NULL,
    at          INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX remembered_at ON remembered (at);

  CREATE TABLE audit (
    number  INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    before  TEXT NOT NULL,                    -- JSON
    after   TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE revocations (
    number     INTEGER PRIMARY KEY,           -- order of creation, for pages
    id         TEXT NOT NULL UNIQUE,
    issuer     TEXT NOT NULL,                 -- empty for any
    token      TEXT NOT NULL,                 -- jti; empty where a subject is meant
    subject    TEXT NOT NULL,
    before     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    lifted_at  INTEGER,
    changed    INTEGER NOT NULL,
    UNIQUE (issuer, token, subject)
  ) STRICT;
  CREATE INDEX revocations_changed ON revocations (changed);
  `,
  `
  -- Requests with an Idempotency-Key. The number is the fence: never given twice.
  CREATE TABLE idempotency (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    digest      BLOB NOT NULL UNIQUE,         -- SHA-256 of tenant, route, method and key
    fingerprint BLOB NOT NULL,                -- SHA-256 of the request
    id          TEXT NOT NULL UNIQUE,
    request_id  TEXT NOT NULL,
    owner       INTEGER NOT NULL,             -- who began it; one that is not among the owners is dead
    state       INTEGER NOT NULL,             -- 0 running, 1 unknown, 2 finished
    again       INTEGER NOT NULL,             -- 1 where an earlier attempt is unknown, whatever comes of this one
    status      INTEGER NOT NULL,             -- of the answer, 0 for none
    answer      BLOB,                         -- encrypted; null also where it was too large
    started_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX idempotency_expires ON idempotency (expires_at);

  CREATE TABLE idempotency_owners (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL UNIQUE,
    process     TEXT NOT NULL,                -- see process-name.ts
    lease_until INTEGER NOT NULL
  ) STRICT;
  `,
  `
  -- What processes on this database have to have in common, made by the first that needs it.
  CREATE TABLE secrets (name TEXT PRIMARY KEY, secret BLOB NOT NULL) STRICT;
  `,
  `
  -- What migrations of resources have made themselves: nothing else is changed or dropped (service/migrations/registry.ts).
  CREATE TABLE resource_parts (
    kind        TEXT NOT NULL,                -- table, column, index
    schema_name TEXT NOT NULL,                -- empty
    table_name  TEXT NOT NULL,
    name        TEXT NOT NULL,                -- of the column or index; empty for a table
    field       TEXT NOT NULL,                -- type of a column's field
    PRIMARY KEY (kind, schema_name, table_name, name)
  ) STRICT;
  `,
  `
  -- What has happened to resources, written in the transaction in which it happened.
  CREATE TABLE events (
    id        TEXT PRIMARY KEY,               -- sorts by time: the only index that every change pays for
    type      TEXT NOT NULL,
    resource  TEXT NOT NULL,
    object_id TEXT NOT NULL,
    owner     TEXT NOT NULL,                  -- empty for nobody
    at        INTEGER NOT NULL,
    data      TEXT NOT NULL,                  -- JSON
    previous  TEXT                            -- JSON; null where there is nothing before
  ) STRICT, WITHOUT ROWID;
  `,
];
