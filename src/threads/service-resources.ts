/** The resources of the config, in the service thread: their database, and the socket on which lanes ask for them. */
import { hash, randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { loadPlan } from "../config/plan.ts";
import type { Database } from "../core/database.ts";
import type { Plan } from "../core/plan.ts";
import type { SecretRecords } from "../core/records.ts";
import { migrate } from "../service/migrations/index.ts";
import { openDatabase } from "../stores/resources/open.ts";
import { openSchemaSession } from "../stores/resources/schema-session.ts";
import { HttpServer } from "../wire/server.ts";
import type { Draft, ServicePlan, World } from "./api.ts";
import { dryWorld } from "./dry.ts";
import { makeServiceAcceptor } from "./service-acceptor.ts";
import { makeFace } from "./service-face.ts";
import { Generations, ServiceGeneration } from "./service-generations.ts";

const FOREVER = Number.POSITIVE_INFINITY;

/** Lanes have held their clients to the config's limits; what they add is no client's affair. */
const LIMITS = {
  uri: 256 * 1024,
  headers: 512 * 1024,
  header: 256 * 1024,
  headerCount: 2_000,
  body: FOREVER,
  connections: FOREVER,
  connectionsPerIp: FOREVER,
  requestsPerConnection: FOREVER,
};
/** A lane knows how slow its client is, and closes what is idle before we would. */
const TIMEOUTS = { head: FOREVER, body: FOREVER, keepAlive: FOREVER, write: FOREVER };

export class ServiceResources {
  readonly #world: World;
  readonly #socket: string;
  readonly #generations = new Generations();
  #database: Database | null = null;
  #server: HttpServer | null = null;

  /** `socket`: where it listens, once there is a config to go by. */
  constructor(world: World, socket: string) {
    this.#world = world;
    this.#socket = socket;
  }

  /**
   * Makes the resources of a config ready for calls that name it. Those of the one that lanes go by stay as they are.
   *
   * @throws Error where the database is not what the resources need and may not be made so, or cannot be reached.
   */
  async configure({ draft, inForce, errors }: ServicePlan, secrets: SecretRecords): Promise<void> {
    const plan = await readPlan(draft);
    await this.#bringUpToDate(plan);
    const database = await this.#open(plan);
    const face = makeFace(plan, database, await cursorSecret(plan, secrets), this.#world);
    this.#generations.forgetBefore(inForce);
    this.#generations.add(draft.number, new ServiceGeneration(face, plan.versions));
    await this.#listen(errors);
  }

  /** Ends when every call that lanes have sent is over. */
  async close(): Promise<void> {
    await this.#server?.close(0);
    await this.#generations.close();
    await this.#database?.close();
  }

  async #bringUpToDate({ store, resources }: Plan): Promise<void> {
    const { log } = this.#world;
    const session = await openSchemaSession(store.records as string, { writes: true });
    try {
      const progress = (sentence: string) => log.info({}, sentence);
      await migrate(session, resources, { manual: store.migrate === "manual", progress });
    } finally {
      await session.close();
    }
  }

  async #open({ store }: Plan): Promise<Database> {
    const { connections } = store;
    this.#database ??= await openDatabase(store.records as string, { connections });
    return this.#database;
  }

  async #listen(errors: Plan["errors"]): Promise<void> {
    const { clock, ticker, log } = this.#world;
    const acceptor = makeServiceAcceptor({ generations: this.#generations, clock, log, errors });
    const settings = { acceptor, limits: LIMITS, timeouts: TIMEOUTS, http2: false };
    if (this.#server !== null) {
      this.#server.reconfigure(settings);
      return;
    }
    // Of a thread that this one has taken the place of.
    rmSync(this.#socket, { force: true });
    this.#server = new HttpServer({ clock, ticker, ...settings });
    await this.#server.listenOn(this.#socket);
  }
}

/** Functions cannot be sent to another thread, so each thread reads the config for itself. */
async function readPlan({ file, text, port }: Draft): Promise<Plan> {
  const { plan, close } = await loadPlan(file, dryWorld, { port, text });
  close();
  return plan;
}

/** 32 bytes, the same in all processes on one database. */
async function cursorSecret({ service }: Plan, secrets: SecretRecords): Promise<Uint8Array> {
  const given = service.cursorSecret;
  return given === null ? secrets.keep("cursors", randomBytes(32)) : hash("sha256", given, "buffer");
}
