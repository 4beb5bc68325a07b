/** The data path in one thread: everything that a request meets. */
import type { MessagePort } from "node:worker_threads";
import { makeServiceLink, type ServiceLink } from "../backends/service/service.ts";
import { loadPlan } from "../config/plan.ts";
import type { FieldRules } from "../core/kinds.ts";
import { openSharedMemory, type SharedMemory } from "../core/shared-memory.ts";
import type { Tools } from "../core/tools.ts";
import { buildRouter, parseTemplate, shadowed } from "../flow/router/index.ts";
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
import { Overload } from "./overload.ts";
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
  readonly #memory: SharedMemory;
  readonly #overload: Overload;
  readonly #newId: () => string;
  readonly #meter: ReturnType<typeof makeCallMeter>;
  #prepared: Generation | null = null;
  #current: Generation | null = null;
  #server: HttpServer | null = null;
  #service: ServiceLink | null = null;
  /** Plans that others have taken the place of, with calls that began under them. */
  readonly #retiring = new Set<Generation>();
  #allEnded: (() => void) | null = null;
  #destroyed = false;

  constructor(world: World, shared: Shared) {
    this.#world = world;
    this.#shared = shared;
    this.#stores = new LaneStores(world, shared);
    this.#memory = openSharedMemory(shared.memory, shared.lane, shared.lanes);
    this.#upstreams = new SharedUpstreams(kinds.upstream, shared.lanes);
    this.#newId = makeRequestIds(() => world.clock.wall());
    this.#meter = makeCallMeter(this.#metrics);
    this.#overload = new Overload({ ...world, metrics: this.#metrics, shared: this.#memory });
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

  async prepare(draft: Draft): Promise<void> {
    this.discard();
    const { file, text, port, store } = draft;
    const tools: Tools = {
      ...this.#world,
      pseudonym: this.#shared.pseudonym,
      metrics: this.#metrics,
      shared: this.#memory,
      random: Math.random,
      ...(await this.#stores.open(store)),
    };
    const world = {
      kinds: {
        ...kinds,
        upstream: this.#upstreams.take,
        service: (answer: FieldRules) => this.#serviceLink(draft).handler(answer, draft.number),
      },
      tools,
      paths: { buildRouter, parseTemplate, shadowed },
    };
    const made = await loadPlan(file, world, { port, text });
    this.#prepared = new Generation({
      made,
      tools,
      newId: this.#newId,
      meter: this.#meter,
      openSink: (to) => this.#sinks.take(to),
      shedder: this.#overload,
    });
  }

  /** One for all plans: what it connects to stays as long as the process. */
  #serviceLink({ socket }: Draft): ServiceLink {
    if (socket === null) throw new Error("a route leads to resources, and the config has none");
    this.#service ??= makeServiceLink(socket, this.#world);
    return this.#service;
  }

  commit(): void {
    const next = this.#prepared;
    if (next === null) return;
    const last = this.#current;
    this.#prepared = null;
    this.#current = next;
    this.#overload.configure(next.made.plan.overload);
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
    this.#retiring.add(generation);
    generation.retire(() => {
      this.#retiring.delete(generation);
      if (this.#retiring.size === 0) this.#allEnded?.();
      this.#sinks.giveUp(log.to);
      this.#stores.giveUp(store);
    });
  }

  listen(host: string, port: number, shared: boolean): Promise<number> {
    const current = this.#current as Generation;
    this.#overload.start();
    this.#server = new HttpServer({
      ...this.#world,
      ...dataListener(current.made.plan),
      acceptor: current.acceptor,
      admission: openAdmission(this.#shared.admission, this.#shared.lane),
      ticketSecret: this.#shared.ticketSecret,
      refuses: () => this.#overload.refusing,
    });
    return this.#server.listen(host, port, { reusePort: shared });
  }

  startDraining(): void {
    this.#server?.startDraining();
  }

  async close(timeout: number): Promise<void> {
    const end = performance.now() + timeout;
    await this.#server?.close(timeout);
    this.discard();
    this.#overload.close();
    if (this.#current !== null) this.#retire(this.#current);
    this.#current = null;
    await this.#callsEnd(end - performance.now());
    this.#service?.close();
    this.#stores.close();
    await this.#sinks.close();
    flushLogs();
  }

  /** Calls may go on when their clients have gone (`Call.hold`). */
  async #callsEnd(timeout: number): Promise<void> {
    if (this.#retiring.size === 0 || this.#destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const force = setTimeout(resolve, timeout);
    this.#allEnded = resolve;
    await promise;
    clearTimeout(force);
  }

  destroy(): void {
    this.#destroyed = true;
    this.#server?.destroy();
    this.#allEnded?.();
  }

  reopenLog(): void {
    this.#sinks.reopen();
  }

  receive(topic: Topic, message: unknown): void {
    this.#stores.receive(topic, message);
  }

  attach(line: MessagePort): void {
    this.#stores.attach(line);
  }

  metrics(): MetricSnapshot[] {
    return this.#metrics.snapshot();
  }
}
