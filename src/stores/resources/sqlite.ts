import type { StatementSync } from "node:sqlite";
import type { Database, Parameter, Query, Rows, Statement, Work } from "../../core/database.ts";
import { SqliteFile } from "../sqlite/file.ts";
import { bound, numbered } from "../sqlite/statement.ts";
import { failure } from "./sqlite-failure.ts";
import { SqliteGroup } from "./sqlite-group.ts";

/** Statements without a name that stay prepared: what clients ask for in so many ways, the latest ones. */
const UNNAMED = 200;
/** In milliseconds. Writers wait by coming again (sqlite-group.ts), not by stopping the thread. */
const BUSY_TIMEOUT_MS = 20;

/**
 * The resources in a SQLite file, which they share with the records. Reads are done at once: nobody ever sees a
 * transaction that is not over, because it begins and ends without anything else coming in between.
 */
export class SqliteResources implements Database {
  readonly dialect = "sqlite";
  readonly #file: SqliteFile;
  readonly #named = new Map<string, StatementSync>();
  readonly #unnamed = new Map<string, StatementSync>();
  readonly #group: SqliteGroup;

  /** @throws Error with a sentence that names the file. */
  constructor(path: string) {
    this.#file = new SqliteFile(path);
    this.#file.database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    this.#group = new SqliteGroup(this.#file, (query) => this.#carryOut(query));
  }

  async query(statement: Statement, values: readonly Parameter[]): Promise<Rows> {
    try {
      return this.#carryOut({ statement, values });
    } catch (error) {
      throw failure(error);
    }
  }

  run(statement: Statement, values: readonly Parameter[]): Promise<Rows> {
    return this.write(function* (): Work<Rows> {
      return yield { statement, values };
    });
  }

  write<Result>(work: () => Work<Result>): Promise<Result> {
    return this.#group.add(work);
  }

  /** What has been asked for is written first. */
  async close(): Promise<void> {
    await this.#group.end();
    this.#file.close();
  }

  #carryOut({ statement, values }: Query): Rows {
    return this.#prepared(statement).all(...bound(values)) as unknown as Rows;
  }

  #prepared(statement: Statement): StatementSync {
    const { text } = statement;
    const known = this.#named.get(text);
    if (known !== undefined) return known;
    if (statement.name !== undefined) {
      const prepared = this.#prepare(text);
      this.#named.set(text, prepared);
      return prepared;
    }
    const prepared = this.#unnamed.get(text) ?? this.#prepare(text);
    // Behind all others: the first one is the one that nobody has asked for the longest.
    this.#unnamed.delete(text);
    this.#unnamed.set(text, prepared);
    if (this.#unnamed.size > UNNAMED) this.#unnamed.delete(this.#unnamed.keys().next().value as string);
    return prepared;
  }

  #prepare(text: string): StatementSync {
    const prepared = this.#file.database.prepare(numbered(text));
    prepared.setReturnArrays(true);
    return prepared;
  }
}
