/**
 * The memory that all threads count in, and how it is laid out. One SharedArrayBuffer, in bytes:
 *
 *     0   seed of the key hash (2 × 32 bits), drawn once a process
 *     8   how many live cells have been overwritten, because their set was full (32 bits)
 *    16   milliseconds from the monotonic clock to the epoch (64-bit float)
 *    64   tables, one after the other (see table.ts)
 *
 * Numbers are read and written plainly, under the locks of the sets that they belong to. The system gives out the
 * pages when they are first touched, so an unused table costs nothing.
 */
import { randomFillSync } from "node:crypto";
import type { Clock } from "../../../core/tools.ts";

export interface SharedMemory {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
}

export const HEADER_BYTES = 64;
const DEFAULT_BYTES = 64 * 1024 * 1024;

/** Indices into the words and the doubles. */
export const SEED = 0;
export const FORGOTTEN = 2;
const EPOCH = 2;

/** For every thread of a process to count in; made once, by the first. */
export function allocateCounters(clock: Clock, bytes = DEFAULT_BYTES): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(bytes);
  const { words, doubles } = openMemory(buffer);
  words.set(randomFillSync(new Int32Array(2)), SEED);
  // Threads that asked by themselves would disagree when somebody sets the system's clock.
  doubles[EPOCH] = Math.round(clock.wall() - clock.now());
  return buffer;
}

export function openMemory(buffer: SharedArrayBuffer): SharedMemory {
  return { words: new Int32Array(buffer), doubles: new Float64Array(buffer) };
}

export const epochOf = ({ doubles }: SharedMemory): number => doubles[EPOCH] as number;
