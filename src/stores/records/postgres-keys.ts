import {
  type Actor,
  type IssuedSecret,
  type KeyFilter,
  type KeyRecord,
  type KeyRecords,
  type NewKey,
  type NewSecret,
  type OnceOnly,
  type Page,
  type Remembered,
  type Rotation,
  writeAttributes,
} from "../../core/records.ts";
import {
  changeOfCreation,
  changeOfCreations,
  changeOfRevocation,
  changeOfRotation,
  issuedSecret,
  type KeyRow,
  keyRecord,
  REMEMBERED_MS,
  type SecretColumns,
  type SecretRow,
} from "./key-rows.ts";
import type { PostgresDatabase, Session } from "./postgres.ts";
import { audit } from "./postgres-audit.ts";
import { lastChange, nextChange } from "./postgres-changes.ts";

export class PostgresKeys implements KeyRecords {
  readonly #database: PostgresDatabase;
  /** The last change that `load` or `loadChanges` has handed over. */
  #seen = 0;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  async list(filter: KeyFilter, { limit, before }: Page): Promise<readonly KeyRecord[]> {
    const wanted = Object.entries({ consumer: filter.consumer, environment: filter.environment }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const conditions = ["number < $1", ...wanted.map(([column], index) => `${column} = $${index + 3}`)];
    const sql = `${SELECT_KEY} WHERE ${conditions.join(" AND ")} ORDER BY number DESC LIMIT $2`;
    return this.#database.read(async (session) => {
      const from = before === undefined ? Number.MAX_SAFE_INTEGER : await numberOf(session, before);
      if (from === null) return [];
      const values = wanted.map(([, value]) => value);
      return records(session, await session.query<KeyRow>(sql, from, limit, ...values));
    });
  }

  async get(id: string): Promise<KeyRecord | null> {
    return this.#database.read((session) => find(session, id));
  }

  async create(key: NewKey, by: Actor, once?: OnceOnly): Promise<void> {
    await this.#database.write(async (session) => {
      const change = await nextChange(session);
      if (once !== undefined) await remember(session, once, key.id, key.createdAt);
      await insert(session, [key], change);
      await audit(session, changeOfCreation(key, by));
    });
  }

  async createMany(keys: Iterable<NewKey>, by: Actor): Promise<number> {
    // Taken once: a transaction may have to be repeated.
    const all = [...keys];
    return this.#database.write(async (session) => {
      const change = await nextChange(session);
      for (let from = 0; from < all.length; from += ROWS)
        await insert(session, all.slice(from, from + ROWS), change);
      await audit(session, changeOfCreations(all.length, all.at(-1)?.createdAt ?? 0, by));
      return all.length;
    });
  }

  async rotate(rotation: Rotation, by: Actor, once?: OnceOnly): Promise<boolean> {
    const { id, secret, at, overlapUntil } = rotation;
    return this.#database.write(async (session) => {
      const change = await nextChange(session);
      const before = await find(session, id);
      if (before === null || before.revokedAt !== null) return false;
      if (once !== undefined) await remember(session, once, id, at);
      const number = (await numberOf(session, id)) as number;
      const ends = "UPDATE turnpike.key_secrets SET expires_at = least(expires_at, $1) WHERE key = $2";
      await session.query(ends, overlapUntil, number);
      await insertSecret(session, number, secret, at);
      await session.query("UPDATE turnpike.keys SET changed = $1 WHERE number = $2", change, number);
      await audit(session, changeOfRotation(rotation, before, by));
      return true;
    });
  }

  async revoke(id: string, at: number, by: Actor): Promise<number | null> {
    return this.#database.write(async (session) => {
      const change = await nextChange(session);
      const before = await find(session, id);
      if (before === null || before.revokedAt !== null) return before?.revokedAt ?? null;
      const sql = "UPDATE turnpike.keys SET revoked_at = $1, changed = $2 WHERE id = $3";
      await session.query(sql, at, change, id);
      await audit(session, changeOfRevocation(id, at, by));
      return at;
    });
  }

  async remembered(digest: string, after: number): Promise<Remembered | null> {
    const [row] = await this.#database.query<[string, string, string]>(
      `SELECT encode(fingerprint, 'hex'), encode(salt, 'hex'), key FROM turnpike.remembered
       WHERE digest = decode($1, 'hex') AND at > $2`,
      digest,
      after,
    );
    if (row === undefined) return null;
    const [fingerprint, salt, keyId] = row;
    return { digest, fingerprint, salt, keyId };
  }

  async load(each: (secret: IssuedSecret) => void): Promise<void> {
    this.#seen = 0;
    return this.loadChanges(each);
  }

  async loadChanges(each: (secret: IssuedSecret) => void): Promise<void> {
    await this.#database.read(async (session) => {
      const last = await lastChange(session);
      if (last === this.#seen) return;
      // Row by row of a million, each would wait for the network: page by page, in the order of their numbers.
      for (let from = 0, rows: readonly SecretRow[]; ; from = (rows.at(-1) as SecretRow)[0]) {
        rows = await session.query<SecretRow>(SELECT_SECRETS, from, this.#seen, ROWS);
        for (const row of rows) each(issuedSecret(row));
        if (rows.length < ROWS) break;
      }
      this.#seen = last;
    });
  }

  async count(): Promise<number> {
    const [row] = await this.#database.query<[number]>("SELECT count(*) FROM turnpike.key_secrets");
    return (row as [number])[0];
  }

  async saveLastUsed(uses: readonly (readonly [ref: number, at: number])[]): Promise<void> {
    const sorted = [...uses].sort(([a], [b]) => a - b);
    await this.#database.write(async (session) => {
      // Several gateways save the same keys: all of them lock in the same order.
      const rows =
        "SELECT number FROM turnpike.key_secrets WHERE number = ANY ($1) ORDER BY number FOR UPDATE";
      const refs = sorted.map(([ref]) => ref);
      await session.query(rows, refs);
      await session.query(
        `UPDATE turnpike.key_secrets s SET last_used_at = greatest(s.last_used_at, u.at)
         FROM unnest($1::bigint[], $2::bigint[]) AS u (ref, at) WHERE s.number = u.ref`,
        refs,
        sorted.map(([, at]) => at),
      );
    });
  }
}

