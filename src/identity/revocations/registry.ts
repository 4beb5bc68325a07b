/** The revocations of a process: read from the records once, kept up to date, handed to every thread. */
import type { RevocationRecord, RevocationRecords } from "../../core/records.ts";
import type { Clock, Log, Ticker } from "../../core/tools.ts";
import type { RevocationNews } from "./list.ts";

/** How often other processes' changes are looked for: a revocation counts everywhere in under a second (JWT-12). */
const LOOK_MS = 200;
/** How often what nobody needs any more is forgotten. */
const FORGET_MS = 60_000;

export interface RevocationRegistryParts {
  readonly records: RevocationRecords;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly log: Log;
  /** Tells every lane. */
  readonly publish: (news: RevocationNews) => void;
}

export class RevocationRegistry {
  readonly #parts: RevocationRegistryParts;
  readonly #known = new Map<string, RevocationRecord>();
  readonly #unsubscribe: () => void;
  #looksAt = 0;
  #forgetsAt = 0;
  #busy: Promise<void> | null = null;
  #failing = false;

  constructor(parts: RevocationRegistryParts) {
    this.#parts = parts;
    this.#unsubscribe = parts.ticker.subscribe((now) => this.#tick(now));
  }

  /** What a new lane has to know. */
  snapshot(): RevocationNews {
    return [...this.#known.values()];
  }

  /** Brings every thread up to date with what is in the records. Whoever has changed something there calls it. */
  async refresh(): Promise<void> {
    const news = await this.#parts.records.loadChanges();
    for (const one of news) {
      if (one.liftedAt === null) this.#known.set(one.id, one);
      else this.#known.delete(one.id);
    }
    if (news.length > 0) this.#parts.publish(news);
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#busy;
  }

  #tick(now: number): void {
    if (this.#busy !== null || now < this.#looksAt) return;
    this.#looksAt = now + LOOK_MS;
    this.#busy = this.#work(now).finally(() => {
      this.#busy = null;
    });
  }

  async #work(now: number): Promise<void> {
    try {
      await this.refresh();
      if (now >= this.#forgetsAt) await this.#forget(now);
      this.#failing = false;
    } catch (error) {
      // What is known goes on being refused. Once, not five times a second.
      if (!this.#failing) this.#parts.log.error({ cause: error }, "the revocations cannot be read");
      this.#failing = true;
    }
  }

  /** What has expired refuses nothing that would not be refused anyway. */
  async #forget(now: number): Promise<void> {
    this.#forgetsAt = now + FORGET_MS;
    const { records, clock, publish } = this.#parts;
    await records.forget(clock.wall());
    const over = [...this.#known.values()].filter(({ expiresAt }) => expiresAt <= clock.wall());
    for (const { id } of over) this.#known.delete(id);
    if (over.length > 0) publish(over.map((one) => ({ ...one, liftedAt: clock.wall() })));
  }
}

/** Reads every revocation. */
export async function openRevocationRegistry(parts: RevocationRegistryParts): Promise<RevocationRegistry> {
  const registry = new RevocationRegistry(parts);
  await registry.refresh();
  return registry;
}
