/**
 * Writes the documents that follow from the code: `docs/errors.md` from the catalogue, `docs/config.md` and
 * `turnpike.schema.json` from the config's schema, `docs/policies.md` from the policies. `--check` writes nothing and fails where one is out of date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configJsonSchemaText } from "../src/config/json-schema.ts";
import { policies } from "../src/policies/index.ts";
import { configPage } from "./config-page.ts";
import { errorsPage } from "./errors-page.ts";
import { policiesPage } from "./policies-page.ts";

const root = join(import.meta.dirname, "..");
const schema = configJsonSchemaText(policies);
const documents: Readonly<Record<string, string>> = {
  "docs/errors.md": errorsPage(),
  "docs/config.md": configPage(JSON.parse(schema)),
  "docs/policies.md": policiesPage(policies),
  "turnpike.schema.json": schema,
};

const checking = process.argv.includes("--check");
const stale = Object.entries(documents).filter(([file, text]) => read(file) !== text);

if (checking) {
  for (const [file] of stale) process.stderr.write(`${file} is out of date; run \`npm run docs\`\n`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const [file, text] of stale) {
    writeFileSync(join(root, file), text);
    process.stdout.write(`wrote ${file}\n`);
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(join(root, file), "utf8");
  } catch {
    return null;
  }
}
