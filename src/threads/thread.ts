import nodeModule from "node:module";
import { Worker, workerData } from "node:worker_threads";

/** What a thread of ours begins with. */
export interface Beginning {
  readonly entry: string;
  readonly compileCache: string | undefined;
  readonly data: unknown;
}

/** Runs a module of this folder in a thread of its own. */
export function startThread(
  name: string,
  entry: "./lane-worker.ts" | "./service-worker.ts",
  data?: unknown,
): Worker {
  const compileCache = nodeModule.getCompileCacheDir();
  return new Worker(new URL("./thread-entry.ts", import.meta.url), {
    name,
    workerData: { entry, compileCache, data } satisfies Beginning,
  });
}

/** What `startThread` was given, in the thread. */
export function threadData(): unknown {
  return (workerData as Beginning).data;
}
