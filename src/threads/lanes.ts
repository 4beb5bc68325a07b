/** The lanes of a process: started together, told the same, replaced when one fails. */
import { randomUUID } from "node:crypto";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { Log } from "../core/tools.ts";
import type { MetricSnapshot } from "../observe/metrics.ts";
import type { Draft, LaneApi, LaneHost, Topic, World } from "./api.ts";
import { connect, expose, here, type Remote } from "./channel.ts";
import { Lane } from "./lane.ts";
import { allocateShared, type Shared } from "./shared.ts";
import { startThread } from "./thread.ts";

type News = () => Promise<readonly (readonly [Topic, unknown])[]>;

export interface LanesParts {
  /** Where a lane runs in this thread, for tests and where there is but one. */
  readonly world: World;
  /** What lanes and service share, see core/shared-memory.ts. */
  readonly memory: SharedArrayBuffer;
  readonly count: number;
  /** In threads of their own. */
  readonly threads: boolean;
  /** What a new lane must know before it serves. */
  readonly news: News;
  /** Gives the service its end of a lane's line. */
  readonly attach: (owner: string, line: MessagePort) => void;
  /** How long the calls of a failed lane may take to end, in milliseconds. */
  readonly drainTimeout: () => number;
}

interface LaneThread {
  readonly api: Remote<LaneApi>;
  /** Names it, and no other that ever was. */
  readonly owner: string;
  /** When it began, on the monotonic clock. */
  readonly since: number;
  terminate(): Promise<void>;
}

/** A lane that fails so soon again waits before it is replaced, so as not to keep the machine busy. */
const STEADY_MS = 5_000;
const RESTART_PAUSE_MS = 1_000;

export class Lanes {
  readonly #parts: LanesParts;
  readonly #log: Log;
  readonly #shared: readonly Shared[];
  readonly #running: (LaneThread | null)[];
  #committed: Draft | null = null;
  #listening: { readonly host: string; readonly port: number } | null = null;
  #stopping = false;
  /** One thing at a time: a reload, or the start of a lane that knows the last one. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: LanesParts) {
    this.#parts = parts;
    this.#log = parts.world.log;
    this.#shared = allocateShared(parts.count, parts.memory, parts.world.clock);
    this.#running = this.#shared.map((shared) => this.#open(shared));
    this.connect();
  }

  /** Each lane gets a line to the service, in place of the one to a service that has failed. */
  connect(): void {
    for (const lane of this.#alive()) this.#connect(lane);
  }

  /** After the first `reload`. Resolves with the port that they share. */
  async listen(host: string, port: number): Promise<number> {
    const [first, ...others] = this.#alive() as [LaneThread, ...LaneThread[]];
    const shared = others.length > 0;
    const bound = await first.api.listen(host, port, shared);
    await Promise.all(others.map(({ api }) => api.listen(host, bound, true)));
    this.#listening = { host, port: bound };
    return bound;
  }

  /** All change to the config, or none. Throws what the first that cannot has thrown. */
  reload(draft: Draft): Promise<void> {
    return this.#inTurn(async () => {
      const lanes = this.#alive();
      const prepared = await Promise.allSettled(lanes.map(({ api }) => api.prepare(draft)));
      const refused = prepared.find((one) => one.status === "rejected");
      if (refused !== undefined) {
        await Promise.allSettled(lanes.map(({ api }) => api.discard()));
        throw refused.reason;
      }
      await Promise.allSettled(lanes.map(({ api }) => api.commit()));
      this.#committed = draft;
    });
  }

  tell(topic: Topic, message: unknown): void {
    for (const { api } of this.#alive()) void api.receive(topic, message).catch(ignoreLost);
  }

  async metrics(): Promise<readonly (readonly MetricSnapshot[])[]> {
    const all = await Promise.allSettled(this.#alive().map(({ api }) => api.metrics()));
    return all.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  }

  reopenLog(): void {
    for (const { api } of this.#alive()) void api.reopenLog().catch(ignoreLost);
  }

  startDraining(): void {
    this.#stopping = true;
    for (const { api } of this.#alive()) void api.startDraining().catch(ignoreLost);
  }

  destroy(): void {
    for (const { api } of this.#alive()) void api.destroy().catch(ignoreLost);
  }

  async close(timeout: number): Promise<void> {
    this.#stopping = true;
    const lanes = this.#alive();
    await Promise.allSettled(lanes.map(({ api }) => api.close(timeout)));
    await Promise.allSettled(lanes.map((lane) => lane.terminate()));
  }

  #alive(): LaneThread[] {
    return this.#running.filter((lane) => lane !== null);
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => {});
    return turn;
  }

  #connect({ api, owner }: LaneThread): void {
    const { port1, port2 } = new MessageChannel();
    void api.attach(port1).catch(ignoreLost);
    this.#parts.attach(owner, port2);
  }

  #open(shared: Shared): LaneThread {
    const owner = randomUUID();
    const since = performance.now();
    if (!this.#parts.threads) {
      const api = here<LaneApi>(new Lane(this.#parts.world, shared));
      return { api, owner, since, terminate: async () => {} };
    }
    const worker = startThread(`lane ${shared.lane}`, "./lane-worker.ts", shared);
    const { remote, lost } = connect<LaneApi>(worker);
    const lane: LaneThread = {
      api: remote,
      owner,
      since,
      terminate: async () => void (await worker.terminate()),
    };
    const host: LaneHost = { failed: () => this.#replace(shared, lane, true) };
    expose(worker, host);
    worker.on("error", (error) => this.#log.error({ cause: error, lane: shared.lane }, "a lane has crashed"));
    worker.on("exit", () => {
      lost();
      this.#replace(shared, lane, false);
    });
    return lane;
  }

  /** Another lane takes the place of one that failed; `draining` if that can still end its calls. */
  #replace(shared: Shared, failed: LaneThread, draining: boolean): void {
    if (this.#running[shared.lane] !== failed || this.#stopping) return;
    this.#running[shared.lane] = null;
    const pause = performance.now() - failed.since < STEADY_MS ? RESTART_PAUSE_MS : 0;
    setTimeout(() => void this.#inTurn(() => this.#restart(shared)), pause).unref();
    if (draining) {
      const ended = failed.api.close(this.#parts.drainTimeout()).catch(ignoreLost);
      void ended.then(() => failed.terminate());
    }
  }

  async #restart(shared: Shared): Promise<void> {
    const draft = this.#committed;
    if (this.#stopping || draft === null || this.#listening === null) return;
    const lane = this.#open(shared);
    // In its place at once: if it fails too it is replaced in its turn.
    this.#running[shared.lane] = lane;
    this.#connect(lane);
    try {
      await lane.api.prepare(draft);
      for (const [topic, message] of await this.#parts.news()) await lane.api.receive(topic, message);
      await lane.api.commit();
      const { host, port } = this.#listening;
      await lane.api.listen(host, port, this.#shared.length > 1);
      this.#log.warn({ lane: shared.lane }, "a lane has been replaced");
    } catch (error) {
      this.#log.error({ cause: error, lane: shared.lane }, "a lane could not be replaced; trying again");
      await lane.terminate();
    }
  }
}

function ignoreLost(): void {
  // A thread that has ended has been noticed where it ended.
}
