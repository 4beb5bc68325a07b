/** One SQLite file: opened, brought up to date, written to in transactions that are on disk when they return. */
import { closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { MIGRATIONS } from "./migrations.ts";

/** How long a writer waits for another process. */
const BUSY_TIMEOUT_MS = 5_000;

export class SqliteDatabase {
  readonly file: string;
  readonly #database: DatabaseSync;
  /** Of the file that was opened. */
  readonly #inode: number;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws Error with a sentence that names the file. */
  constructor(file: string) {
    this.file = file;
    try {
      createPrivate(file);
      this.#database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    } catch (error) {
      throw refusal(file, error);
    }
    try {
      // WAL: readers never wait. FULL: what was answered survives the machine, not only the process.
      this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
      // Digests fall on pages all over the file: with SQLite's 2 MB of memory and a copy back into the file after every
      // 1,000 pages, half of the time goes into reading and writing the same pages again.
      this.#database.exec("PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000");
      this.#inode = statSync(file).ino;
      this.#migrate();
    } catch (error) {
      this.#database.close();
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
   * @throws Error also where the file has been deleted or replaced: SQLite would go on writing to what nobody finds again.
   */
  write<T>(work: () => T): T {
    if (statSync(this.file, { throwIfNoEntry: false })?.ino !== this.#inode)
      throw new Error(`the records store ${this.file} has been deleted or replaced; start the gateway again`);
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
    if (this.#database.isOpen) this.#database.close();
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

class NewerSchema extends Error {}

const value = (statement: StatementSync): number => (statement.get() as unknown as [number])[0];

/** Nobody but the gateway's user reads who calls it: SQLite gives its other files the mode of this one. */
function createPrivate(file: string): void {
  makeFolder(dirname(file));
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    if (statSync(file).isDirectory()) throw Object.assign(new Error("a folder"), { code: "EISDIR" });
  }
}

/** Not `recursive: true`, which never ends where the system refuses to make a folder in one that is there (/proc). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (folder !== dirname(folder)) makeFolder(dirname(folder));
  try {
    mkdirSync(folder, 0o700);
  } catch (error) {
    // Another process was as quick.
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** `code` of the file system, or SQLite's own number. */
function refusal(file: string, error: unknown): Error {
  const { code, errcode } = error as { code?: string; errcode?: number };
  const reason =
    error instanceof NewerSchema ? NEWER : (REASONS[code ?? ""] ?? REASONS[(errcode ?? 0) & 0xff]);
  const sentence = reason ?? (error instanceof Error ? error.message : String(error));
  return new Error(`the records store ${file} cannot be used: ${sentence}`, { cause: error });
}

const NEWER = "it was written by a newer version of turnpike; use that version, or another file";

const NO_RIGHTS = "this user may not read and write it, or may not create it in its folder";
/** https://sqlite.org/rescode.html, the primary codes. */
const REASONS: Readonly<Record<string | number, string>> = {
  EACCES: NO_RIGHTS,
  EPERM: NO_RIGHTS,
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of its path is a file, not a folder",
  EISDIR: "it is a folder, not a file",
  ENOENT: "its folder cannot be made",
  ENOSPC: "the disk is full",
  5: "another process has it locked",
  8: NO_RIGHTS,
  10: "the disk failed",
  11: "it is damaged",
  13: "the disk is full",
  14: NO_RIGHTS,
  26: "it is a file of another kind, not a SQLite database",
};
