/** A thread that uses a circuit as fast as it can while others do, too. */
import { parentPort, workerData } from "node:worker_threads";
import { makeBreaker } from "../../src/backends/upstream/breaker/breaker.ts";
import type { BreakerOptions } from "../../src/core/kinds.ts";
import { openSharedMemory } from "../../src/core/shared-memory.ts";

/** What `threads.test.ts` hands over. */
export interface Hammering {
  readonly memory: SharedArrayBuffer;
  readonly options: BreakerOptions;
  readonly threads: number;
  /** Two words: who has come to the barrier, and how often it has opened. */
  readonly barrier: SharedArrayBuffer;
  /** For each round how many calls may pass: counted by all. */
  readonly passed: SharedArrayBuffer;
  readonly rounds: number;
  readonly callsInRound: number;
  /** When the first round is. In each the circuit has been open for exactly `openFor`. */
  readonly start: number;
}

const { memory, options, threads, barrier, passed, rounds, callsInRound, start } = workerData as Hammering;
const lines: unknown[] = [];
const write = (fields: unknown): void => void lines.push(fields);
const circuit = makeBreaker(
  { name: "carrier", options, lease: 1e9 },
  { shared: openSharedMemory(memory), log: { info: write, warn: write, error: write } },
);
const gate = new Int32Array(barrier);
const counts = new Int32Array(passed);

/** Goes on when all threads have come here. */
function meet(): void {
  const round = Atomics.load(gate, 1);
  if (Atomics.add(gate, 0, 1) === threads - 1) {
    Atomics.store(gate, 0, 0);
    Atomics.add(gate, 1, 1);
    Atomics.notify(gate, 1);
  } else while (Atomics.load(gate, 1) === round) Atomics.wait(gate, 1, round);
}

for (let round = 0; round < rounds; round++) {
  const now = start + round * options.openFor;
  const permits: number[] = [];
  meet();
  for (let i = 0; i < callsInRound; i++) {
    const permit = circuit.admit(now);
    if (permit > 0) permits.push(permit);
  }
  Atomics.add(counts, round, permits.length);
  meet();
  for (const permit of permits) circuit.settle(permit, "failure", 1, now);
}
parentPort?.postMessage(lines.length);
