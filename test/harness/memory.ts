import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes of this process that somebody still holds: objects, and the memory of buffers. */
export async function heldBytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // The memory of buffers is given back behind the collection that finds them.
  let last = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 20; tries++) {
    collect();
    await delay(10);
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    if (heapUsed + arrayBuffers > 0.99 * last) break;
    last = heapUsed + arrayBuffers;
  }
  return last;
}
