/**
 * Loaded into a gateway with `--import`, in each of its threads: ends the process, or one thread of it, at the point
 * that stands in the file that `TURNPIKE_CRASH_FILE` names. Methods are wrapped, so that no code knows of it. The file
 * is taken away first: a point is met once.
 */
import { readFileSync, rmSync } from "node:fs";
import type { IdempotencyChange, IdempotencyRecords } from "../../src/core/idempotency.ts";
import { PostgresIdempotency } from "../../src/stores/records/postgres-idempotency.ts";
import { SqliteIdempotency } from "../../src/stores/records/sqlite-idempotency.ts";
import { IdempotencyLine } from "../../src/threads/idempotency-line.ts";

export type CrashPoint =
  | "process before claim"
  | "process after claim"
  | "process before store"
  | "process after store"
  | "service after claim"
  | "service before store"
  | "service after store"
  | "lane before store";

const file = process.env["TURNPIKE_CRASH_FILE"] ?? "";

function armed(): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function crashAt(...points: CrashPoint[]): void {
  const point = points.find((one) => one === armed());
  if (point === undefined) return;
  rmSync(file);
  if (point.startsWith("process")) process.kill(process.pid, "SIGKILL");
  // In a thread that is not the first this ends the thread, at once.
  process.exit(1);
}

for (const { prototype } of [SqliteIdempotency, PostgresIdempotency]) {
  const apply: IdempotencyRecords["apply"] = prototype.apply;
  prototype.apply = async function (changes) {
    const has = (kind: IdempotencyChange["kind"]) => changes.some((change) => change.kind === kind);
    if (has("claim")) crashAt("process before claim");
    if (has("finish")) crashAt("process before store", "service before store");
    const results = await apply.call(this, changes);
    if (has("claim")) crashAt("process after claim", "service after claim");
    if (has("finish")) crashAt("process after store", "service after store");
    return results;
  };
}

const { finish } = IdempotencyLine.prototype;
IdempotencyLine.prototype.finish = function (...args) {
  crashAt("lane before store");
  return finish.apply(this, args);
};
