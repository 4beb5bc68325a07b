/**
 * Where the lanes' changes to the records of idempotency meet, in the service's thread. Whatever has come in while a
 * transaction ran goes into the next: many requests share what one costs to reach the disk.
 */
import type { MessagePort } from "node:worker_threads";
import type {
  IdempotencyChange,
  IdempotencyRecords,
  IdempotencyResult,
  IdempotencyStatus,
} from "../core/idempotency.ts";
import type { World } from "./api.ts";
import { expose } from "./channel.ts";

/** A change as a lane says it: who it is the desk knows. */
export type LaneChange = WithoutOwner<IdempotencyChange>;
type WithoutOwner<Change> = Change extends unknown ? Omit<Change, "owner"> : never;

/** What a lane asks of the desk, over a line of its own. */
export interface IdempotencyDeskApi {
  apply(changes: readonly LaneChange[]): Promise<readonly IdempotencyResult[]>;
  status(id: string): Promise<IdempotencyStatus | null>;
}

interface Batch extends PromiseWithResolvers<readonly IdempotencyResult[]> {
  readonly changes: readonly IdempotencyChange[];
}

/** As much as a transaction may hold others up. */
const MOST_CHANGES = 512;
/** Three times within a lease. */
const RENEW_MS = 20_000;
const SWEEP_MS = 1_000;
const SWEEP_MOST = 200;
/** Whoever waits for a commit waits for this as well. */
const SWEEP_FOR_MS = 20;

export class IdempotencyDesk {
  readonly #world: World;
  readonly #lines = new Map<string, MessagePort>();
  #records: IdempotencyRecords | null = null;
  readonly #detaching = new Set<Promise<void>>();
  #waiting: Batch[] = [];
  #working: Promise<void> | null = null;
  #stopTicking: () => void = () => {};
  #renewAt = 0;
  #sweepAt = 0;
  #tending = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** From now on there are records; until then every change is refused. */
  open(records: IdempotencyRecords): void {
    this.#records = records;
    this.#renewAt = this.#world.clock.now() + RENEW_MS;
    this.#stopTicking = this.#world.ticker.subscribe((now) => void this.#tend(now));
  }

  /** A lane's line. When it is lost the lane has ended, and nobody knows what comes of what it was doing. */
  attach(owner: string, line: MessagePort): void {
    const api: IdempotencyDeskApi = {
      apply: (changes) => this.#enqueue(changes.map((change) => signed(change, owner))),
      status: (id) => this.#open().status(id),
    };
    expose(line, api);
    line.on("close", () => {
      const detached = this.#detach(owner, line).finally(() => this.#detaching.delete(detached));
      this.#detaching.add(detached);
    });
    this.#lines.set(owner, line);
    line.unref();
  }

  /** Does what has been asked, then loses the lines. */
  async close(): Promise<void> {
    this.#stopTicking();
    while (this.#working !== null) await this.#working;
    await Promise.all(this.#detaching);
    this.#records = null;
    for (const line of this.#lines.values()) line.close();
    this.#lines.clear();
  }

  async #detach(owner: string, line: MessagePort): Promise<void> {
    if (this.#lines.get(owner) !== line) return;
    this.#lines.delete(owner);
    try {
      // What it has asked last may still be waiting, and belongs to it.
      await this.#enqueue([]).catch(() => {});
      await this.#records?.abandon(owner);
    } catch (cause) {
      this.#world.log.warn(
        { cause },
        "a lane that has ended could not be struck off the records; its lease will run out",
      );
    }
  }

  #open(): IdempotencyRecords {
    if (this.#records === null) throw new Error("there is no store of records");
    return this.#records;
  }

  #enqueue(changes: readonly IdempotencyChange[]): Promise<readonly IdempotencyResult[]> {
    const batch: Batch = { ...Promise.withResolvers<readonly IdempotencyResult[]>(), changes };
    this.#waiting.push(batch);
    this.#working ??= this.#work();
    return batch.promise;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      // The messages that have arrived meanwhile are taken in first.
      await turn();
      await this.#commit(this.#next());
    }
    this.#working = null;
  }

  #next(): Batch[] {
    let count = 0;
    let batches = 0;
    for (const { changes } of this.#waiting) {
      count += changes.length;
      if (batches > 0 && count > MOST_CHANGES) break;
      batches++;
    }
    return this.#waiting.splice(0, batches);
  }

  async #commit(batches: readonly Batch[]): Promise<void> {
    try {
      const all = batches.flatMap(({ changes }) => changes);
      const results = all.length === 0 ? [] : await this.#open().apply(all);
      let from = 0;
      for (const { changes, resolve } of batches) {
        resolve(results.slice(from, from + changes.length));
        from += changes.length;
      }
    } catch (error) {
      for (const { reject } of batches) reject(error);
    }
  }

  /** Deletes what has expired. False where time was up before all of it was gone. */
  async #sweep(records: IdempotencyRecords): Promise<boolean> {
    const end = performance.now() + SWEEP_FOR_MS;
    while (performance.now() < end) if ((await records.sweep(SWEEP_MOST)) < SWEEP_MOST) return true;
    return false;
  }

  async #tend(now: number): Promise<void> {
    if (this.#tending || this.#records === null) return;
    this.#tending = true;
    try {
      if (now >= this.#renewAt) {
        await this.#records.renew([...this.#lines.keys()]);
        this.#renewAt = now + RENEW_MS;
      }
      if (now >= this.#sweepAt) this.#sweepAt = (await this.#sweep(this.#records)) ? now + SWEEP_MS : now;
    } catch (cause) {
      this.#world.log.warn({ cause }, "the records of idempotency cannot be kept up; trying again");
      this.#sweepAt = now + SWEEP_MS;
      this.#renewAt = Math.max(this.#renewAt, now + SWEEP_MS);
    } finally {
      this.#tending = false;
    }
  }
}

function signed(change: LaneChange, owner: string): IdempotencyChange {
  return change.kind === "claim" ? { ...change, owner } : change;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
