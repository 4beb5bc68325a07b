/** The service, in a thread of its own or in this one. */
import type { MessagePort, Worker } from "node:worker_threads";
import type { ServiceApi, ServiceHost, ServicePlan, World } from "./api.ts";
import { connect, expose, here, type Remote } from "./channel.ts";
import { Service } from "./service.ts";
import { startThread } from "./thread.ts";

export interface ServiceParts {
  readonly world: World;
  /** What lanes and service share, see core/shared-memory.ts. */
  readonly memory: SharedArrayBuffer;
  readonly host: ServiceHost;
  readonly threads: boolean;
  /** Another service has taken the place of one that failed. */
  readonly replaced: () => void;
}

/** A service that fails so soon again waits before it is replaced, so as not to keep the machine busy. */
const STEADY_MS = 5_000;
const RESTART_PAUSE_MS = 1_000;

export class ServiceThread {
  readonly #parts: ServiceParts;
  #api: Remote<ServiceApi>;
  #worker: Worker | null = null;
  #plan: ServicePlan | null = null;
  #readiness: Parameters<ServiceApi["setReadiness"]>[0] = "starting";
  #port = 0;
  #stopping = false;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#api = this.#open();
  }

  /** Resolves with the port of the admin listener. */
  async start(plan: ServicePlan): Promise<number> {
    this.#port = await this.#api.start(plan);
    this.#plan = plan;
    return this.#port;
  }

  introduce(plan: ServicePlan): Promise<void> {
    return this.#api.introduce(plan);
  }

  async configure(plan: ServicePlan): Promise<void> {
    await this.#api.configure(plan);
    this.#plan = plan;
  }

  async setReadiness(readiness: Parameters<ServiceApi["setReadiness"]>[0]): Promise<void> {
    this.#readiness = readiness;
    await this.#api.setReadiness(readiness).catch(() => {});
  }

  news(): ReturnType<Remote<ServiceApi>["news"]> {
    return this.#api.news();
  }

  /** A lane's line. Where the service has failed it is lost, and the next one gets another. */
  attach(owner: string, line: MessagePort): void {
    void this.#api.attach(owner, line).catch(() => line.close());
  }

  async close(): Promise<void> {
    this.#stopping = true;
    await this.#api.close().catch(() => {});
    await this.#worker?.terminate();
  }

  #open(): Remote<ServiceApi> {
    const { threads, world, memory, host } = this.#parts;
    if (!threads) return here<ServiceApi>(new Service(world, host, memory));
    const since = performance.now();
    const worker = startThread("service", "./service-worker.ts", memory);
    const { remote, lost } = connect<ServiceApi>(worker);
    expose(worker, host);
    worker.on("error", (error) => world.log.error({ cause: error }, "the service thread has crashed"));
    worker.on("exit", () => {
      lost();
      if (this.#stopping || this.#plan === null) return;
      const pause = performance.now() - since < STEADY_MS ? RESTART_PAUSE_MS : 0;
      setTimeout(() => void this.#restart(), pause).unref();
    });
    this.#worker = worker;
    return remote;
  }

  /** The lanes go on meanwhile: they have the keys in memory. */
  async #restart(): Promise<void> {
    const plan = this.#plan;
    if (this.#stopping || plan === null) return;
    this.#api = this.#open();
    try {
      await this.#api.start({ ...plan, admin: { ...plan.admin, port: this.#port } });
      await this.#api.setReadiness(this.#readiness);
      this.#parts.replaced();
      this.#parts.world.log.warn({}, "the service thread has been replaced");
    } catch (error) {
      this.#parts.world.log.error({ cause: error }, "the service thread could not be replaced; trying again");
      await this.#worker?.terminate();
    }
  }
}
