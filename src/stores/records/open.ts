import { isPostgresUrl } from "../../core/postgres-url.ts";
import type { Records } from "../../core/records.ts";

/**
 * Opens the store of a file, or of a `postgres://` URL. Either database is only loaded here, by who has records to keep.
 * `wall` is the time that what is kept for a while goes by, in a file; PostgreSQL has a clock of its own.
 *
 * @throws Error with a sentence that names the store, without its password.
 */
export async function openRecords(store: string, wall: () => number = Date.now): Promise<Records> {
  if (isPostgresUrl(store)) {
    const { PostgresRecords } = await import("./postgres-records.ts");
    return PostgresRecords.open(store);
  }
  const { SqliteRecords } = await import("./sqlite-records.ts");
  return new SqliteRecords(store, wall);
}
