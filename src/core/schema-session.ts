/** One connection of its own, for whoever reads or changes the shape of a database (service/migrations, service/introspection). */
import type { Parameter, Rows } from "./database.ts";

export interface SchemaSession {
  readonly dialect: "sqlite" | "postgres";
  /** For people: the file, or the URL without its password. */
  readonly place: string;
  /**
   * One statement, `BEGIN` and `COMMIT` among them. Rows are arrays. Values are `$1`, `$2` …
   *
   * @throws Error of the database: with its `code` (PostgreSQL) or `errcode` (SQLite).
   */
  query(text: string, values?: readonly Parameter[]): Promise<Rows>;
  close(): Promise<void>;
}
