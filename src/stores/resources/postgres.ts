import { type ClientConfig, Pool, type PoolClient, type QueryArrayConfig, types } from "pg";
import type { Database, Parameter, Query, Rows, Statement, Work } from "../../core/database.ts";
import { shownPostgresUrl } from "../../core/postgres-url.ts";
import { clientConfig } from "../postgres/client-config.ts";
import { isConflict, refusal, unavailable } from "../postgres/failure.ts";
import { giveBack } from "../postgres/give-back.ts";
import { failure, isStale, LostConnection, outcomeUnknown, rejection } from "./postgres-failure.ts";
import { PostgresPipeline } from "./postgres-pipeline.ts";

/** For a new connection, and for one of those that others have. */
const CONNECT_TIMEOUT_MS = 5_000;
/** The server gives up first, so that it says why; a server that says nothing is given up a little later. */
const STATEMENT_TIMEOUT_MS = 5_000;
const QUERY_TIMEOUT_MS = 6_000;
/** Whoever stops in the middle of a transaction holds locks that others wait for. */
const IDLE_IN_TRANSACTION_MS = 10_000;
/** A connection costs a process of the server, and what is prepared on it is prepared again on another. */
const IDLE_MS = 300_000;
/** Of all connections, those that many callers share; and how many there have to be before any are. */
const SHARED = 0.3;
const LEAST = 4;
/** Transactions that lost against others, and reads on connections that turn out to be dead, are begun so often. */
const ATTEMPTS = 5;

/** What is acknowledged is on disk, and texts are written the same way, whatever the database's own settings. */
const SETTINGS = [
  "synchronous_commit=on",
  "TimeZone=UTC",
  "DateStyle=ISO",
  "IntervalStyle=iso_8601",
  "bytea_output=hex",
  "extra_float_digits=1",
  "standard_conforming_strings=on",
];

/** The resources in a PostgreSQL database, on connections of their own. */
export class PostgresResources implements Database {
  readonly dialect = "postgres";
  /** Each serves one caller at a time. */
  readonly #pool: Pool;
  /** Others, for reads that are quick. */
  readonly #pipeline: PostgresPipeline | null;
  /** What the connections know prepared statements by. */
  #names = new Map<string, string>();
  #renamed = 0;

  private constructor(url: string, connections: number) {
    const config = configOf(url);
    const shared = connections < LEAST ? 0 : Math.round(connections * SHARED);
    this.#pipeline = shared === 0 ? null : new PostgresPipeline(config, shared);
    this.#pool = new Pool({ ...config, max: connections - shared, idleTimeoutMillis: IDLE_MS });
    // A connection that breaks while nobody uses it: the pool drops it, the next statement gets another one.
    this.#pool.on("error", () => {});
    // And one that breaks between two statements of a transaction: the next of them rejects.
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /** @throws Error with a sentence that names the database, without its password. */
  static async open(url: string, connections: number): Promise<PostgresResources> {
    try {
      const database = new PostgresResources(url, connections);
      (await database.#pool.connect()).release();
      return database;
    } catch (error) {
      throw refusal(shownPostgresUrl(url), error);
    }
  }

  /** Statements with a name are the quick ones, by a key or along an index. */
  async query(statement: Statement, values: readonly Parameter[]): Promise<Rows> {
    // A server that was started again has ended all connections, and one after the other is found to be dead.
    for (let left = ATTEMPTS - 1; ; left--) {
      try {
        return await this.#read({ statement, values });
      } catch (error) {
        const again = error instanceof LostConnection ? !error.silent : isStale(error) || isConflict(error);
        if (left === 0 || !again) throw failure(error);
      }
    }
  }

  #read(query: Query): Promise<Rows> {
    const { statement } = query;
    if (statement.name === undefined || this.#pipeline === null) return this.#single(query);
    return this.#pipeline.ask(this.#question(query)).catch(this.#onRejected);
  }

  async run(statement: Statement, values: readonly Parameter[]): Promise<Rows> {
    return this.#insisting(async () => {
      try {
        return await this.#single({ statement, values });
      } catch (error) {
        throw error instanceof LostConnection ? outcomeUnknown(error.cause) : error;
      }
    });
  }

  async write<Result>(work: () => Work<Result>): Promise<Result> {
    return this.#insisting(() => this.#transaction(work()));
  }

