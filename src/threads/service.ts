/** What people and machines that run the gateway talk to: health, metrics, the admin API; and the records behind it. */

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
import { listener } from "./listener.ts";
import { RecordsKeeper } from "./records-keeper.ts";

export class Service implements ServiceApi {
  readonly #world: World;
  readonly #host: ServiceHost;
  readonly #newId: () => string;
  readonly #health: Handler;
  #readiness: Readiness = "starting";
  #server: HttpServer | null = null;
  #keeper: RecordsKeeper | null = null;

  constructor(world: World, host: ServiceHost) {
    this.#world = world;
    this.#host = host;
    this.#newId = makeRequestIds(() => world.clock.wall());
    this.#health = makeHealth({ readiness: () => this.#readiness });
  }

  async start(plan: ServicePlan): Promise<number> {
    await this.#openRecords(plan);
    this.#server = new HttpServer({ ...this.#world, ...listener(plan), acceptor: this.#acceptor(plan) });
    return await this.#server.listen(plan.admin.host, plan.admin.port);
  }

  async configure(plan: ServicePlan): Promise<void> {
    await this.#openRecords(plan);
    this.#server?.reconfigure({ ...listener(plan), acceptor: this.#acceptor(plan) });
  }

  setReadiness(readiness: Readiness): void {
    this.#readiness = readiness;
  }

  news(): readonly (readonly [Topic, unknown])[] {
    return this.#keeper?.news() ?? [];
  }

  async close(): Promise<void> {
    await this.#server?.close(0);
    await this.#keeper?.close();
    flushLogs();
  }

  /** A gateway opens no database that nothing uses; once open it stays so. */
  async #openRecords(plan: ServicePlan): Promise<void> {
    const { uses, store } = plan;
    if (this.#keeper !== null || !uses.has("records") || store.records === null) return;
    const publish: ServiceHost["publish"] = (topic, message) => this.#host.publish(topic, message);
    this.#keeper = await RecordsKeeper.open(this.#world, store.records, publish);
    await this.#keeper.introduce(plan);
  }

  #acceptor(plan: ServicePlan): Acceptor {
    const { clock, log } = this.#world;
    const api = this.#keeper?.api(plan);
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
    const text = renderMetrics(mergeSnapshots(await this.#host.metrics()));
    const headers = Headers.of({
      "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
      "Cache-Control": "no-store",
    });
    return { status: 200, headers, body: new BytesBody(Buffer.from(text)) };
  };
}
