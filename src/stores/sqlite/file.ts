/** A SQLite file, opened by one of those who share it: the records, and the resources on a connection of their own. */
import { closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** How long an opening waits for another process, and whoever may wait later, in milliseconds. */
export const BUSY_TIMEOUT_MS = 5_000;

export class SqliteFile {
  readonly path: string;
  readonly database: DatabaseSync;
  /** Of the file that was opened. */
  readonly #inode: number;

  /**
   * Makes the file if it is not there.
   *
   * @throws Error with a sentence that names the file.
   */
  constructor(path: string) {
    this.path = path;
    try {
      createPrivate(path);
      this.database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    } catch (error) {
      throw refusal(path, error);
    }
    try {
      // WAL: readers never wait. FULL: what was answered survives the machine, not only the process.
      this.database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
      // Digests fall on pages all over the file: with SQLite's 2 MB of memory and a copy back into the file after every
      // 1,000 pages, half of the time goes into reading and writing the same pages again.
      this.database.exec("PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000");
      this.#inode = statSync(path).ino;
    } catch (error) {
      this.database.close();
      throw refusal(path, error);
    }
  }

  /** @throws Error where the file has been deleted or replaced: SQLite would go on writing to what nobody finds again. */
  checkThere(): void {
    if (statSync(this.path, { throwIfNoEntry: false })?.ino !== this.#inode)
      throw new Error(`the records store ${this.path} has been deleted or replaced; start the gateway again`);
  }

  close(): void {
    if (this.database.isOpen) this.database.close();
  }
}

/** Nobody but the gateway's user reads what is in it: SQLite gives its other files the mode of this one. */
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

export class NewerSchema extends Error {}

/** Why a file cannot be used. The error has a `code` of the file system, or SQLite's own number. */
export function refusal(file: string, error: unknown): Error {
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
