/**
 * Memory that all lanes of a process see, given out by name: states of circuit breakers, budgets of retries. What a
 * name stands for outlives plans, so a reload forgets nothing.
 *
 * One SharedArrayBuffer, in 32-bit words:
 *
 *     0   lock of the directory
 *     1   the first word that nobody has
 *     2   directory: for each name the first 64 bits of its SHA-256, where its words begin, and how many they are
 *   ...   the words themselves, zero at first
 *
 * Nothing is ever given back: names come from configs, and there are few.
 */
import { hash, randomInt } from "node:crypto";
import { lock, unlock } from "./spin-lock.ts";

export interface SharedMemory {
  /** Who looks at it, for what each lane counts by itself. */
  readonly seat: LaneSeat;
  /**
   * So many 32-bit words, zero at first. The same id gets the same words in every lane and every plan.
   *
   * @throws Error where there is no room left.
   */
  words(id: string, count: number): Int32Array<SharedArrayBuffer>;
}

/** A lane as its memory knows it. */
export interface LaneSeat {
  /** From 0. */
  readonly lane: number;
  readonly lanes: number;
  /** Of whoever sits there now, never 0: one that takes the place of a dead lane has another. */
  readonly term: number;
}

const LOCK = 0;
const FREE = 1;
const DIRECTORY = 2;
const ENTRIES = 32_768;
const ENTRY_WORDS = 4;
const FIRST = DIRECTORY + ENTRIES * ENTRY_WORDS;
/** Pages that nobody touches cost nothing. */
const DEFAULT_BYTES = 64 * 1024 * 1024;
/** A cache line: what two lanes write often does not lie in one. */
const ALIGN = 16;

export function allocateSharedMemory(bytes = DEFAULT_BYTES): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}

/** The lane is the first of one for whoever only reads. Opened once in a lane's life. */
export function openSharedMemory(buffer: SharedArrayBuffer, lane = 0, lanes = 1): SharedMemory {
  const all = new Int32Array(buffer);
  return {
    seat: { lane, lanes, term: newTerm() },
    words(id, count) {
      const digest = hash("sha256", `${id}\n${count}`, "buffer");
      const high = digest.readInt32LE(0) | 1;
      const low = digest.readInt32LE(4);
      const ticket = lock(all, LOCK);
      try {
        const at = find(all, high, low) ?? take(all, high, low, count);
        if (at === null) throw new Error(`there is no room in shared memory for ${id}`);
        return new Int32Array(buffer, at * 4, count);
      } finally {
        unlock(all, LOCK, ticket);
      }
    },
  };
}

const newTerm = (): number => randomInt(1, 0x7fffffff);

function find(all: Int32Array, high: number, low: number): number | null {
  const entry = slotOf(all, high, low);
  return entry === null || all[entry] === 0 ? null : (all[entry + 2] as number);
}

function take(all: Int32Array, high: number, low: number, count: number): number | null {
  const entry = slotOf(all, high, low);
  const at = Math.ceil(Math.max(all[FREE] as number, FIRST) / ALIGN) * ALIGN;
  if (entry === null || at + count > all.length) return null;
  all.set([high, low, at, count], entry);
  all[FREE] = at + count;
  return at;
}

/** Where the entry is, or would be; null where the directory is full. */
function slotOf(all: Int32Array, high: number, low: number): number | null {
  const start = (high >>> 1) % ENTRIES;
  for (let probe = 0; probe < ENTRIES; probe++) {
    const entry = DIRECTORY + ((start + probe) % ENTRIES) * ENTRY_WORDS;
    if (all[entry] === 0 || (all[entry] === high && all[entry + 1] === low)) return entry;
  }
  return null;
}

/** For what runs in one thread alone: tests, and plans that are only looked at. */
export function ownMemory(): SharedMemory {
  const regions = new Map<string, Int32Array<SharedArrayBuffer>>();
  return {
    seat: { lane: 0, lanes: 1, term: newTerm() },
    words(id, count) {
      const key = `${id}\n${count}`;
      let region = regions.get(key);
      if (region === undefined) {
        region = new Int32Array(new SharedArrayBuffer(count * 4));
        regions.set(key, region);
      }
      return region;
    },
  };
}
