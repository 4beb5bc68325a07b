import type { Client } from "pg";
import { unavailable } from "../postgres/failure.ts";
import type { PostgresDatabase } from "./postgres.ts";
import { LEASE_MS, LOCKS } from "./postgres-migrations.ts";

/**
 * The owners of this process, made known to the others: each holds the advisory lock of its number, on a connection
 * that serves nothing else. When the process dies, however it dies, the server sees the connection end and frees them.
 */
export class PostgresPresence {
  readonly #database: PostgresDatabase;
  /** Owners that are alive, by name. */
  readonly #owners = new Map<string, Promise<number>>();
  readonly #numbers = new Set<number>();
  #client: Promise<Client> | null = null;
  #closed = false;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  /** The numbers of our owners that are alive: nobody needs to ask after them. */
  get numbers(): readonly number[] {
    return [...this.#numbers];
  }

  /** The number of an owner, of which everybody knows that it is alive. */
  async numberOf(name: string): Promise<number> {
    let number = this.#owners.get(name);
    if (number === undefined) {
      number = this.#introduce(name);
      this.#owners.set(name, number);
      number.catch(() => this.#owners.delete(name));
    }
    return number;
  }

  /** Puts off the end of the leases; of owners that another thread of this process has made known, too. */
  async renew(names: readonly string[]): Promise<void> {
    this.restore();
    const numbers = await Promise.all(names.map((name) => this.numberOf(name)));
    // One that was swept away, because this machine has slept for a day, gets back what it had.
    await this.#database.query(
      `INSERT INTO turnpike.idempotency_owners (number, name, lease_until) OVERRIDING SYSTEM VALUE
       SELECT number, name, turnpike.now() + $3 FROM unnest($1::integer[], $2::text[]) AS own (number, name)
       ON CONFLICT (number) DO UPDATE SET lease_until = excluded.lease_until`,
      numbers,
      names,
      LEASE_MS,
    );
  }

  async end(name: string): Promise<void> {
    const number = await this.#owners.get(name)?.catch(() => undefined);
    this.#owners.delete(name);
    if (number !== undefined) this.#numbers.delete(number);
    await this.#database.query(
      "UPDATE turnpike.idempotency_owners SET lease_until = 0 WHERE name = $1",
      name,
    );
  }

  /** Takes the locks again, if their connection has been lost. Whether that succeeds is seen at the next time. */
  restore(): void {
    if (this.#client === null && this.#numbers.size > 0) this.#connection().catch(() => {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => null);
    await client?.end();
  }

  async #introduce(name: string): Promise<number> {
    const [row] = await this.#database.query<[number]>(
      `INSERT INTO turnpike.idempotency_owners (name, lease_until) VALUES ($1, turnpike.now() + $2)
       ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until RETURNING number`,
      name,
      LEASE_MS,
    );
    const [number] = row as [number];
    await lock(await this.#connection(), [number]);
    this.#numbers.add(number);
    return number;
  }

  #connection(): Promise<Client> {
    this.#client ??= this.#connect();
    return this.#client;
  }

  async #connect(): Promise<Client> {
    if (this.#closed) throw new Error("the records store has been closed");
    try {
      const client = await this.#database.connect();
      client.on("end", () => {
        this.#client = null;
      });
      await lock(client, this.numbers);
      return client;
    } catch (error) {
      this.#client = null;
      throw error;
    }
  }
}

/** Shared, so that nobody ever waits: a thread that takes the place of another one has its owners, too. */
async function lock(client: Client, numbers: readonly number[]): Promise<void> {
  if (numbers.length === 0) return;
  const sql = "SELECT pg_advisory_lock_shared($1, number) FROM unnest($2::integer[]) AS number";
  try {
    await client.query(sql, [LOCKS, numbers]);
  } catch (error) {
    await client.end();
    throw unavailable(error);
  }
}
