/**
 * The database of the resources, whichever it is. Statements are text that was fixed when the plan was made (or came of
 * the definitions alone); values from outside are parameters, never text.
 */

/** What a parameter may be. JSON goes in as its text. */
export type Parameter = string | number | bigint | boolean | Uint8Array | null;

export interface Statement {
  /** Parameters are `$1`, `$2` … on both databases. */
  readonly text: string;
  /**
   * Prepared once for each connection, under this name: for the few that are asked all the time. Everything that a
   * client can make endlessly many of (filters, orders) has none: PostgreSQL forgets no prepared statement.
   */
  readonly name?: string;
}

/** One statement with its values. Rows are arrays, in the order of the columns that it returns. */
export interface Query {
  readonly statement: Statement;
  readonly values: readonly Parameter[];
}

export type Rows = readonly (readonly Parameter[])[];

/**
 * A transaction, written once for both databases: yields a query, is resumed with its rows. SQLite runs it at once,
 * PostgreSQL step by step. Begun anew where it was in the way of others, so it changes nothing but the database.
 * What it throws undoes it. It is not resumed after a query that has failed.
 */
export type Work<Result> = Generator<Query, Result, Rows>;

export interface Database {
  readonly dialect: "sqlite" | "postgres";
  /** Reads. Asked once more on another connection where one was lost. */
  query(statement: Statement, values: readonly Parameter[]): Promise<Rows>;
  /** One statement that changes something, a transaction of its own: `write` of a work that is nothing else. */
  run(statement: Statement, values: readonly Parameter[]): Promise<Rows>;
  /**
   * All of it or nothing; what it returns is on disk. On SQLite several works share one transaction of the file, each
   * undone by itself.
   *
   * @throws GatewayError RECORDS_UNAVAILABLE where the database cannot be reached or written, else what the work threw,
   * or a ConstraintError.
   */
  write<Result>(work: () => Work<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** The database has refused a change: of what sort, and which columns of which table. */
export class ConstraintError extends Error {
  override readonly name = "ConstraintError";
  readonly kind: "unique" | "reference" | "check" | "null";
  readonly table: string;
  /** Of the index or constraint; empty where the database does not say. */
  readonly constraint: string;
  readonly columns: readonly string[];

  constructor(
    kind: ConstraintError["kind"],
    where: { readonly table: string; readonly constraint: string; readonly columns: readonly string[] },
  ) {
    super(`${kind} constraint of ${where.table}`);
    this.kind = kind;
    this.table = where.table;
    this.constraint = where.constraint;
    this.columns = where.columns;
  }
}
