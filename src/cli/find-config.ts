import { existsSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "./refusal.ts";

const NAMES = ["turnpike.config.ts", "turnpike.yaml", "turnpike.yml"];

/** The config that a command works on: the one that was named, or the one that is there. */
export function findConfig(named: string | undefined): string {
  if (named !== undefined) return named;
  const found = NAMES.filter((name) => existsSync(join(process.cwd(), name)));
  const [only] = found;
  if (only === undefined) {
    throw new Refusal(
      `there is no config here (${NAMES.join(", ")}): name one with --config FILE, or write one with \`turnpike init\``,
      1,
    );
  }
  if (found.length > 1)
    throw new Refusal(`there are ${found.join(" and ")} here: name one with --config FILE`, 1);
  return only;
}
