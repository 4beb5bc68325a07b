import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { explain, explainMermaid } from "./explain.ts";
import { loadPlan } from "./plan.ts";
import { ConfigError, formatProblem } from "./problem.ts";
import { recordingWorld } from "./testdata/world.ts";

/**
 * Configs as text files: `x.in.yaml` gives the plan `x.plan.txt`, and where these files exist also
 * `x.explain.txt` and `x.mermaid.txt`; `bad/x.in.yaml` gives the messages `bad/x.err.txt`.
 * UPDATE_GOLDEN=1, or `--update` behind the file name, writes them anew; read the diff.
 */

const FOLDER = join(import.meta.dirname, "testdata");
const { UPDATE_GOLDEN } = process.env;
const UPDATE = UPDATE_GOLDEN === "1" || process.argv.includes("--update");
const ENVIRONMENT = {
  PORT: "9090",
  CONNECTIONS: "12",
  CARRIER_HOST: "carrier.internal",
  EMPTY: "",
  SECRET: "s3cret",
};

const INPUT = /\.in\.(yaml|json|ts)$/;
const cases = (folder: string): string[] => readdirSync(folder).filter((name) => INPUT.test(name));

function compare(file: string, actual: string): void {
  if (UPDATE) writeFileSync(file, actual);
  assert.equal(actual, readFileSync(file, "utf8"));
}

describe("a good config", () => {
  const existing = new Set(readdirSync(FOLDER));
  for (const name of cases(FOLDER)) {
    test(`becomes the plan in ${name.replace(INPUT, ".plan.txt")}`, async () => {
      const { world, dump } = recordingWorld();
      const made = await loadPlan(join(FOLDER, name), world, { environment: ENVIRONMENT });
      const base = join(FOLDER, name.replace(INPUT, ""));
      const warnings = made.warnings.map(
        (warning) => `warning ${formatProblem({ ...warning, file: name })}\n`,
      );
      compare(`${base}.plan.txt`, `${dump(made)}${warnings.join("")}`);
      if (existing.has(name.replace(INPUT, ".explain.txt")))
        compare(`${base}.explain.txt`, explain(made.plan));
      if (existing.has(name.replace(INPUT, ".mermaid.txt")))
        compare(`${base}.mermaid.txt`, explainMermaid(made.plan));
    });
  }
});

describe("a bad config", () => {
  const folder = join(FOLDER, "bad");
  for (const name of cases(folder)) {
    test(`gives the messages in bad/${name.replace(INPUT, ".err.txt")}`, async () => {
      const { world } = recordingWorld();
      const problems = await loadPlan(join(folder, name), world, { environment: ENVIRONMENT }).then(
        () => assert.fail("the config was taken"),
        (error: unknown) => {
          assert.ok(error instanceof ConfigError, String(error));
          return error.problems;
        },
      );
      const text = problems.map((problem) => `${formatProblem({ ...problem, file: name })}\n`).join("");
      assert.doesNotMatch(text, /s3cret/, "a message shows what a variable holds");
      compare(join(folder, name.replace(INPUT, ".err.txt")), text);
    });
  }
});
