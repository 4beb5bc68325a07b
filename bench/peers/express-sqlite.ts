import { DatabaseSync } from "node:sqlite";
import type { IdempotencyResource, IIdempotencyDataAdapter } from "express-idempotency";

/**
 * What the package's own stores lack: a synced file. Each write is a transaction of its own, because the interface
 * has one resource at a time. It updates after the answer has left, so an answer may be lost where Turnpike's cannot.
 */
export class SqliteAdapter implements IIdempotencyDataAdapter {
  readonly #database: DatabaseSync;

  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    this.#database.exec(
      "CREATE TABLE resources (key TEXT PRIMARY KEY, resource TEXT NOT NULL) WITHOUT ROWID",
    );
  }

  async findByIdempotencyKey(key: string): Promise<IdempotencyResource | null> {
    const row = this.#database.prepare("SELECT resource FROM resources WHERE key = ?").get(key);
    return row === undefined ? null : (JSON.parse(String(row["resource"])) as IdempotencyResource);
  }

  async create(resource: IdempotencyResource): Promise<void> {
    this.#write("INSERT INTO resources VALUES (?, ?)", resource);
  }

  async update(resource: IdempotencyResource): Promise<void> {
    this.#write("INSERT OR REPLACE INTO resources VALUES (?, ?)", resource);
  }

  async delete(key: string): Promise<void> {
    this.#database.prepare("DELETE FROM resources WHERE key = ?").run(key);
  }

  #write(sql: string, resource: IdempotencyResource): void {
    this.#database.prepare(sql).run(resource.idempotencyKey, JSON.stringify(resource));
  }
}
