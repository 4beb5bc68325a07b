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
import type { SqliteDatabase } from "./sqlite.ts";
import { audit } from "./sqlite-audit.ts";

export class SqliteKeys implements KeyRecords {
  readonly #database: SqliteDatabase;
  /** The last change that `load` or `loadChanges` has handed over. */
  #seen = 0;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  async list(filter: KeyFilter, { limit, before }: Page): Promise<readonly KeyRecord[]> {
    const from = before === undefined ? Number.MAX_SAFE_INTEGER : this.#numberOf(before);
    if (from === null) return [];
    // A condition for each filter that there is: with "or it is null" no index would be used.
    const wanted = Object.entries({ consumer: filter.consumer, environment: filter.environment }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const conditions = ["number < ?", ...wanted.map(([column]) => `${column} = ?`)].join(" AND ");
    const sql = `${SELECT_KEY} WHERE ${conditions} ORDER BY number DESC LIMIT ?`;
    const values = wanted.map(([, value]) => value);
    return this.#database.read(() => {
      const rows = this.#database.prepare(sql).all(from, ...values, limit);
      return rows.map((row) => this.#record(row as unknown as KeyRow));
    });
  }

  async get(id: string): Promise<KeyRecord | null> {
    return this.#database.read(() => this.#get(id));
  }

  async create(key: NewKey, by: Actor, once?: OnceOnly): Promise<void> {
    this.#database.write(() => {
      if (once !== undefined) this.#remember(once, key.id, key.createdAt);
      this.#insert(key, this.#nextChange());
      audit(this.#database, changeOfCreation(key, by));
    });
  }

  async createMany(keys: Iterable<NewKey>, by: Actor): Promise<number> {
    return this.#database.write(() => {
      const change = this.#nextChange();
      let count = 0;
      let at = 0;
      for (const key of keys) {
        this.#insert(key, change);
        at = key.createdAt;
        count += 1;
      }
      audit(this.#database, changeOfCreations(count, at, by));
      return count;
    });
  }

  async rotate(rotation: Rotation, by: Actor, once?: OnceOnly): Promise<boolean> {
    const { id, secret, at, overlapUntil } = rotation;
    return this.#database.write(() => {
      const before = this.#get(id);
      if (before === null || before.revokedAt !== null) return false;
      if (once !== undefined) this.#remember(once, id, at);
      const number = this.#numberOf(id) as number;
      this.#database
        .prepare("UPDATE key_secrets SET expires_at = min(coalesce(expires_at, ?1), ?1) WHERE key = ?2")
        .run(overlapUntil, number);
      this.#insertSecret(number, secret, at);
      this.#database.prepare("UPDATE keys SET changed = ? WHERE number = ?").run(this.#nextChange(), number);
      audit(this.#database, changeOfRotation(rotation, before, by));
      return true;
    });
  }

  async revoke(id: string, at: number, by: Actor): Promise<number | null> {
    return this.#database.write(() => {
      const before = this.#get(id);
      if (before === null || before.revokedAt !== null) return before?.revokedAt ?? null;
      this.#database
        .prepare("UPDATE keys SET revoked_at = ?, changed = ? WHERE id = ?")
        .run(at, this.#nextChange(), id);
      audit(this.#database, changeOfRevocation(id, at, by));
      return at;
    });
  }

  async remembered(digest: string, after: number): Promise<Remembered | null> {
    const row = this.#database
      .prepare("SELECT hex(fingerprint), hex(salt), key FROM remembered WHERE digest = ? AND at > ?")
      .get(bytes(digest), after) as unknown as [string, string, string] | undefined;
    if (row === undefined) return null;
    const [fingerprint, salt, keyId] = row;
    return { digest, fingerprint: fingerprint.toLowerCase(), salt: salt.toLowerCase(), keyId };
  }

  async load(each: (secret: IssuedSecret) => void): Promise<void> {
    this.#seen = 0;
    return this.loadChanges(each);
  }

  async loadChanges(each: (secret: IssuedSecret) => void): Promise<void> {
    this.#database.read(() => {
      const last = number(this.#database.prepare("SELECT last FROM changes").get());
      if (last === this.#seen) return;
      const sql = this.#seen === 0 ? SELECT_ALL_SECRETS : SELECT_CHANGED_SECRETS;
      const statement = this.#database.prepare(sql);
      const rows = this.#seen === 0 ? statement.iterate() : statement.iterate(this.#seen);
      for (const row of rows) each(issuedSecret(row as unknown as SecretRow));
      this.#seen = last;
    });
  }

  async count(): Promise<number> {
    return number(this.#database.prepare("SELECT count(*) FROM key_secrets").get());
  }

  async saveLastUsed(uses: readonly (readonly [ref: number, at: number])[]): Promise<void> {
    const update = this.#database.prepare(
      "UPDATE key_secrets SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE number = ?",
    );
    this.#database.write(() => {
      for (const [ref, at] of uses) update.run(at, ref);
    });
  }

  #get(id: string): KeyRecord | null {
    const row = this.#database.prepare(`${SELECT_KEY} WHERE id = ?`).get(id);
    return row === undefined ? null : this.#record(row as unknown as KeyRow);
  }

  #numberOf(id: string): number | null {
    const row = this.#database.prepare("SELECT number FROM keys WHERE id = ?").get(id);
    return row === undefined ? null : number(row);
  }

  #record(row: KeyRow): KeyRecord {
    const secrets = this.#database
      .prepare(
        `SELECT lower(hex(digest)), start, last4, created_at, expires_at, last_used_at
         FROM key_secrets WHERE key = ? ORDER BY number DESC`,
      )
      .all(row[0]) as unknown as SecretColumns[];
    return keyRecord(row, secrets);
  }

  #insert(key: NewKey, change: number): void {
    const { lastInsertRowid } = this.#database
      .prepare(
        `INSERT INTO keys (id, consumer, environment, name, attributes, created_at, expires_at, changed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        key.id,
        key.consumer,
        key.environment,
        key.name,
        writeAttributes(key),
        key.createdAt,
        key.expiresAt,
        change,
      );
    this.#insertSecret(Number(lastInsertRowid), key.secret, key.createdAt);
  }

  #insertSecret(key: number, { digest, start, last4 }: NewSecret, at: number): void {
    this.#database
      .prepare("INSERT INTO key_secrets (key, digest, start, last4, created_at) VALUES (?, ?, ?, ?, ?)")
      .run(key, bytes(digest), start, last4, at);
  }

  #remember({ digest, fingerprint, salt }: OnceOnly, key: string, at: number): void {
    this.#database.prepare("DELETE FROM remembered WHERE at <= ?").run(at - REMEMBERED_MS);
    this.#database
      .prepare("INSERT INTO remembered VALUES (?, ?, ?, ?, ?)")
      .run(bytes(digest), bytes(fingerprint), bytes(salt), key, at);
  }

  #nextChange(): number {
    return number(this.#database.prepare("UPDATE changes SET last = last + 1 RETURNING last").get());
  }
}

const SELECT_KEY = "SELECT number, name, attributes, created_at, expires_at, revoked_at FROM keys";
// Few and plain columns: a million rows are read at every start, and each column costs as much as the row itself.
const SECRET_COLUMNS = `s.number, hex(s.digest) || k.attributes, k.revoked_at,
  CASE WHEN s.expires_at IS NULL THEN k.expires_at ELSE min(s.expires_at, coalesce(k.expires_at, s.expires_at)) END,
  s.last_used_at`;
const SELECT_ALL_SECRETS = `SELECT ${SECRET_COLUMNS} FROM key_secrets s JOIN keys k ON k.number = s.key`;
const SELECT_CHANGED_SECRETS = `SELECT ${SECRET_COLUMNS} FROM keys k JOIN key_secrets s ON s.key = k.number WHERE k.changed > ?`;

const bytes = (hex: string): Buffer => Buffer.from(hex, "hex");

const number = (row: unknown): number => (row as [number])[0];
