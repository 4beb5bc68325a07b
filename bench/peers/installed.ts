import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** By its file and not by import: some packages do not export their package.json. */
export function versionOf(name: string): string {
  const from = createRequire(import.meta.url);
  for (const folder of from.resolve.paths(name) ?? []) {
    try {
      const { version } = JSON.parse(readFileSync(`${folder}/${name}/package.json`, "utf8")) as {
        version: string;
      };
      return version;
    } catch {
      // Not in this node_modules.
    }
  }
  throw new Error(`${name} is not installed`);
}
