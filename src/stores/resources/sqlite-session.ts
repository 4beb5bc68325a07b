import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Parameter, Rows } from "../../core/database.ts";
import type { SchemaSession } from "../../core/schema-session.ts";
import { SqliteDatabase } from "../records/sqlite.ts";

/** Short: who wants to write asks again, and meanwhile this thread does other things. */
const BUSY_TIMEOUT_MS = 50;

/** Where the file is not there, and is only to be looked at, it is as if it were empty. */
export function openSqliteSession(file: string, writes: boolean): SchemaSession {
  // Makes the file, for its user alone, with the tables of Turnpike itself; and says what is wrong with it.
  if (writes) new SqliteDatabase(file).close();
  const there = existsSync(file);
  const database = open(file, there, writes);
  return {
    dialect: "sqlite",
    place: file,
    query: async (text, values = []) => run(database, text, values),
    close: async () => database.close(),
  };
}

function open(file: string, there: boolean, writes: boolean): DatabaseSync {
  try {
    return new DatabaseSync(there ? file : ":memory:", {
      timeout: BUSY_TIMEOUT_MS,
      readOnly: there && !writes,
    });
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function run(database: DatabaseSync, text: string, values: readonly Parameter[]): Rows {
  const statement = database.prepare(text);
  statement.setReturnArrays(true);
  const given = values.map((value, at) => [`$${at + 1}`, typeof value === "boolean" ? Number(value) : value]);
  return statement.all(Object.fromEntries(given)) as unknown as Rows;
}
