/**
 * How many connections are open, in all and from one address, on all lanes together.
 *
 * Layout of the shared memory, 32-bit integers: the seed of the hash, then one row for each lane: its total,
 * then a count for each slot. An address belongs to the slot that its hash names. A collision makes two addresses
 * share a cap; nobody can aim at one, because the seed is secret. A lane writes only its own row, so a row can be
 * zeroed when its lane has died.
 */
import { randomBytes } from "node:crypto";

const SLOTS = 65_536;
const ROW = 1 + SLOTS;

export interface Admission {
  /** Takes a place: counted first and judged by the counts after, so that two lanes never share the last one. */
  enter(address: string): void;
  leave(address: string): void;
  /** Open connections of all lanes. */
  readonly connections: number;
  /** Those of them that come from this address. */
  from(address: string): number;
}

export function allocateAdmission(lanes: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(4 * (1 + lanes * ROW));
  new Int32Array(buffer)[0] = randomBytes(4).readInt32LE();
  return buffer;
}

/** The part of one lane, counted from 0; whatever a lane before it left there is forgotten. */
export function openAdmission(buffer: SharedArrayBuffer, lane: number): Admission {
  const counts = new Int32Array(buffer);
  const lanes = (counts.length - 1) / ROW;
  const seed = counts[0] as number;
  const row = 1 + lane * ROW;
  counts.fill(0, row, row + ROW);
  const add = (address: string, change: number) => {
    Atomics.add(counts, row, change);
    Atomics.add(counts, row + 1 + slotOf(address, seed), change);
  };
  const sum = (column: number) => {
    let total = 0;
    for (let other = 0; other < lanes; other++) total += Atomics.load(counts, 1 + other * ROW + column);
    return total;
  };
  return {
    enter: (address) => add(address, 1),
    leave: (address) => add(address, -1),
    get connections() {
      return sum(0);
    },
    from: (address) => sum(1 + slotOf(address, seed)),
  };
}

/** FNV-1a with a seed, and the last steps of MurmurHash3, which spread its bits. */
function slotOf(address: string, seed: number): number {
  let hash = seed ^ 0x811c9dc5;
  for (let i = 0; i < address.length; i++) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) & (SLOTS - 1);
}
