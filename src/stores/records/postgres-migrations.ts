import type { Client } from "pg";
import { NewerSchema } from "../postgres/failure.ts";

/**
 * Advisory locks are one space for everybody on a database: ours are pairs that begin with this number ("turn").
 * The second is 0 for whoever changes the schema, else the number of an owner (postgres-presence.ts).
 */
export const LOCKS = 0x7475726e;

/** Three times as long as owners may stay silent. Only decides where a machine has gone without a word. */
export const LEASE_MS = 60_000;

/**
 * Brings the schema `turnpike` up to date, once, however many processes start at the same time. The client has to end
 * its connection, with which the lock goes.
 */
export async function migrate(client: Client): Promise<void> {
  if ((await versionOf(client)) === MIGRATIONS.length) return;
  // Before the transaction begins: within one, PostgreSQL may go on by what it knew of the schema before it waited.
  await client.query("SELECT pg_advisory_lock($1, 0)", [LOCKS]);
  await client.query("BEGIN");
  const done = await versionOf(client);
  if (done > MIGRATIONS.length) throw new NewerSchema();
  for (const step of MIGRATIONS.slice(done)) await client.query(step);
  await client.query("UPDATE turnpike.schema_version SET steps = $1", [MIGRATIONS.length]);
  await client.query("COMMIT");
}

async function versionOf(client: Client): Promise<number> {
  const there = await client.query("SELECT to_regclass('turnpike.schema_version') IS NOT NULL AS there");
  if (there.rows[0]?.there !== true) return 0;
  return (await client.query("SELECT steps FROM turnpike.schema_version")).rows[0]?.steps;
}

/**
 * What the schema has become, step by step. A step that was released never changes; what is to be different gets a new
 * one. Times are milliseconds since the epoch.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE SCHEMA IF NOT EXISTS turnpike;

  CREATE TABLE turnpike.schema_version (steps integer NOT NULL);
  INSERT INTO turnpike.schema_version VALUES (0);

  -- The clock that everything goes by that several gateways have to agree about, in milliseconds.
  CREATE FUNCTION turnpike.now() RETURNS bigint LANGUAGE sql VOLATILE AS
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint';

  -- Counts the changes that every gateway on this database has to hear of. Whoever changes something holds this row
  -- until it commits: changes become visible in the order of their numbers.
  CREATE TABLE turnpike.changes (last bigint NOT NULL) WITH (fillfactor = 10);
  INSERT INTO turnpike.changes VALUES (0);

  CREATE TABLE turnpike.keys (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,   -- order of creation, for pages
    id          text NOT NULL UNIQUE,
    consumer    text NOT NULL,
    environment text NOT NULL,
    name        text NOT NULL,
    attributes  text NOT NULL,               -- see writeAttributes: never changes, and is what lanes hold
    created_at  bigint NOT NULL,
    expires_at  bigint,
    revoked_at  bigint,
    changed     bigint NOT NULL
  );
  CREATE INDEX keys_changed ON turnpike.keys (changed);
  CREATE INDEX keys_consumer ON turnpike.keys (consumer);

  -- Without an index on the digest: keys are looked up in memory, and loaded in the order of their rows.
  CREATE TABLE turnpike.key_secrets (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key          bigint NOT NULL REFERENCES turnpike.keys (number),
    digest       bytea NOT NULL,             -- SHA-256 of the secret
    start        text NOT NULL,
    last4        text NOT NULL,
    created_at   bigint NOT NULL,
    expires_at   bigint,
    last_used_at bigint
  );
  CREATE INDEX key_secrets_key ON turnpike.key_secrets (key);

  CREATE TABLE turnpike.admin_token (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),   -- one row at most
    digest bytea NOT NULL
  );

  CREATE TABLE turnpike.remembered (
    digest      bytea PRIMARY KEY,
    fingerprint bytea NOT NULL,
    salt        bytea NOT NULL,
    key         text NOT NULL,
    at          bigint NOT NULL
  );
  CREATE INDEX remembered_at ON turnpike.remembered (at);

  CREATE TABLE turnpike.audit (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      bigint NOT NULL,
    actor   text NOT NULL,
    action  text NOT NULL,
    subject text NOT NULL,
    before  text NOT NULL,                   -- JSON
    after   text NOT NULL
  );

  CREATE TABLE turnpike.revocations (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL UNIQUE,
    what       bytea NOT NULL UNIQUE,        -- digest of the next three, which may be longer than an index takes
    issuer     text NOT NULL,                -- empty for any
    token      text NOT NULL,                -- jti; empty where a subject is meant
    subject    text NOT NULL,
    before     bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    lifted_at  bigint,
    changed    bigint NOT NULL
  );
  CREATE INDEX revocations_changed ON turnpike.revocations (changed);

  -- Who has begun requests: a lane of a process, which holds the advisory lock of this number while it lives.
  CREATE TABLE turnpike.idempotency_owners (
    number      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    lease_until bigint NOT NULL              -- when it counts as dead even with the lock: its machine may be gone
  );

  -- Requests with an Idempotency-Key.
  CREATE TABLE turnpike.idempotency (
    digest      bytea PRIMARY KEY,           -- SHA-256 of tenant, route, method and key
    fence       bigint NOT NULL,             -- random; another one for each attempt
    fingerprint bytea NOT NULL,              -- SHA-256 of the request
    id          text NOT NULL UNIQUE,
    request_id  text NOT NULL,
    owner       integer NOT NULL,            -- one that is not among the owners is dead
    again       boolean NOT NULL,            -- an earlier attempt came to nothing that anybody knows
    state       smallint NOT NULL,           -- 0 running, 1 unknown, 2 finished
    status      smallint NOT NULL,           -- of the answer, 0 for none
    answer      bytea,                       -- encrypted; null also where it was too large
    started_at  bigint NOT NULL,
    expires_at  bigint NOT NULL
  ) WITH (fillfactor = 60);                  -- room beside a record for its own answer
  -- What is encrypted cannot be compressed.
  ALTER TABLE turnpike.idempotency ALTER COLUMN answer SET STORAGE EXTERNAL;
  CREATE INDEX idempotency_expires ON turnpike.idempotency (expires_at);
  `,
  `
  -- What processes on this database have to have in common, made by the first that needs it.
  CREATE TABLE turnpike.secrets (name text PRIMARY KEY, secret bytea NOT NULL);
  `,
  `
  -- What migrations of resources have made themselves: nothing else is changed or dropped (service/migrations/registry.ts).
  CREATE TABLE turnpike.resource_parts (
    kind        text NOT NULL,               -- table, column, index
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    name        text NOT NULL,               -- of the column or index; empty for a table
    field       text NOT NULL,               -- type of a column's field
    PRIMARY KEY (kind, schema_name, table_name, name)
  );
  `,
  `
  -- What has happened to resources, written in the transaction in which it happened. Numbers are given out when an event
  -- is written, not when its transaction ends: a lower one may become visible after a higher one.
  CREATE TABLE turnpike.events (
    id        text COLLATE "C" PRIMARY KEY,  -- sorts by time: the only index that every change pays for
    type      text NOT NULL,
    resource  text NOT NULL,
    object_id text NOT NULL,
    owner     text NOT NULL,                 -- empty for nobody
    at        bigint NOT NULL,
    data      text NOT NULL,                 -- JSON
    previous  text                           -- JSON; null where there is nothing before
  );
  `,
];
