/** One SQLite file: opened, brought up to date, written to in transactions that are on disk when they return. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { NewerSchema, refusal, SqliteFile } from "../sqlite/file.ts";
import { MIGRATIONS } from "./migrations.ts";

export class SqliteDatabase {
  readonly #file: SqliteFile;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws Error with a sentence that names the file. */
  constructor(file: string) {
    this.#file = new SqliteFile(file);
    this.#database = this.#file.database;
    try {
      this.#migrate();
    } catch (error) {
      this.close();
      throw refusal(file, error);
    }
  }

  /** A statement, prepared once. Rows come as arrays, in the order of the columns. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /**
   * All of it or nothing, with no other writer in between.
   *
   * @throws Error also where the file has been deleted or replaced.
   */
  write<T>(work: () => T): T {
    this.#file.checkThere();
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      // A full disk has ended the transaction already.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Several reads that see the same state. */
  read<T>(work: () => T): T {
    this.#database.exec("BEGIN");
    try {
      return work();
    } finally {
      this.#database.exec("COMMIT");
    }
  }

  /** A number that changes when another connection has written. */
  get version(): number {
    return value(this.prepare("PRAGMA data_version"));
  }

  close(): void {
    this.#file.close();
  }

  #migrate(): void {
    if (this.#userVersion() === MIGRATIONS.length) return;
    this.write(() => {
      // Another process may have done it while this one waited.
      const done = this.#userVersion();
      if (done > MIGRATIONS.length) throw new NewerSchema();
      for (const step of MIGRATIONS.slice(done)) this.#database.exec(step);
      this.#database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    });
  }

  #userVersion(): number {
    return value(this.prepare("PRAGMA user_version"));
  }
}

const value = (statement: StatementSync): number => (statement.get() as unknown as [number])[0];
