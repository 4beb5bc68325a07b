/** Access logs as witnesses: who says that it writes a line for each request has to have written it. */
import { closeSync, openSync, readSync, truncateSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const lineFeed = 0x0a;
const pollMs = 50;
/** Longer than anybody here collects lines before writing them. */
const settledMs = 300;
const patienceMs = 5_000;

/**
 * Waits until a log has `expected` lines or grows no longer, gives their number and empties it, so that the disk does
 * not fill and each slice counts its own. Everybody here opens a log for appending.
 */
export async function takeLines(path: string, expected: number): Promise<number> {
  const startedAt = performance.now();
  let lines = countLines(path);
  let grewAt = startedAt;
  while (lines < expected) {
    await sleep(pollMs);
    const counted = countLines(path);
    const now = performance.now();
    if (counted > lines) grewAt = now;
    lines = counted;
    if (now - grewAt > settledMs || now - startedAt > patienceMs) break;
  }
  truncateSync(path);
  return lines;
}

export function countLines(path: string): number {
  const file = openSync(path, "r");
  const chunk = Buffer.allocUnsafe(1024 * 1024);
  let lines = 0;
  try {
    for (let length = readSync(file, chunk); length > 0; length = readSync(file, chunk)) {
      const read = chunk.subarray(0, length);
      for (let at = read.indexOf(lineFeed); at !== -1; at = read.indexOf(lineFeed, at + 1)) lines += 1;
    }
  } finally {
    closeSync(file);
  }
  return lines;
}