  async close(): Promise<void> {
    await this.#pipeline?.close();
    await this.#pool.end();
  }

  /** Until nobody is in the way, if that does not take too long. */
  async #insisting<Result>(attempt: () => Promise<Result>): Promise<Result> {
    for (let left = ATTEMPTS - 1; ; left--) {
      try {
        return await attempt();
      } catch (error) {
        if (left === 0 || !(isConflict(error) || isStale(error))) throw failure(error);
      }
    }
  }

  async #single(query: Query): Promise<Rows> {
    const client = await this.#connect();
    try {
      const rows = await this.#ask(client, query);
      client.release();
      return rows;
    } catch (error) {
      await giveBack(client, !(error instanceof LostConnection));
      throw error;
    }
  }

  async #transaction<Result>(work: Work<Result>): Promise<Result> {
    const client = await this.#connect();
    try {
      const result = await this.#steps(client, work, begin(client));
      await commit(client);
      client.release();
      return result;
    } catch (error) {
      await giveBack(client, !(error instanceof LostConnection));
      throw error;
    }
  }

  async #steps<Result>(client: PoolClient, work: Work<Result>, begun: Promise<void>): Promise<Result> {
    let step = work.next();
    while (step.done !== true) {
      let rows: Rows;
      try {
        [rows] = await Promise.all([this.#ask(client, step.value), begun]);
      } catch (error) {
        work.return(undefined as Result);
        throw error;
      }
      step = work.next(rows);
    }
    await begun;
    return step.value;
  }

  /** @throws GatewayError RECORDS_UNAVAILABLE where there is none within a time: then nothing was asked. */
  async #connect(): Promise<PoolClient> {
    return this.#pool.connect().catch((error: unknown) => {
      throw unavailable(error);
    });
  }

  async #ask(client: PoolClient, query: Query): Promise<Rows> {
    try {
      return (await client.query(this.#question(query))).rows as Rows;
    } catch (error) {
      return this.#onRejected(rejection(error));
    }
  }

  #question({ statement: { name, text }, values }: Query): QueryArrayConfig {
    const question: QueryArrayConfig = { text, values: values as Parameter[], rowMode: "array" };
    if (name !== undefined) question.name = this.#nameOf(text);
    return question;
  }

  readonly #onRejected = (error: unknown): never => {
    if (isStale(error)) this.#rename();
    throw error;
  };

  /** By text: after a reload the same statement of another table may have another. */
  #nameOf(text: string): string {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `turnpike_${this.#renamed}_${this.#names.size}`;
      this.#names.set(text, name);
    }
    return name;
  }

  /** Everything is prepared anew, on every connection, when it is asked next. */
  #rename(): void {
    this.#renamed++;
    this.#names.clear();
  }
}

/** Goes out together with the first statement, which would be a transaction of its own if this failed. */
function begin(client: PoolClient): Promise<void> {
  const begun = client.query("BEGIN ISOLATION LEVEL READ COMMITTED").then(
    () => {},
    (error: unknown) => {
      const reason = rejection(error);
      throw reason instanceof LostConnection ? reason : outcomeUnknown(error);
    },
  );
  // Also where a work ends before it asks anything.
  begun.catch(() => {});
  return begun;
}

/** As long as nobody has asked for the end, a connection that is lost undoes everything. From here on who knows. */
async function commit(client: PoolClient): Promise<void> {
  try {
    await client.query("COMMIT");
  } catch (error) {
    const reason = rejection(error);
    throw reason instanceof LostConnection ? outcomeUnknown(error) : reason;
  }
}

function configOf(url: string): ClientConfig {
  return {
    ...clientConfig(url, SETTINGS),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    // What is asked together goes out together.
    pipeline: true,
    types: { getTypeParser },
  };
}

const { BOOL, BYTEA, FLOAT4, FLOAT8, INT2, INT4 } = types.builtins;
const PARSED: ReadonlySet<number> = new Set([BOOL, BYTEA, FLOAT4, FLOAT8, INT2, INT4]);

/** What JavaScript holds as it is; everything else is the text that the server writes. */
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: "text" | "binary") =>
  PARSED.has(oid) ? types.getTypeParser(oid, format as "text") : String;
