/** A thread that settles calls of a closed circuit as fast as it can: every third fails, every tenth is slow. */
import { parentPort, workerData } from "node:worker_threads";
import { makeBreaker } from "../../src/backends/upstream/breaker/breaker.ts";
import type { BreakerOptions } from "../../src/core/kinds.ts";
import { openSharedMemory } from "../../src/core/shared-memory.ts";

/** What `threads.test.ts` hands over. */
export interface Counting {
  readonly memory: SharedArrayBuffer;
  readonly options: BreakerOptions;
  readonly calls: number;
  readonly now: number;
}

const { memory, options, calls, now } = workerData as Counting;
const silent = (): void => {};
const circuit = makeBreaker(
  { name: "carrier", options, lease: 1e9 },
  { shared: openSharedMemory(memory), log: { info: silent, warn: silent, error: silent } },
);
for (let i = 0; i < calls; i++) {
  // Through all buckets of the window: threads that are behind count where the first one is.
  const at = now + Math.floor((i * 10) / calls) * (options.window / 10);
  circuit.settle(circuit.admit(at), i % 3 === 0 ? "failure" : "success", i % 10 === 0 ? 2_000 : 1, at);
}
parentPort?.postMessage("done");
