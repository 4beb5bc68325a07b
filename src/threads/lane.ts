/** The data path in one thread: everything that a request meets. */
import { loadPlan } from "../config/plan.ts";
import type { Tools } from "../core/tools.ts";
import { parseTemplate, shadowed } from "../flow/router/index.ts";
import { makeCallMeter } from "../observe/call-metrics.ts";
import { flushLogs } from "../observe/log.ts";
import { MetricRegistry, type MetricSnapshot } from "../observe/metrics.ts";
import { makeRequestIds } from "../observe/request-id.ts";
import { openAdmission } from "../wire/admission.ts";
import { HttpServer } from "../wire/server.ts";
import type { Draft, LaneApi, Topic, World } from "./api.ts";
import { Generation } from "./generation.ts";
import { kinds } from "./kinds.ts";
import { LaneStores } from "./lane-stores.ts";
import { dataListener } from "./listener.ts";
import type { Shared } from "./shared.ts";
import { SharedSinks } from "./sinks.ts";
import { SharedUpstreams } from "./upstreams.ts";

export class Lane implements LaneApi {
  readonly #world: World;
  readonly #shared: Shared;
  readonly #stores: LaneStores;
  readonly #metrics = new MetricRegistry();
  readonly #sinks = new SharedSinks();
  readonly #upstreams: SharedUpstreams;
  readonly #newId: () => string;
  readonly #meter: ReturnType<typeof makeCallMeter>;
  #prepared: Generation | null = null;
  #current: Generation | null = null;
  #server: HttpServer | null = null;

  constructor(world: World, shared: Shared) {
    this.#world = world;
    this.#shared = shared;
    this.#stores = new LaneStores(world, shared);
    this.#upstreams = new SharedUpstreams(kinds.upstream, shared.lanes);
    this.#newId = makeRequestIds(() => world.clock.wall());
    this.#meter = makeCallMeter(this.#metrics);
    this.#metrics.gauge("turnpike_connections", "Open connections of clients.", () => this.#connections);
    this.#metrics.gauge(
      "turnpike_log_lines_dropped",
      "Lines of the log that were given up because its reader was too slow.",
      () => this.#sinks.dropped,
    );
    // The memory is one for all lanes, so one speaks for all.
    if (shared.lane === 0)
      this.#metrics.gauge(
        "turnpike_rate_limit_keys_forgotten",
        "Keys of rate limits that lost their counts because there were too many at once.",
        () => this.#stores.forgotten,
      );
  }

  get #connections(): number {
    return this.#server?.connections ?? 0;
  }

  async prepare({ file, text, port, store }: Draft): Promise<void> {
    this.discard();
    const tools: Tools = {
      ...this.#world,
      pseudonym: this.#shared.pseudonym,
      metrics: this.#metrics,
      ...(await this.#stores.open(store)),
    };
    const world = {
      kinds: { ...kinds, upstream: this.#upstreams.take },
      tools,
      paths: { parseTemplate, shadowed },
    };
    const made = await loadPlan(file, world, { port, text });
    this.#prepared = new Generation({
      made,
      tools,
      newId: this.#newId,
      meter: this.#meter,
      openSink: (to) => this.#sinks.take(to),
    });
  }

  commit(): void {
    const next = this.#prepared;
    if (next === null) return;
    const last = this.#current;
    this.#prepared = null;
    this.#current = next;
    this.#server?.reconfigure({ ...dataListener(next.made.plan), acceptor: next.acceptor });
    if (last !== null) this.#retire(last);
  }

  discard(): void {
    const unused = this.#prepared;
    this.#prepared = null;
    if (unused !== null) this.#retire(unused);
  }

  #retire(generation: Generation): void {
    const { log, store } = generation.made.plan;
    generation.retire(() => {
      this.#sinks.giveUp(log.to);
      this.#stores.giveUp(store);
    });
  }

  listen(host: string, port: number, shared: boolean): Promise<number> {
    const current = this.#current as Generation;
    this.#server = new HttpServer({
      ...this.#world,
      ...dataListener(current.made.plan),
      acceptor: current.acceptor,
      admission: openAdmission(this.#shared.admission, this.#shared.lane),
      ticketSecret: this.#shared.ticketSecret,
    });
    return this.#server.listen(host, port, { reusePort: shared });
  }

  startDraining(): void {
    this.#server?.startDraining();
  }

  async close(timeout: number): Promise<void> {
    await this.#server?.close(timeout);
    this.discard();
    if (this.#current !== null) this.#retire(this.#current);
    this.#current = null;
    await this.#sinks.close();
    flushLogs();
  }

  destroy(): void {
    this.#server?.destroy();
  }

  reopenLog(): void {
    this.#sinks.reopen();
  }

  receive(topic: Topic, message: unknown): void {
    this.#stores.receive(topic, message);
  }

  metrics(): MetricSnapshot[] {
    return this.#metrics.snapshot();
  }
}
