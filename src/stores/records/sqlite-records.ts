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
import { SqliteDatabase } from "./sqlite.ts";
import { SqliteAdminToken } from "./sqlite-admin-token.ts";
import { SqliteAudit } from "./sqlite-audit.ts";
import { SqliteEvents } from "./sqlite-events.ts";
import { SqliteIdempotency } from "./sqlite-idempotency.ts";
import { SqliteKeys } from "./sqlite-keys.ts";
import { SqliteRevocations } from "./sqlite-revocations.ts";
import { SqliteSecrets } from "./sqlite-secrets.ts";

/** Every kind of record, in one SQLite file. */
export class SqliteRecords implements Records {
  readonly keys: KeyRecords;
  readonly audit: AuditRecords;
  readonly adminToken: AdminTokenRecord;
  readonly revocations: RevocationRecords;
  readonly idempotency: IdempotencyRecords;
  readonly events: EventRecords;
  readonly secrets: SecretRecords;
  readonly #database: SqliteDatabase;
  #version: number;

  /** `wall`: epoch milliseconds. */
  constructor(file: string, wall: () => number = Date.now) {
    this.#database = new SqliteDatabase(file);
    this.keys = new SqliteKeys(this.#database);
    this.audit = new SqliteAudit(this.#database);
    this.adminToken = new SqliteAdminToken(this.#database);
    this.revocations = new SqliteRevocations(this.#database);
    this.idempotency = new SqliteIdempotency(this.#database, wall);
    this.events = new SqliteEvents(this.#database);
    this.secrets = new SqliteSecrets(this.#database);
    this.#version = this.#database.version;
  }

  async changed(): Promise<boolean> {
    const { version } = this.#database;
    const changed = version !== this.#version;
    this.#version = version;
    return changed;
  }

  async close(): Promise<void> {
    this.#database.close();
  }
}
