/** One PostgreSQL database: a few connections, statements, and transactions that are on disk when they return. */
import { Client, type ClientConfig, Pool, type PoolClient, type QueryArrayConfig, types } from "pg";
import { shownPostgresUrl } from "../../core/postgres-url.ts";
import { clientConfig } from "../postgres/client-config.ts";
import { isAnswer, isConflict, refusal, unavailable } from "../postgres/failure.ts";
import { giveBack } from "../postgres/give-back.ts";
import { migrate } from "./postgres-migrations.ts";

/** For the keys, the admin API, and two batches of idempotency on their way. */
const CONNECTIONS = 6;
const CONNECT_TIMEOUT_MS = 3_000;
/** Nothing else waits yet, and a machine on which everything starts at the same time is slow. */
const FIRST_CONNECT_TIMEOUT_MS = 10_000;
/** The server gives up first, so that it says why; a server that says nothing is given up a little later. */
const STATEMENT_TIMEOUT_MS = 4_000;
const QUERY_TIMEOUT_MS = 5_000;
/** Another process may be at it, or wait for one that is. */
const MIGRATION_TIMEOUT_MS = 60_000;
/** Whoever stops in the middle of a transaction holds locks that others wait for. */
const IDLE_IN_TRANSACTION_MS = 10_000;
/** Transactions that lost against others are repeated so often. */
const ATTEMPTS = 5;

/**
 * What is acknowledged is on disk, whatever the server's own default. And every look-up here is by an index: a plan
 * that was made while a table was empty must not go on reading all of it when it has grown.
 */
const SETTINGS = [
  "synchronous_commit=on",
  "enable_seqscan=off",
  "enable_hashjoin=off",
  "enable_mergejoin=off",
];

export type Value = string | number | boolean | Uint8Array | null | readonly Value[];

/** Something that answers statements, each prepared once on its connection. Rows are arrays, in the order of the columns. */
export interface Session {
  query<Row extends readonly unknown[]>(sql: string, ...values: readonly Value[]): Promise<readonly Row[]>;
}

export class PostgresDatabase implements Session {
  readonly #config: ClientConfig;
  readonly #pool: Pool;

  private constructor(config: ClientConfig) {
    this.#config = config;
    this.#pool = new Pool({ ...config, max: CONNECTIONS });
    // A connection that breaks while nobody uses it: the pool drops it, the next statement gets another one.
    this.#pool.on("error", () => {});
    // And one that breaks between two statements of a transaction: the next of them rejects.
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /**
   * Connects once, and brings the schema up to date.
   *
   * @throws Error with a sentence that names the database, without its password.
   */
  static async open(url: string): Promise<PostgresDatabase> {
    try {
      const database = new PostgresDatabase(configOf(url));
      await database.#migrate();
      return database;
    } catch (error) {
      throw refusal(shownPostgresUrl(url), error);
    }
  }

  /**
   * One statement, a transaction of its own.
   *
   * @throws GatewayError RECORDS_UNAVAILABLE, or the database's error where the statement is at fault.
   */
  async query<Row extends readonly unknown[]>(
    sql: string,
    ...values: readonly Value[]
  ): Promise<readonly Row[]> {
    return this.#lease((client) => run<Row>(client, sql, values));
  }

  /** All of it or nothing. Repeated from the start where it was in the way of others: only what it returns may count. */
  async write<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#transaction("BEGIN", work);
      } catch (error) {
        if (attempt === ATTEMPTS || !isConflict(error)) throw error;
      }
    }
  }

  /** Several reads that see the same state. */
  async read<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work);
  }

  /** A connection of one's own, for what lives as long as it does. Its errors have to be listened to. */
  async connect(): Promise<Client> {
    const client = new Client(this.#config);
    client.on("error", () => {});
    await client.connect().catch((error: unknown) => {
      throw unavailable(error);
    });
    return client;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  #transaction<Result>(begin: string, work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#lease(async (client) => {
      await client.query(begin);
      const result = await work({ query: (sql, ...values) => run(client, sql, values) });
      await client.query("COMMIT");
      return result;
    });
  }

  /** One connection of the pool; it goes back only in the state in which it came. */
  async #lease<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    let client: PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      if (client !== undefined) await giveBack(client, isAnswer(error));
      throw unavailable(error);
    }
  }

  async #migrate(): Promise<void> {
    const client = new Client({
      ...this.#config,
      connectionTimeoutMillis: FIRST_CONNECT_TIMEOUT_MS,
      statement_timeout: false,
      query_timeout: MIGRATION_TIMEOUT_MS,
    });
    client.on("error", () => {});
    try {
      await client.connect();
      await migrate(client);
    } finally {
      await client.end();
    }
  }
}

async function run<Row extends readonly unknown[]>(
  client: PoolClient,
  sql: string,
  values: readonly Value[],
): Promise<readonly Row[]> {
  const statement: QueryArrayConfig = { name: nameOf(sql), text: sql, values: [...values], rowMode: "array" };
  const { rows } = await client.query<Row[number][]>(statement);
  return rows as unknown as readonly Row[];
}

const names = new Map<string, string>();

/** What a connection knows a prepared statement by. */
function nameOf(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) {
    name = `turnpike_${names.size}`;
    names.set(sql, name);
  }
  return name;
}

function configOf(url: string): ClientConfig {
  return {
    ...clientConfig(url, SETTINGS),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    types: { getTypeParser },
  };
}

/** Every `bigint` here is a time or a number that JavaScript holds exactly. */
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: "text" | "binary") =>
  oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format as "text");
