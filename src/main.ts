/**
 * From a config file to a running gateway, and back to nothing. The only place that chooses implementations.
 *
 *   this thread   reads the config, tells the others, watches the files, stops
 *   lanes         carry traffic, each with the whole data path (threads/lane.ts)
 *   service       admin listener and records (threads/service.ts)
 */
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { circuitsOf } from "./backends/upstream/breaker/name.ts";
import { readText } from "./config/load.ts";
import { loadPlan, type Made } from "./config/plan.ts";
import { ConfigError, formatProblem } from "./config/problem.ts";
import type { Plan } from "./core/plan.ts";
import { isPostgresUrl, shownPostgresUrl } from "./core/postgres-url.ts";
import { allocateSharedMemory } from "./core/shared-memory.ts";
import type { Clock, Ticker } from "./core/tools.ts";
import { openLog } from "./observe/log.ts";
import { MetricRegistry } from "./observe/metrics.ts";
import type { Draft, ServicePlan, World } from "./threads/api.ts";
import { dryWorld } from "./threads/dry.ts";
import { Lanes } from "./threads/lanes.ts";
import { ServiceSocket } from "./threads/service-socket.ts";
import { ServiceThread } from "./threads/service-thread.ts";
import { watchFiles } from "./threads/watch.ts";
import { systemWorld } from "./threads/world.ts";

export interface Overrides {
  /** Instead of `listen.port`. */
  readonly port?: number | undefined;
  /** Instead of the system's, so that tests move time by hand; everything then runs in this thread. */
  readonly time?: { readonly clock: Clock; readonly ticker: Ticker };
}

export interface RunningGateway {
  /** `http://HOST:PORT` of the data port; `https` where it speaks TLS. */
  readonly address: string;
  readonly adminAddress: string;
  /** Drains and stops. A second call while it drains ends at once what is in flight. */
  stop(reason?: StopReason): Promise<void>;
  /** Something was thrown that nobody caught: logs it, lets calls in flight finish, ends with exit code 1. */
  fail(error: unknown): Promise<void>;
  /** Reads the config again. False if it is refused: the log says why, and the old one goes on. */
  reload(): Promise<boolean>;
  /** Opens the log file anew, after a rotation has moved it away. */
  reopenLog(): void;
  /** Resolves with the exit code when the gateway has stopped, whoever stopped it. */
  readonly done: Promise<number>;
}

/** `terminate` is an orchestrator's, which takes a while to stop sending; `interrupt` is a person's, who waits. */
export type StopReason = "terminate" | "interrupt";

/** @throws ConfigError, or the system's error where a port cannot be had. */
export async function runGateway(configFile: string, overrides: Overrides = {}): Promise<RunningGateway> {
  const { time, port } = overrides;
  const world = time === undefined ? systemWorld() : { ...time, log: openLog("info", "stderr") };
  const socket = new ServiceSocket();
  let drafts = 0;
  const read = () => inspect(configFile, port, ++drafts, socket);
  const first = await read();
  const gateway = new Gateway(world, read, first, socket, time === undefined);
  await gateway.start();
  return gateway;
}

/** A config that has been read and found good, and what this thread needs to know of it. */
interface Inspected {
  readonly draft: Draft;
  readonly plan: Plan;
  readonly uses: Made["uses"];
  /** Whose change is a change of the config. */
  readonly files: readonly string[];
  readonly warnings: Made["warnings"];
}

async function inspect(
  file: string,
  port: number | undefined,
  number: number,
  { path }: ServiceSocket,
): Promise<Inspected> {
  const text = await readText(file);
  const { plan, uses, files, warnings, close } = await loadPlan(file, dryWorld, { port, text });
  close();
  return {
    draft: { file, text, port, store: plan.store, number, socket: plan.resources.size > 0 ? path : null },
    plan,
    uses,
    files: [resolve(file), ...files],
    warnings,
  };
}

