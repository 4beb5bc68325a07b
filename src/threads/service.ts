/** What people and machines that run the gateway talk to: health, metrics, the admin API; and the records behind it. */

import type { MessagePort } from "node:worker_threads";
import { isAdminTarget } from "../admin/api.ts";
import { makeHealth, type Readiness } from "../admin/health.ts";
import { BytesBody } from "../core/body.ts";
import { GatewayError } from "../core/errors.ts";
import type { Handler } from "../core/handler.ts";
import { Headers } from "../core/headers.ts";
import { makeClientAddress } from "../flow/client-address.ts";
import { makeFlow } from "../flow/flow.ts";
import { flushLogs } from "../observe/log.ts";
import { mergeSnapshots, renderMetrics } from "../observe/metrics.ts";
import { isRequestId, makeRequestIds } from "../observe/request-id.ts";
import type { Acceptor } from "../wire/acceptor.ts";
import { HttpServer } from "../wire/server.ts";
import type { ServiceApi, ServiceHost, ServicePlan, Topic, World } from "./api.ts";
import { Circuits } from "./circuits.ts";
import { IdempotencyDesk } from "./idempotency-desk.ts";
import { listener } from "./listener.ts";
import { RecordsKeeper } from "./records-keeper.ts";
import type { ServiceResources } from "./service-resources.ts";

export class Service implements ServiceApi {
  readonly #world: World;
  readonly #host: ServiceHost;
  readonly #memory: SharedArrayBuffer;
  readonly #newId: () => string;
  readonly #health: Handler;
  readonly #desk: IdempotencyDesk;
  #readiness: Readiness = "starting";
  #server: HttpServer | null = null;
  #keeper: RecordsKeeper | null = null;
  #circuits: Circuits;
  #resources: ServiceResources | null = null;

  /** `memory`: what it shares with the lanes, see core/shared-memory.ts. */
  constructor(world: World, host: ServiceHost, memory: SharedArrayBuffer) {
    this.#world = world;
    this.#host = host;
    this.#memory = memory;
    this.#circuits = new Circuits([], memory, world);
    this.#newId = makeRequestIds(() => world.clock.wall());
    this.#desk = new IdempotencyDesk(world);
    this.#health = makeHealth({ readiness: () => this.#readiness });
  }

  async start(plan: ServicePlan): Promise<number> {
    await this.#openRecords(plan);
    await this.#openResources(plan);
    this.#server = new HttpServer({ ...this.#world, ...listener(plan), acceptor: this.#acceptor(plan) });
    return await this.#server.listen(plan.admin.host, plan.admin.port);
  }

  async introduce(plan: ServicePlan): Promise<void> {
    await this.#keeper?.introduce(plan);
  }

  async configure(plan: ServicePlan): Promise<void> {
    const isNew = this.#keeper === null;
    await this.#openRecords(plan);
    if (isNew) await this.introduce(plan);
    await this.#openResources(plan);
    this.#server?.reconfigure({ ...listener(plan), acceptor: this.#acceptor(plan) });
  }

  setReadiness(readiness: Readiness): void {
    this.#readiness = readiness;
  }

  news(): readonly (readonly [Topic, unknown])[] {
    return this.#keeper?.news() ?? [];
  }

  attach(owner: string, line: MessagePort): void {
    this.#desk.attach(owner, line);
  }

  async close(): Promise<void> {
    await this.#server?.close(0);
    await this.#resources?.close();
    await this.#desk.close();
    await this.#keeper?.close();
    flushLogs();
  }

  /** A gateway opens no database that nothing uses; once open it stays so. */
  async #openRecords(plan: ServicePlan): Promise<void> {
    const { uses, store } = plan;
    if (this.#keeper !== null || !uses.has("records") || store.records === null) return;
    const publish: ServiceHost["publish"] = (topic, message) => this.#host.publish(topic, message);
    this.#keeper = await RecordsKeeper.open(this.#world, store.records, publish);
    this.#desk.open(this.#keeper.idempotency);
  }

  /** Keys of their requests and events are kept in the records, whose tables are there by now. */
  async #openResources(plan: ServicePlan): Promise<void> {
    const { socket } = plan.draft;
    if (socket === null || this.#keeper === null) return;
    if (this.#resources === null) {
      const { ServiceResources } = await import("./service-resources.ts");
      this.#resources = new ServiceResources(this.#world, socket);
    }
    await this.#resources.configure(plan, this.#keeper.secrets);
  }

  #acceptor(plan: ServicePlan): Acceptor {
    const { clock, log } = this.#world;
    this.#circuits = new Circuits(plan.circuits, this.#memory, this.#world);
    const api = this.#keeper?.api(plan, this.#circuits.list);
    const route: Handler = (call) => {
      const { target } = call.request;
      if (api !== undefined && isAdminTarget(target)) return api(call);
      return target.split("?")[0] === "/metrics" ? this.#metrics(call) : this.#health(call);
    };
    return makeFlow({
      plan,
      clock,
      log,
      newId: this.#newId,
      isId: isRequestId,
      clientAddress: makeClientAddress(plan.trustedProxies),
      record: () => {},
      route,
    });
  }

  readonly #metrics: (...args: Parameters<Handler>) => ReturnType<Handler> = async (call) => {
    if (call.request.method !== "GET" && call.request.method !== "HEAD")
      throw new GatewayError("METHOD_NOT_ALLOWED", { headers: { Allow: "GET, HEAD" } });
    const all = [...(await this.#host.metrics()), this.#circuits.metrics()];
    const text = renderMetrics(mergeSnapshots(all));
    const headers = Headers.of({
      "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
      "Cache-Control": "no-store",
    });
    return { status: 200, headers, body: new BytesBody(Buffer.from(text)) };
  };
}
