/** How much of its memory the process needs, as one lane sees it. */
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { SharedMemory } from "../core/shared-memory.ts";

/** What the system says; tests say something else. */
export interface MemorySource {
  /** Bytes of the process that are in physical memory. */
  resident(): number;
  /** Bytes of this thread: what its old generation may hold, what lies there, and what heap and buffers have taken. */
  heap(): { readonly limit: number; readonly used: number; readonly taken: number };
  /** Collects what this thread no longer needs. Takes as long as it takes. */
  collect(): void;
}

const KB = 1024;
const AT_REST = 0;
const GROWTH = 1;

/**
 * The share of its memory that the process cannot do without: the larger one of two shares.
 *
 * Of the limit of the process: what is resident. But an allocator hardly ever gives memory back, so after a rush a
 * process may be at its limit with nothing to do. What heaps and buffers of all lanes have grown by since they were
 * at rest tells how much of it is in use; the other part counts half, because not every piece of it will fit.
 *
 * Of the limit of the lane's heap: what lies there.
 */
export class MemoryGauge {
  readonly #source: MemorySource;
  /** What was resident at rest, then for each lane what its heap and buffers have grown by; in kilobytes. */
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #own: number;
  #takenAtRest = 0;

  constructor(source: MemorySource, memory: SharedMemory) {
    const { lane, lanes } = memory.seat;
    this.#source = source;
    this.#words = memory.words("overload/memory", GROWTH + lanes);
    this.#own = GROWTH + lane;
  }

  /** Everything is loaded, and no call has come: what there is now is what it takes to do nothing. */
  rest(): void {
    this.#takenAtRest = this.#source.heap().taken;
    Atomics.store(this.#words, this.#own, 0);
    // Where a lane takes the place of another one, there are others that do not rest.
    Atomics.compareExchange(this.#words, AT_REST, 0, Math.round(this.#source.resident() / KB));
  }

  /** The bytes that the process needs to do nothing. */
  get atRest(): number {
    return Atomics.load(this.#words, AT_REST) * KB;
  }

  /** From 0 to 1, or beyond. `limit`: bytes that the process may have. */
  read(limit: number): number {
    const heap = this.#source.heap();
    const resident = this.#source.resident();
    Atomics.store(this.#words, this.#own, Math.round((heap.taken - this.#takenAtRest) / KB));
    const inUse = Math.min(resident, this.#inUse);
    return Math.max((inUse + resident) / 2 / limit, heap.used / heap.limit);
  }

  get #inUse(): number {
    let sum = 0;
    for (let at = 0; at < this.#words.length; at++) sum += Atomics.load(this.#words, at);
    return sum * KB;
  }

  collect(): void {
    this.#source.collect();
  }
}

export const systemMemory: MemorySource = {
  resident: () => process.memoryUsage.rss(),
  heap: () => {
    const { heap_size_limit, used_heap_size, total_heap_size, external_memory } = getHeapStatistics();
    const young = getHeapSpaceStatistics().filter(({ space_name }) => space_name.startsWith("new_"));
    const old = heap_size_limit > youngLimit ? heap_size_limit - youngLimit : heap_size_limit;
    return {
      limit: old * USABLE,
      used: young.reduce((used, space) => used - space.space_used_size, used_heap_size),
      taken: total_heap_size + external_memory,
    };
  },
  collect: () => {
    collector ??= makeCollector();
    collector();
  },
};

/** V8 ends the process where, in the last fifth of the heap, collecting a few times in a row has brought too little. */
const USABLE = 0.85;

/**
 * V8 counts the young generation into the limit of the heap, as three times a half of it, but what lasts has no room
 * there.
 */
const youngLimit = 3 * semiSpace([...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].join(" "));

function semiSpace(options: string): number {
  const [, megabytes = "64"] = /--max[-_]semi[-_]space[-_]size[= ](\d+)/.exec(options) ?? [];
  return Number(megabytes) * KB * KB;
}

let collector: (() => void) | null = null;

/** V8 collects when it needs room, and who refuses all work makes it need none: so nothing would ever change. */
function makeCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

/** cgroup v2, then v1. A process that sees no limit of its own there has none. */
const CGROUP_LIMITS = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/** Bytes that this process may use: the limit of its container, or what the machine has. */
export function availableMemory(files: readonly string[] = CGROUP_LIMITS, machine = totalmem()): number {
  return Math.min(machine, ...files.map(limitIn));
}

function limitIn(file: string): number {
  try {
    const limit = Number(readFileSync(file, "utf8"));
    // `max`, which is no number, stands for no limit.
    return limit > 0 ? limit : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