/** How many rows go over the network at once. */
const ROWS = 5_000;

const SELECT_KEY = "SELECT number, name, attributes, created_at, expires_at, revoked_at FROM turnpike.keys";

// `least` takes no notice of nulls.
const SELECT_SECRETS = `SELECT s.number, encode(s.digest, 'hex') || k.attributes, k.revoked_at,
    least(s.expires_at, k.expires_at), s.last_used_at
  FROM turnpike.key_secrets s JOIN turnpike.keys k ON k.number = s.key
  WHERE s.number > $1 AND k.changed > $2 ORDER BY s.number LIMIT $3`;

async function find(session: Session, id: string): Promise<KeyRecord | null> {
  const [found] = await records(session, await session.query<KeyRow>(`${SELECT_KEY} WHERE id = $1`, id));
  return found ?? null;
}

async function numberOf(session: Session, id: string): Promise<number | null> {
  const [row] = await session.query<[number]>("SELECT number FROM turnpike.keys WHERE id = $1", id);
  return row?.[0] ?? null;
}

/** Keys with their secrets, in the order of the rows. */
async function records(session: Session, rows: readonly KeyRow[]): Promise<readonly KeyRecord[]> {
  const secrets = await session.query<[key: number, ...SecretColumns]>(
    `SELECT key, encode(digest, 'hex'), start, last4, created_at, expires_at, last_used_at
     FROM turnpike.key_secrets WHERE key = ANY ($1) ORDER BY number DESC`,
    rows.map(([number]) => number),
  );
  const byKey = Map.groupBy(secrets, ([key]) => key);
  return rows.map((row) => {
    const own = (byKey.get(row[0]) ?? []).map(([, ...columns]): SecretColumns => columns);
    return keyRecord(row, own);
  });
}

async function insert(session: Session, keys: readonly NewKey[], change: number): Promise<void> {
  await session.query(
    `WITH given AS (
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
                            $8::text[], $9::text[], $10::text[]) WITH ORDINALITY
         AS g (id, consumer, environment, name, attributes, created_at, expires_at, digest, start, last4, position)
     ), added AS (
       INSERT INTO turnpike.keys (id, consumer, environment, name, attributes, created_at, expires_at, changed)
       SELECT id, consumer, environment, name, attributes, created_at, expires_at, $11 FROM given ORDER BY position
       RETURNING number, id
     )
     INSERT INTO turnpike.key_secrets (key, digest, start, last4, created_at)
     SELECT added.number, decode(digest, 'hex'), start, last4, created_at
     FROM given JOIN added USING (id) ORDER BY position`,
    ...[keys.map(({ id }) => id), keys.map(({ consumer }) => consumer)],
    ...[keys.map(({ environment }) => environment), keys.map(({ name }) => name), keys.map(writeAttributes)],
    ...[keys.map(({ createdAt }) => createdAt), keys.map(({ expiresAt }) => expiresAt)],
    ...[keys.map(({ secret }) => secret.digest), keys.map(({ secret }) => secret.start)],
    ...[keys.map(({ secret }) => secret.last4), change],
  );
}

async function insertSecret(session: Session, key: number, secret: NewSecret, at: number): Promise<void> {
  await session.query(
    `INSERT INTO turnpike.key_secrets (key, digest, start, last4, created_at)
     VALUES ($1, decode($2, 'hex'), $3, $4, $5)`,
    ...[key, secret.digest, secret.start, secret.last4, at],
  );
}

async function remember(session: Session, once: OnceOnly, key: string, at: number): Promise<void> {
  await session.query("DELETE FROM turnpike.remembered WHERE at <= $1", at - REMEMBERED_MS);
  await session.query(
    `INSERT INTO turnpike.remembered (digest, fingerprint, salt, key, at)
     VALUES (decode($1, 'hex'), decode($2, 'hex'), decode($3, 'hex'), $4, $5)`,
    ...[once.digest, once.fingerprint, once.salt, key, at],
  );
}
