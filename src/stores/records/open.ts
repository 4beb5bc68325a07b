import type { Records } from "../../core/records.ts";

/**
 * Opens the store of a file. SQLite is only loaded here, by who has records to keep.
 *
 * @throws Error with a sentence that names the file.
 */
export async function openRecords(file: string): Promise<Records> {
  const { SqliteRecords } = await import("./sqlite-records.ts");
  return new SqliteRecords(file);
}