class Gateway implements RunningGateway {
  readonly done: Promise<number>;
  address = "";
  adminAddress = "";
  readonly #world: World;
  readonly #read: () => Promise<Inspected>;
  readonly #metrics = new MetricRegistry();
  readonly #lanes: Lanes;
  readonly #service: ServiceThread;
  readonly #socket: ServiceSocket;
  readonly #exit = Promise.withResolvers<number>();
  #current: Inspected;
  #watch: { close(): void } | null = null;
  #exitCode = 0;
  #force: (() => void) | null = null;
  /** Reloads follow one another; one that waits serves all who ask meanwhile. */
  #reloading: Promise<boolean> | null = null;
  #next: Promise<boolean> | null = null;

  constructor(
    world: World,
    read: () => Promise<Inspected>,
    first: Inspected,
    socket: ServiceSocket,
    threads: boolean,
  ) {
    this.#world = world;
    this.#read = read;
    this.#socket = socket;
    this.#current = first;
    this.done = this.#exit.promise;
    const count = threads ? laneCount(first.plan.lanes) : 1;
    const memory = allocateSharedMemory();
    this.#service = new ServiceThread({
      world,
      memory,
      threads,
      host: {
        publish: (topic, message) => this.#lanes.tell(topic, message),
        metrics: async () => [this.#metrics.snapshot(), ...(await this.#lanes.metrics())],
      },
      replaced: () => this.#lanes.connect(),
    });
    this.#lanes = new Lanes({
      world,
      memory,
      count,
      threads: threads && count > 1,
      news: () => this.#service.news(),
      attach: (owner, line) => this.#service.attach(owner, line),
      drainTimeout: () => this.#current.plan.drain.timeout,
    });
    this.#metrics.gauge("turnpike_lanes", "Threads that carry traffic.", () => count);
    this.#metrics.gauge("process_resident_memory_bytes", "Memory of the process that is in use.", () =>
      process.memoryUsage.rss(),
    );
    this.#metrics.gauge(
      "process_start_time_seconds",
      "When the process began.",
      () => performance.timeOrigin / 1000,
    );
  }

  async start(): Promise<void> {
    const { draft, plan, warnings } = this.#current;
    const { log } = this.#world;
    for (const warning of warnings) log.warn({}, formatProblem(warning));
    try {
      this.#socket.makeFolder(draft.socket);
      const [adminPort] = await Promise.all([
        this.#service.start(servicePlan(this.#current, draft.number)),
        this.#lanes.reload(draft),
        portIsFree(plan.listen),
      ]);
      const port = await this.#lanes.listen(plan.listen.host, plan.listen.port);
      this.address = url(plan.listen.host, port, plan.listen.tls === null ? "http" : "https");
      this.adminAddress = url(plan.admin.host, adminPort);
      await this.#service.introduce(servicePlan(this.#current, draft.number));
    } catch (error) {
      await Promise.allSettled([this.#service.close(), this.#lanes.close(0)]);
      this.#socket.remove();
      throw error;
    }
    await this.#service.setReadiness("ready");
    const watch = watchFiles(
      () => this.#current.files,
      () => void this.reload(),
    );
    this.#watch = watch;
    // The watch knows the files as they are now; the config was read before the threads were started.
    await watch.ready;
    const text = await readText(draft.file).catch(() => draft.text);
    if (text !== draft.text) void this.reload();
  }

  reload(): Promise<boolean> {
    if (this.#next !== null) return this.#next;
    const turn = (this.#reloading ?? Promise.resolve(true)).then(() => {
      this.#reloading = turn;
      this.#next = null;
      return this.#reload();
    });
    this.#next = turn;
    return turn;
  }

  async #reload(): Promise<boolean> {
    const { log } = this.#world;
    const reloads = this.#metrics.counter(
      "turnpike_config_reloads_total",
      "Reloads of the config, by what came of them.",
      ["result"],
    );
    if (this.#force !== null) return false;
    try {
      const next = await this.#read();
      refuseRestart(this.#current, next);
      this.#socket.makeFolder(next.draft.socket);
      await this.#service.configure(servicePlan(next, this.#current.draft.number));
      await this.#lanes.reload(next.draft);
      this.#current = next;
      for (const warning of next.warnings) log.warn({}, formatProblem(warning));
      log.info({ routes: next.plan.routes.length }, "the config has been reloaded");
      reloads.with({ result: "applied" }).add();
      return true;
    } catch (error) {
      const reasons = error instanceof ConfigError ? error.problems.map(formatProblem) : [messageOf(error)];
      for (const reason of reasons)
        log.error({}, `the new config is refused, the old one goes on: ${reason}`);
      reloads.with({ result: "refused" }).add();
      return false;
    }
  }

  async stop(reason: StopReason = "terminate"): Promise<void> {
    if (this.#force !== null) {
      this.#force();
      return;
    }
    const force = Promise.withResolvers<void>();
    this.#force = force.resolve;
    this.#watch?.close();
    const { drain } = this.#current.plan;
    this.#lanes.startDraining();
    await this.#service.setReadiness("draining");
    // Whoever sends us traffic needs a moment to see that we are not ready (HLT-4).
    await Promise.race([force.promise, waited(reason === "terminate" ? drain.delay : 0)]);
    void force.promise.then(() => this.#lanes.destroy());
    await this.#lanes.close(drain.timeout);
    await this.#service.close();
    this.#socket.remove();
    this.#exit.resolve(this.#exitCode);
  }

  fail(error: unknown): Promise<void> {
    this.#world.log.error({ cause: error }, "stopping after an error that nothing caught");
    this.#exitCode = 1;
    return this.stop("interrupt");
  }

  reopenLog(): void {
    this.#lanes.reopenLog();
  }
}

function servicePlan({ plan, uses, draft }: Inspected, inForce: number): ServicePlan {
  const { admin, limits, timeouts, errors, store, keyPrefix, listen, upstreams } = plan;
  const { trustedProxies } = listen;
  const circuits = circuitsOf(upstreams);
  const settings = { admin, limits, timeouts, errors, store, keyPrefix, trustedProxies };
  return { ...settings, uses, circuits, draft, inForce };
}

/** What sockets and threads were made with cannot change under them. */
function refuseRestart(current: Inspected, next: Inspected): void {
  const settings = ({ plan }: Inspected): Readonly<Record<string, unknown>> => ({
    "listen.host": plan.listen.host,
    "listen.port": plan.listen.port,
    "admin.host": plan.admin.host,
    "admin.port": plan.admin.port,
    "store.records": plan.store.records,
    "store.connections": plan.store.connections,
    lanes: plan.lanes,
  });
  const before = settings(current);
  const changed = Object.entries(settings(next)).filter(([key, value]) => before[key] !== value);
  if (changed.length === 0) return;
  throw new ConfigError(
    changed.map(([path]) => ({
      file: next.draft.file,
      path,
      message: `was ${shown(before[path])}; a change takes effect with a restart only`,
    })),
  );
}

/** Without what may be a password. */
const shown = (setting: unknown): string =>
  typeof setting === "string" && isPostgresUrl(setting) ? shownPostgresUrl(setting) : String(setting);

/** Every lane has connections and pools of its own: more than this many rarely carry more traffic. */
const MOST_BY_THEMSELVES = 8;

function laneCount(wanted: number): number {
  // Elsewhere the system does not spread connections over those who listen on one port.
  if (process.platform !== "linux" && process.platform !== "freebsd") return 1;
  return wanted === 0 ? Math.min(availableParallelism(), MOST_BY_THEMSELVES) : wanted;
}

/**
 * Lanes share their port with SO_REUSEPORT, and would share it with a second gateway too: so first it is asked
 * for in the ordinary way.
 */
async function portIsFree({ host, port }: Plan["listen"]): Promise<void> {
  const probe = createServer();
  await new Promise<void>((free, taken) => {
    probe.once("error", taken);
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => free()));
  });
}

/** A wait that does not keep a process alive which has nothing else to do. */
function waited(milliseconds: number): Promise<void> {
  return delay(milliseconds, undefined, { ref: false });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const url = (host: string, port: number, scheme = "http"): string =>
  `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
