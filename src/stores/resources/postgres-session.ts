import { Client } from "pg";
import { shownPostgresUrl } from "../../core/postgres-url.ts";
import type { SchemaSession } from "../../core/schema-session.ts";
import { clientConfig } from "../postgres/client-config.ts";
import { refusal } from "../postgres/failure.ts";
import { PostgresDatabase } from "../records/postgres.ts";

const CONNECT_TIMEOUT_MS = 10_000;

export async function openPostgresSession(url: string, writes: boolean): Promise<SchemaSession> {
  const place = shownPostgresUrl(url);
  // Makes the schema of Turnpike itself, in which it is kept what migrations have made.
  if (writes) await (await PostgresDatabase.open(url)).close();
  const config = clientConfig(url, []);
  const client = new Client({
    ...config,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // An index of a large table takes as long as it takes.
    statement_timeout: false,
    query_timeout: 0,
    idle_in_transaction_session_timeout: 0,
  });
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    throw refusal(place, error);
  }
  return {
    dialect: "postgres",
    place,
    query: async (text, values = []) =>
      (await client.query({ text, values: [...values], rowMode: "array" })).rows,
    close: () => client.end(),
  };
}
