import type { SecretRecords } from "../../core/records.ts";
import type { PostgresDatabase } from "./postgres.ts";

export class PostgresSecrets implements SecretRecords {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  keep(name: string, made: Uint8Array): Promise<Uint8Array> {
    return this.#database.write(async (session) => {
      await session.query("INSERT INTO turnpike.secrets VALUES ($1, $2) ON CONFLICT DO NOTHING", name, made);
      const sql = "SELECT secret FROM turnpike.secrets WHERE name = $1";
      const rows = await session.query<[Uint8Array]>(sql, name);
      return (rows[0] as [Uint8Array])[0];
    });
  }
}
