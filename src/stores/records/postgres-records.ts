import type { IdempotencyRecords } from "../../core/idempotency.ts";
import type {
  AdminTokenRecord,
  AuditRecords,
  EventRecords,
  KeyRecords,
  Records,
  RevocationRecords,
  SecretRecords,
} from "../../core/records.ts";
import { PostgresDatabase } from "./postgres.ts";
import { PostgresAdminToken } from "./postgres-admin-token.ts";
import { PostgresAudit } from "./postgres-audit.ts";
import { lastChange } from "./postgres-changes.ts";
import { PostgresEvents } from "./postgres-events.ts";
import { PostgresIdempotency } from "./postgres-idempotency.ts";
import { PostgresKeys } from "./postgres-keys.ts";
import { PostgresPresence } from "./postgres-presence.ts";
import { PostgresRevocations } from "./postgres-revocations.ts";
import { PostgresSecrets } from "./postgres-secrets.ts";

/** Every kind of record, in one PostgreSQL database. */
export class PostgresRecords implements Records {
  readonly keys: KeyRecords;
  readonly audit: AuditRecords;
  readonly adminToken: AdminTokenRecord;
  readonly revocations: RevocationRecords;
  readonly idempotency: IdempotencyRecords;
  readonly events: EventRecords;
  readonly secrets: SecretRecords;
  readonly #database: PostgresDatabase;
  readonly #presence: PostgresPresence;
  #seen = -1;

  private constructor(database: PostgresDatabase) {
    this.#database = database;
    this.#presence = new PostgresPresence(database);
    this.keys = new PostgresKeys(database);
    this.audit = new PostgresAudit(database);
    this.adminToken = new PostgresAdminToken(database);
    this.revocations = new PostgresRevocations(database);
    this.idempotency = new PostgresIdempotency(database, this.#presence);
    this.events = new PostgresEvents(database);
    this.secrets = new PostgresSecrets(database);
  }

  /** @throws Error with a sentence that names the database, without its password. */
  static async open(url: string): Promise<PostgresRecords> {
    return new PostgresRecords(await PostgresDatabase.open(url));
  }

  async changed(): Promise<boolean> {
    // Asked often enough to notice here that the locks of our owners have gone with their connection.
    this.#presence.restore();
    const last = await lastChange(this.#database);
    const changed = last !== this.#seen;
    this.#seen = last;
    return changed;
  }

  async close(): Promise<void> {
    await this.#presence.close();
    await this.#database.close();
  }
}
