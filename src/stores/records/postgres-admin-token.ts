import type { Actor, AdminTokenRecord } from "../../core/records.ts";
import type { PostgresDatabase, Session } from "./postgres.ts";
import { audit } from "./postgres-audit.ts";

export class PostgresAdminToken implements AdminTokenRecord {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  async get(): Promise<string | null> {
    const sql = "SELECT encode(digest, 'hex') FROM turnpike.admin_token";
    const [row] = await this.#database.query<[string]>(sql);
    return row?.[0] ?? null;
  }

  async set(digest: string, at: number, by: Actor): Promise<void> {
    await this.#set(digest, at, by, "ON CONFLICT (single) DO UPDATE SET digest = excluded.digest");
  }

  async setFirst(digest: string, at: number, by: Actor): Promise<boolean> {
    return this.#set(digest, at, by, "ON CONFLICT (single) DO NOTHING");
  }

  #set(digest: string, at: number, actor: Actor, otherwise: string): Promise<boolean> {
    return this.#database.write(async (session: Session) => {
      const sql = `INSERT INTO turnpike.admin_token (digest) VALUES (decode($1, 'hex')) ${otherwise} RETURNING true`;
      if ((await session.query(sql, digest)).length === 0) return false;
      await audit(session, { at, actor, action: "admin-token.create", subject: "admin-token" });
      return true;
    });
  }
}
