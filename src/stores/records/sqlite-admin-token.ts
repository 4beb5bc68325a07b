import type { Actor, AdminTokenRecord } from "../../core/records.ts";
import type { SqliteDatabase } from "./sqlite.ts";
import { audit } from "./sqlite-audit.ts";

export class SqliteAdminToken implements AdminTokenRecord {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  async get(): Promise<string | null> {
    return this.#get();
  }

  async set(digest: string, at: number, by: Actor): Promise<void> {
    this.#database.write(() => this.#set(digest, at, by));
  }

  async setFirst(digest: string, at: number, by: Actor): Promise<boolean> {
    return this.#database.write(() => {
      if (this.#get() !== null) return false;
      this.#set(digest, at, by);
      return true;
    });
  }

  #get(): string | null {
    const row = this.#database.prepare("SELECT hex(digest) FROM admin_token").get();
    return row === undefined ? null : (row as unknown as [string])[0].toLowerCase();
  }

  #set(digest: string, at: number, actor: Actor): void {
    this.#database.prepare("DELETE FROM admin_token").run();
    this.#database.prepare("INSERT INTO admin_token VALUES (?)").run(Buffer.from(digest, "hex"));
    audit(this.#database, { at, actor, action: "admin-token.create", subject: "admin-token" });
  }
}
