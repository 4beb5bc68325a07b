/**
 * Runs the tests: all of them, or the files that the arguments name (`npm test -- src/flow test/faults`).
 * The last line says how many passed, failed and were skipped; the exit code is 1 if any failed or none ran.
 */
import { globSync } from "node:fs";
import { relative, resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";

const root = resolve(import.meta.dirname, "..");
const PATTERNS = [
  "src/**/*.test.ts",
  "test/**/*.test.ts",
  "bench/**/*.test.ts",
  "docs/**/*.test.ts",
  "examples/**/*.test.ts",
];

const wanted = process.argv.slice(2);
const files = PATTERNS.flatMap((pattern) => globSync(pattern, { cwd: root }))
  .filter(
    (file) => wanted.length === 0 || wanted.some((part) => file.startsWith(relative(root, resolve(part)))),
  )
  .map((file) => resolve(root, file))
  .sort();

const counts = { passed: 0, failed: 0, skipped: 0 };
const stream = run({ files, concurrency: 2, timeout: 10 * 60_000 });
stream.on("test:pass", ({ skip, todo, details }) => {
  if (details.type === "suite") return;
  if (skip !== undefined || todo !== undefined) counts.skipped++;
  else counts.passed++;
});
stream.on("test:fail", ({ details }) => {
  if (details.type !== "suite") counts.failed++;
});
stream.compose(spec()).pipe(process.stdout);
stream.on("end", () => {
  // After the reporter's own summary has gone out.
  setTimeout(() => {
    const { passed, failed, skipped } = counts;
    process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  }, 100);
});
