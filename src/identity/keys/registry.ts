/** The issued keys of a process: read from the records once, kept up to date, handed to every thread. */
import type { Records } from "../../core/records.ts";
import type { Clock, Log, Ticker } from "../../core/tools.ts";
import type { KeyMemory } from "./layout.ts";
import { MINUTE_MS } from "./layout.ts";
import { KeyWriter } from "./writer.ts";

/** Rows that are looked through for uses at a tick: a million take ten seconds of a minute, none of them noticeable. */
const USES_PER_TICK = 10_000;

export interface RegistryParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly log: Log;
  /** Tells every lane of memory that is new. */
  readonly publish: (memory: KeyMemory) => void;
}

export class KeyRegistry {
  readonly #parts: RegistryParts;
  readonly #writer: KeyWriter;
  readonly #unsubscribe: () => void;
  #savesAt: number;
  /** The row that the search for uses has come to; null between two searches. */
  #saving: number | null = null;
  #busy: Promise<void> = Promise.resolve();
  #working = false;
  #failing = false;

  constructor(parts: RegistryParts, writer: KeyWriter) {
    this.#parts = parts;
    this.#writer = writer;
    this.#savesAt = parts.clock.now() + MINUTE_MS;
    this.#unsubscribe = parts.ticker.subscribe((now) => this.#tick(now));
  }

  /** What a new lane has to know. */
  snapshot(): KeyMemory {
    return this.#writer.memory();
  }

  /** Brings every thread up to date with what is in the records. Whoever has changed something there calls it. */
  async refresh(): Promise<void> {
    await this.#parts.records.keys.loadChanges((secret) => this.#writer.put(secret));
    if (this.#writer.takeGrown()) this.#parts.publish(this.#writer.memory());
  }

  /** When a secret was used last, to the minute, sooner than the records know. */
  usedAt(digest: string): number | null {
    return this.#writer.usedAt(digest);
  }

  /** Saves what has been used. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#busy;
    try {
      await this.#save(0, this.#writer.size);
    } catch (cause) {
      this.#parts.log.warn({ cause }, "when keys were used last could not be saved");
    }
  }

  #tick(now: number): void {
    if (this.#working) return;
    if (now >= this.#savesAt) {
      this.#savesAt = now + MINUTE_MS;
      this.#saving = 0;
    }
    this.#working = true;
    this.#busy = this.#work().finally(() => {
      this.#working = false;
    });
  }

  /** Looks for other processes' changes at every tick: a revocation counts everywhere in under a second (KEY-7). */
  async #work(): Promise<void> {
    const { records, log } = this.#parts;
    try {
      if (await records.changed()) await this.refresh();
      if (this.#saving !== null) await this.#saveSome(this.#saving);
      this.#failing = false;
    } catch (error) {
      // The keys in memory go on working. Said once, not ten times a second.
      if (!this.#failing) log.error({ cause: error }, "the records store cannot be read or written");
      this.#failing = true;
    }
  }

  async #saveSome(from: number): Promise<void> {
    const next = from + USES_PER_TICK;
    this.#saving = next < this.#writer.size ? next : null;
    await this.#save(from, USES_PER_TICK);
  }

  async #save(from: number, count: number): Promise<void> {
    const uses = this.#writer.takeUses(from, count);
    if (uses.length > 0) await this.#parts.records.keys.saveLastUsed(uses);
  }
}

/** Reads every key. */
export async function openKeyRegistry(parts: RegistryParts): Promise<KeyRegistry> {
  const { keys } = parts.records;
  const writer = new KeyWriter(await keys.count());
  await keys.load((secret) => writer.put(secret));
  writer.takeGrown();
  const registry = new KeyRegistry(parts, writer);
  parts.publish(registry.snapshot());
  return registry;
}
