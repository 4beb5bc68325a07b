/** Everything that the service does with the records: keys, revocations, and the admin API over both. */
import { writeSync } from "node:fs";
import { makeAdminApi } from "../admin/api.ts";
import { auditRoutes } from "../admin/audit.ts";
import { type Circuit, circuitRoutes } from "../admin/circuits.ts";
import { eventRoutes } from "../admin/events.ts";
import { idempotencyRoutes } from "../admin/idempotency.ts";
import { keyRoutes } from "../admin/keys.ts";
import { revocationRoutes } from "../admin/revocations.ts";
import type { Handler } from "../core/handler.ts";
import type { IdempotencyRecords } from "../core/idempotency.ts";
import type { Records, SecretRecords } from "../core/records.ts";
import { createFirstAdminToken } from "../identity/admin-token.ts";
import { digestOf } from "../identity/keys/issue.ts";
import { type KeyRegistry, openKeyRegistry } from "../identity/keys/registry.ts";
import { openRevocationRegistry, type RevocationRegistry } from "../identity/revocations/registry.ts";
import { openRecords } from "../stores/records/open.ts";
import type { ServicePlan, Topic, World } from "./api.ts";
import { sweepEvents } from "./swept-events.ts";

/** `process.stderr` of a thread has no descriptor of its own. */
const STDERR = 2;

type Publish = (topic: Topic, message: unknown) => void;

export class RecordsKeeper {
  readonly #world: World;
  readonly #records: Records;
  readonly #keys: KeyRegistry;
  readonly #revocations: RevocationRegistry;
  readonly #stopSweeping: () => void;

  private constructor(world: World, records: Records, keys: KeyRegistry, revocations: RevocationRegistry) {
    this.#world = world;
    this.#records = records;
    this.#keys = keys;
    this.#revocations = revocations;
    this.#stopSweeping = sweepEvents(world, records.events);
  }

  static async open(world: World, file: string, publish: Publish): Promise<RecordsKeeper> {
    const records = await openRecords(file, () => world.clock.wall());
    const keys = await openKeyRegistry({
      ...world,
      records,
      publish: (memory) => publish("keys", memory),
    });
    const revocations = await openRevocationRegistry({
      ...world,
      records: records.revocations,
      publish: (news) => publish("revocations", news),
    });
    return new RecordsKeeper(world, records, keys, revocations);
  }

  get idempotency(): IdempotencyRecords {
    return this.#records.idempotency;
  }

  get secrets(): SecretRecords {
    return this.#records.secrets;
  }

  /** What a new lane has to know. */
  news(): readonly (readonly [Topic, unknown])[] {
    return [
      ["keys", this.#keys.snapshot()],
      ["revocations", this.#revocations.snapshot()],
    ];
  }

  /** The admin API under a plan. */
  api({ admin, keyPrefix }: ServicePlan, circuits: readonly Circuit[]): Handler {
    const wall = () => this.#world.clock.wall();
    const { keys, revocations, idempotency, events, audit, adminToken } = this.#records;
    const given = givenToken(admin.token);
    return makeAdminApi({
      routes: [
        ...keyRoutes({
          records: keys,
          prefix: keyPrefix,
          wall,
          refresh: () => this.#keys.refresh(),
          usedAt: (digest) => this.#keys.usedAt(digest),
        }),
        ...revocationRoutes({ records: revocations, wall, refresh: () => this.#revocations.refresh() }),
        ...idempotencyRoutes({ records: idempotency, wall }),
        ...eventRoutes(events),
        ...circuitRoutes({ circuits, audit, wall }),
        ...auditRoutes(audit),
      ],
      token: async () => given ?? (await adminToken.get()),
      hosts: [admin.host, ...admin.hosts],
    });
  }

  /** The first start of a store makes its token, and is the only one that can show it. */
  async introduce({ admin }: ServicePlan): Promise<void> {
    if (givenToken(admin.token) !== null) return;
    const token = await createFirstAdminToken(this.#records.adminToken, this.#world.clock.wall(), "gateway");
    if (token === null) return;
    // Not a line of the log, which others read: once, to whoever starts it.
    writeSync(
      STDERR,
      `The admin API takes this token. It is not kept anywhere and will not be shown again; \`turnpike admin token\` makes another:\n${token}\n`,
    );
  }

  async close(): Promise<void> {
    this.#stopSweeping();
    await this.#keys.close();
    await this.#revocations.close();
    await this.#records.close();
  }
}

/** The digest of the token that the environment or the config gives; null for the store's own. */
function givenToken(configured: string | undefined): string | null {
  const token = process.env["TURNPIKE_ADMIN_TOKEN"];
  return token === undefined || token === "" ? (configured ?? null) : digestOf(token);
}
