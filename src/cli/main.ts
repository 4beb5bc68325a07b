import { run } from "./program.ts";

/** Runs one command to its end and leaves its exit code: 0 well, 1 a config or a start that failed, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<void> {
  // `turnpike explain | head`: whoever reads has seen enough.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  process.exitCode = await run(argv);
}
