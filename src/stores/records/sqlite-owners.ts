import { hasEnded, processName } from "./process-name.ts";
import type { SqliteDatabase } from "./sqlite.ts";

/**
 * How long an owner counts as alive after it has last been heard of: three times as long as one may stay silent. It
 * decides where the system cannot tell whether the owner's process runs, as for one in another container.
 */
const LEASE_MS = 60_000;
/** Then it is forgotten. Whoever is not there is dead as well. */
const KEPT_MS = 86_400_000;

/** Whoever begins requests with keys: the lanes of the processes that share a file, each by the number of its row. */
export class SqliteOwners {
  readonly #database: SqliteDatabase;
  readonly #known = new Map<string, { readonly number: number; readonly leaseUntil: number }>();

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  numberOf(name: string, now: number): number {
    const owner = this.#known.get(name);
    return owner !== undefined && owner.leaseUntil > now ? owner.number : this.renew(name, now);
  }

  /** Also for one that was forgotten meanwhile, because the machine has slept for a day: it gets another number. */
  renew(name: string, now: number): number {
    const leaseUntil = now + LEASE_MS;
    const row = this.#database
      .prepare(
        `INSERT INTO idempotency_owners (name, process, lease_until) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until RETURNING number`,
      )
      .get(name, processName, leaseUntil);
    const [number] = row as unknown as [number];
    this.#known.set(name, { number, leaseUntil });
    return number;
  }

  abandon(name: string): void {
    this.#known.delete(name);
    this.#database.prepare("UPDATE idempotency_owners SET lease_until = 0 WHERE name = ?").run(name);
  }

  /** What was written in a transaction that has come to nothing was never known. */
  undo(): void {
    this.#known.clear();
  }

  forgetOld(now: number): void {
    this.#database.prepare("DELETE FROM idempotency_owners WHERE lease_until <= ?").run(now - KEPT_MS);
  }
}

/** Whether an owner lives, by what its row says of it; null where there is none. */
export function lives(process: string | null, leaseUntil: number | null, now: number): boolean {
  if (process === null || leaseUntil === null || leaseUntil <= now) return false;
  return process === processName || !hasEnded(process);
}
