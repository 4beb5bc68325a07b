/** Code that was compiled before starts a thread in half the time, but each thread has to ask for it, first of all. */
import nodeModule from "node:module";
import { workerData } from "node:worker_threads";
import type { Beginning } from "./thread.ts";

const { entry, compileCache } = workerData as Beginning;
if (compileCache !== undefined) nodeModule.enableCompileCache(compileCache);
await import(entry);
