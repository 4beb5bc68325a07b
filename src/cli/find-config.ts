import { existsSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "./refusal.ts";

const NAMES = ["turnpike.config.ts", "turnpike.yaml", "turnpike.yml"];

/** The config that a command works on: the one that was named, or the one that is there; without one the command ends with that code. */
export function findConfig(named: string | undefined, exitCode: 1 | 2 = 1): string {
  if (named !== undefined) return named;
  const found = NAMES.filter((name) => existsSync(join(process.cwd(), name)));
  const [only] = found;
  if (only === undefined) {
    throw new Refusal(
      `there is no config here (${NAMES.join(", ")}): name one with --config FILE, or write one with \`turnpike init\``,
      exitCode,
    );
  }
  if (found.length > 1)
    throw new Refusal(`there are ${found.join(" and ")} here: name one with --config FILE`, exitCode);
  return only;
}
