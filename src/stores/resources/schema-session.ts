import { isPostgresUrl } from "../../core/postgres-url.ts";
import type { SchemaSession } from "../../core/schema-session.ts";

/**
 * A session for `turnpike db`, `introspect`, and migrations at the start; either database is only loaded here.
 * `store` is a file or a `postgres://` URL. For whoever `writes`, the tables of Turnpike itself are there.
 *
 * @throws Error with a sentence that names the database, without its password.
 */
export async function openSchemaSession(
  store: string,
  { writes }: { readonly writes: boolean },
): Promise<SchemaSession> {
  if (isPostgresUrl(store)) {
    const { openPostgresSession } = await import("./postgres-session.ts");
    return openPostgresSession(store, writes);
  }
  const { openSqliteSession } = await import("./sqlite-session.ts");
  return openSqliteSession(store, writes);
}
