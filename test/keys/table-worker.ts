/** A thread that looks at one key until it is no longer active. It never reads a message. */
import { parentPort, workerData } from "node:worker_threads";
import type { KeyMemory } from "../../src/identity/keys/layout.ts";
import { KeyTable } from "../../src/identity/keys/table.ts";

const { memory, digest } = workerData as { memory: KeyMemory; digest: string };
const table = new KeyTable();
table.receive(memory);
parentPort?.postMessage(table.find(digest)?.standing(0));
while (table.find(digest)?.standing(0) === "active");
parentPort?.postMessage(table.find(digest)?.standing(0));
