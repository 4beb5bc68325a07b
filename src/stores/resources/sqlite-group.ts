import { ConstraintError, type Query, type Rows, type Work } from "../../core/database.ts";
import type { SqliteFile } from "../sqlite/file.ts";
import { failure, isBusy, unavailable } from "./sqlite-failure.ts";

/** Statements in one transaction: then it ends, so that reads and sockets have their turn. */
const MOST_STATEMENTS = 500;
/** While another process writes: between two tries, in milliseconds, and how many there are before it is given up. */
const BUSY_PAUSE_MS = 20;
const BUSY_TRIES = 125;

interface Waiting {
  readonly work: () => Work<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Answers a work when the transaction has ended as it should. */
type Settle = () => void;

/**
 * Writes of one file. Everything that is asked for while one transaction is written goes into the next: the disk is
 * waited for once. Each work has a savepoint, so that one that fails undoes nothing but itself.
 */
export class SqliteGroup {
  readonly #file: SqliteFile;
  readonly #carryOut: (query: Query) => Rows;
  #waiting: Waiting[] = [];
  #statements = 0;
  /** Of the transaction that cannot begin because another process writes. */
  #tries = 0;
  /** So many of the first go by themselves: together they could not be committed. */
  #alone = 0;
  #due = false;
  #onEmpty: (() => void) | null = null;

  constructor(file: SqliteFile, carryOut: (query: Query) => Rows) {
    this.#file = file;
    this.#carryOut = carryOut;
  }

  add<Result>(work: () => Work<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (result: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Resolves when nothing is waiting any more. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.length === 0) resolve();
      else this.#onEmpty = resolve;
    });
  }

  /** After what the sockets have brought meanwhile. */
  #schedule(): void {
    if (this.#due) return;
    this.#due = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#due = false;
    if (this.#begin()) this.#finish(this.#some());
    if (this.#waiting.length > 0) this.#schedule();
    else this.#onEmpty?.();
  }

  #begin(): boolean {
    try {
      this.#file.checkThere();
      this.#file.database.exec("BEGIN IMMEDIATE");
      this.#tries = 0;
      return true;
    } catch (error) {
      if (isBusy(error) && ++this.#tries < BUSY_TRIES) {
        this.#due = true;
        setTimeout(() => this.#turn(), BUSY_PAUSE_MS);
      } else {
        this.#tries = 0;
        for (const { reject } of this.#waiting.splice(0)) reject(unavailable(error));
      }
      return false;
    }
  }

  /** Carries out as many works as go into one transaction. */
  #some(): Map<Waiting, Settle> {
    const done = new Map<Waiting, Settle>();
    this.#statements = 0;
    const most = this.#alone > 0 ? 1 : this.#waiting.length;
    this.#alone = Math.max(0, this.#alone - 1);
    let taken = 0;
    while (taken < most && this.#statements < MOST_STATEMENTS) {
      const one = this.#waiting[taken++] as Waiting;
      done.set(one, this.#one(one));
      // A full disk, for one, ends the transaction.
      if (!this.#file.database.isTransaction) break;
    }
    this.#waiting.splice(0, taken);
    return done;
  }

  #one({ work, resolve, reject }: Waiting): Settle {
    const { database } = this.#file;
    try {
      database.exec("SAVEPOINT work");
      const result = this.#steps(work());
      database.exec("RELEASE work");
      return () => resolve(result);
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK TO work; RELEASE work");
      return () => reject(failure(error));
    }
  }

  #steps(work: Work<unknown>): unknown {
    let step = work.next();
    while (step.done !== true) {
      this.#statements++;
      let rows: Rows;
      try {
        rows = this.#carryOut(step.value);
      } catch (error) {
        work.return(undefined);
        throw error;
      }
      step = work.next(rows);
    }
    return step.value;
  }

  #finish(done: ReadonlyMap<Waiting, Settle>): void {
    const { database } = this.#file;
    // The last of them has ended it: a full disk does, for one.
    const ended = !database.isTransaction;
    try {
      if (!ended) database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      this.#failed(done, failure(error));
      return;
    }
    if (ended && done.size > 1) this.#again(done);
    else for (const settle of done.values()) settle();
  }

  #failed(done: ReadonlyMap<Waiting, Settle>, reason: unknown): void {
    // A reference that is only checked at the end, as somebody else's table may have it.
    if (reason instanceof ConstraintError && done.size > 1) this.#again(done);
    else for (const { reject } of done.keys()) reject(reason);
  }

  /** One by one: whoever is to blame then harms nobody else. */
  #again(done: ReadonlyMap<Waiting, Settle>): void {
    this.#waiting.unshift(...done.keys());
    this.#alone = done.size;
  }
}
