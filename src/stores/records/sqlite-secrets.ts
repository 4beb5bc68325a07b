import type { SecretRecords } from "../../core/records.ts";
import type { SqliteDatabase } from "./sqlite.ts";

export class SqliteSecrets implements SecretRecords {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  async keep(name: string, made: Uint8Array): Promise<Uint8Array> {
    return this.#database.write(() => {
      this.#database.prepare("INSERT INTO secrets VALUES (?, ?) ON CONFLICT DO NOTHING").run(name, made);
      const row = this.#database.prepare("SELECT secret FROM secrets WHERE name = ?").get(name);
      return (row as unknown as [Uint8Array])[0];
    });
  }
}
