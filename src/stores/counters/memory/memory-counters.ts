import type { LocalCounters, LocalLimiter, Rule, Standing, Verdict } from "../../../core/counters.ts";
import { KeyedHash } from "../../../core/keyed-hash.ts";
import { lock, unlock } from "../../../core/spin-lock.ts";
import type { Clock } from "../../../core/tools.ts";
import { FixedWindow } from "./fixed-window.ts";
import { epochOf, FORGOTTEN, HEADER_BYTES, openMemory, SEED, type SharedMemory } from "./memory.ts";
import type { Meter } from "./meter.ts";
import { SlidingWindow } from "./sliding-window.ts";
import { lockOf, Table } from "./table.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Counts in memory that every thread of the process shares, exact over all of them. */
export interface MemoryCounters extends LocalCounters {
  /** How many keys lost what they had used, because there were too many keys at once. Of all threads together. */
  forgotten(): number;
}

/** The sizes of cells that there are, and the part of the memory that each gets. */
const CELL_SHARES: ReadonlyMap<number, number> = new Map([
  [16, 1 / 4],
  [144, 1 / 4],
  [1040, 1 / 2],
]);

/** Counts in what `allocateCounters` made; `clock` is the same in every thread. */
export function memoryCounters(buffer: SharedArrayBuffer, clock: Clock): MemoryCounters {
  const memory = openMemory(buffer);
  const hash = new KeyedHash(memory.words[SEED] as number, memory.words[SEED + 1] as number);
  const tables = makeTables(memory, buffer.byteLength - HEADER_BYTES);
  const counters: MemoryCounters = {
    limiter: (rules) => new MemoryLimiter(rules, memory, tables, hash, clock),
    get local() {
      return counters;
    },
    forgotten: () => Atomics.load(memory.words, FORGOTTEN),
    close: () => {},
  };
  return counters;
}

function makeTables(memory: SharedMemory, bytes: number): ReadonlyMap<number, Table> {
  const tables = new Map<number, Table>();
  let start = HEADER_BYTES;
  for (const [cellBytes, share] of CELL_SHARES) {
    const size = Math.floor((bytes * share) / 8) * 8;
    tables.set(cellBytes, new Table(memory, start, size, cellBytes));
    start += size;
  }
  return tables;
}

/** A rule, and where the counts of the key that is looked at are. */
class Gauge {
  readonly rule: Rule;
  readonly meter: Meter;
  readonly #table: Table;
  /** The hash of the rule is mixed into every key's. */
  readonly #low: number;
  readonly #high: number;
  #keyLow = 0;
  #keyHigh = 0;
  set = 0;
  #way = 0;

  constructor(rule: Rule, memory: SharedMemory, tables: ReadonlyMap<number, Table>, hash: KeyedHash) {
    this.rule = rule;
    this.meter = makeMeter(rule, memory);
    this.#table = tables.get(this.meter.cellBytes) as Table;
    hash.digest(rule.id);
    this.#low = hash.low;
    this.#high = hash.high;
  }

  /** Turns to a key, whose hash is given. */
  turn(low: number, high: number): void {
    this.#keyLow = low ^ this.#low;
    this.#keyHigh = high ^ this.#high;
    this.set = this.#table.setOf(this.#keyLow);
  }

  /** Brings the counts up to now. Under the lock of `set`, as what follows. */
  open(now: number): void {
    const { set } = this;
    this.#way = this.#table.wayOf(set, this.#keyLow, this.#keyHigh, now);
    this.meter.open(this.#table.cellOf(set, this.#way), this.#table.expired(set, this.#way, now), now);
    // Until `keep`: another rule of the same take may look for a free way in the same set.
    this.#table.expire(set, this.#way, Number.POSITIVE_INFINITY);
  }

  keep(): void {
    this.#table.expire(this.set, this.#way, this.meter.expiry());
  }

  standing(cost: number, allowed: boolean): Standing {
    const remaining = this.meter.remaining();
    const wait = allowed || cost <= remaining ? 0 : this.meter.wait(cost);
    return { remaining, reset: wait === 0 ? this.meter.reset() : wait, wait };
  }
}

function makeMeter(rule: Rule, memory: SharedMemory): Meter {
  switch (rule.algorithm) {
    case "token-bucket":
      return new TokenBucket(memory, rule);
    case "fixed-window":
      return new FixedWindow(memory, rule);
    case "sliding-window":
      return new SlidingWindow(memory, rule);
  }
}

class MemoryLimiter implements LocalLimiter {
  readonly rules: readonly Rule[];
  readonly #gauges: readonly Gauge[];
  /** The same, in the order in which their sets are locked for the key at hand. */
  readonly #ordered: Gauge[];
  /** Parallel to `#ordered`; 0 where the gauge before has the same set. */
  readonly #tickets: Int32Array;
  readonly #words: Int32Array;
  readonly #epoch: number;
  readonly #hash: KeyedHash;
  readonly #clock: Clock;

  constructor(
    rules: readonly Rule[],
    memory: SharedMemory,
    tables: ReadonlyMap<number, Table>,
    hash: KeyedHash,
    clock: Clock,
  ) {
    this.rules = rules;
    this.#gauges = rules.map((rule) => new Gauge(rule, memory, tables, hash));
    this.#ordered = [...this.#gauges];
    this.#tickets = new Int32Array(rules.length);
    this.#words = memory.words;
    this.#epoch = epochOf(memory);
    this.#hash = hash;
    this.#clock = clock;
  }

  take(key: string, cost: number): Verdict {
    this.#lock(key);
    try {
      // Not before the lock: who had to wait for it would bring an old time.
      const now = this.#clock.now();
      let allowed = true;
      for (const gauge of this.#gauges) {
        gauge.open(now);
        if (gauge.meter.remaining() < cost) allowed = false;
      }
      const standings: Standing[] = [];
      for (const gauge of this.#gauges) {
        if (allowed) gauge.meter.spend(cost);
        gauge.keep();
        standings.push(gauge.standing(cost, allowed));
      }
      return { allowed, standings, at: now, epoch: this.#epoch + now };
    } finally {
      this.#unlock();
    }
  }

  giveBack(key: string, cost: number, { at }: Verdict): void {
    this.#lock(key);
    try {
      const now = this.#clock.now();
      for (const gauge of this.#gauges) {
        gauge.open(now);
        gauge.meter.giveBack(cost, at);
        gauge.keep();
      }
    } finally {
      this.#unlock();
    }
  }

  /** Locks the sets of all rules, in one order everywhere, so that no two threads wait for each other. */
  #lock(key: string): void {
    const hash = this.#hash;
    hash.digest(key);
    for (const gauge of this.#gauges) gauge.turn(hash.low, hash.high);
    const ordered = this.#ordered;
    if (ordered.length > 1) ordered.sort((a, b) => a.set - b.set);
    let before = -1;
    for (let i = 0; i < ordered.length; i++) {
      const { set } = ordered[i] as Gauge;
      this.#tickets[i] = set === before ? 0 : lock(this.#words, lockOf(set));
      before = set;
    }
  }

  #unlock(): void {
    for (let i = 0; i < this.#ordered.length; i++) {
      const ticket = this.#tickets[i] as number;
      if (ticket !== 0) unlock(this.#words, lockOf((this.#ordered[i] as Gauge).set), ticket);
    }
  }
}
