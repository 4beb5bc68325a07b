/** A thread that takes as fast as it can from counters that others take from, too, and says how much it got. */
import { parentPort, workerData } from "node:worker_threads";
import type { Rule } from "../../src/core/counters.ts";
import { systemClock } from "../../src/observe/ticker.ts";
import { memoryCounters } from "../../src/stores/counters/memory/memory-counters.ts";

/** What `threads.test.ts` hands over. */
export interface Hammering {
  readonly buffer: SharedArrayBuffer;
  readonly rules: readonly Rule[];
  readonly keys: readonly string[];
  readonly takes: number;
  /** A word that is 1 as soon as all may begin. */
  readonly go: SharedArrayBuffer;
  /** Milliseconds to go on for, instead of `takes`. */
  readonly lasting?: number;
}

/** By key: the times at which it was let pass. */
export type Passes = Readonly<Record<string, readonly number[]>>;

const { buffer, rules, keys, takes, go, lasting } = workerData as Hammering;
const limiter = memoryCounters(buffer, systemClock).limiter(rules);
const passes: Record<string, number[]> = Object.fromEntries(keys.map((key) => [key, []]));

Atomics.wait(new Int32Array(go), 0, 0);
const end = lasting === undefined ? Number.POSITIVE_INFINITY : systemClock.now() + lasting;
for (let i = 0; lasting === undefined ? i < takes : systemClock.now() < end; i++) {
  const key = keys[i % keys.length] as string;
  const verdict = limiter.take(key, 1);
  if (verdict.allowed) passes[key]?.push(verdict.at);
}
parentPort?.postMessage(passes);
