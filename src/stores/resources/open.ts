import type { Database } from "../../core/database.ts";
import { isPostgresUrl } from "../../core/postgres-url.ts";

export interface DatabaseOptions {
  /** To PostgreSQL, at most. */
  readonly connections: number;
}

/**
 * Opens the database of the resources: a file, or a `postgres://` URL. Either is only loaded here. The tables of
 * Turnpike's own in it are there already: opening the records (stores/records/open.ts) makes them.
 *
 * @throws Error with a sentence that names the database, without its password.
 */
export async function openDatabase(store: string, { connections }: DatabaseOptions): Promise<Database> {
  if (isPostgresUrl(store)) {
    const { PostgresResources } = await import("./postgres.ts");
    return PostgresResources.open(store, connections);
  }
  const { SqliteResources } = await import("./sqlite.ts");
  return new SqliteResources(store);
}
