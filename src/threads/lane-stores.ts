import type { MessagePort } from "node:worker_threads";
import type { Counters } from "../core/counters.ts";
import type { Plan } from "../core/plan.ts";
import type { Tools } from "../core/tools.ts";
import type { KeyMemory } from "../identity/keys/layout.ts";
import { KeyTable } from "../identity/keys/table.ts";
import { RevocationList, type RevocationNews } from "../identity/revocations/list.ts";
import { type MemoryCounters, memoryCounters } from "../stores/counters/memory/memory-counters.ts";
import type { Topic, World } from "./api.ts";
import { IdempotencyLine } from "./idempotency-line.ts";
import type { Shared } from "./shared.ts";

type Stores = Pick<Tools, "counters" | "keys" | "revocations" | "idempotency">;
type StorePlan = Plan["store"];

/** The stores as a lane sees them: memory that all lanes share, and connections of its own. */
export class LaneStores {
  readonly #world: World;
  readonly #memory: MemoryCounters;
  readonly #keys = new KeyTable();
  readonly #revocations = new RevocationList();
  readonly #idempotency: IdempotencyLine;
  /** By URL; a connection outlives the plans that use it. */
  readonly #remote = new Map<string, { readonly counters: Counters; users: number }>();

  constructor(world: World, shared: Shared) {
    this.#world = world;
    this.#memory = memoryCounters(shared.counters, world.clock);
    this.#idempotency = new IdempotencyLine(world.ticker);
  }

  /** How many keys of limits lost their counts for want of room. */
  get forgotten(): number {
    return this.#memory.forgotten();
  }

  /** For one plan; `giveUp` when it has ended. */
  async open({ counters }: StorePlan): Promise<Stores> {
    return {
      counters: counters === "memory" ? this.#memory : await this.#connect(counters),
      keys: this.#keys,
      revocations: this.#revocations,
      idempotency: this.#idempotency,
    };
  }

  async #connect(url: string): Promise<Counters> {
    let shared = this.#remote.get(url);
    if (shared === undefined) {
      const { redisCounters } = await import("../stores/counters/redis/redis-counters.ts");
      const { ticker, log } = this.#world;
      shared = { counters: await redisCounters({ url, local: this.#memory, ticker, log }), users: 0 };
      this.#remote.set(url, shared);
    }
    shared.users++;
    return shared.counters;
  }

  giveUp({ counters }: StorePlan): void {
    const shared = this.#remote.get(counters);
    if (shared === undefined || --shared.users > 0) return;
    this.#remote.delete(counters);
    shared.counters.close();
  }

  /** A line to the service. */
  attach(line: MessagePort): void {
    this.#idempotency.attach(line);
  }

  close(): void {
    this.#idempotency.close();
  }

  receive(topic: Topic, message: unknown): void {
    if (topic === "keys") this.#keys.receive(message as KeyMemory);
    else this.#revocations.receive(message as RevocationNews);
  }
}
