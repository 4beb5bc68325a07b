/** The commands about the documentation of the API, as they stand in `--help`. */
import type { Command } from "commander";
import { ConfigError } from "../config/problem.ts";
import type { DiffCommand } from "./diff.ts";
import type { OpenApiCommand } from "./openapi.ts";
import { printProblems } from "./output.ts";

type Done = (exitCode: number) => void;

/** A config that cannot be read is no document that breaks clients: 2, not 1, as of a file that cannot be read. */
async function finish(work: Promise<number>, done: Done): Promise<void> {
  try {
    done(await work);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printProblems(error.problems, "error");
    done(2);
  }
}

const OPENAPI_HELP = `
Exit code: 0 where it is written, 1 where --out cannot be, 2 where the config cannot be read or has no resources.`;

export function addOpenApi(root: Command, done: Done, config: string): void {
  root
    .command("openapi")
    .description("print the OpenAPI 3.1 document of the resources, as /openapi.json serves it")
    .option("-c, --config <file>", config)
    .option("--api-version <name>", "of the API; the newest when left out")
    .option("-o, --out <file>", "write it there instead of on stdout")
    .addHelpText("after", OPENAPI_HELP)
    .action(async (options: OpenApiCommand) => {
      const { openapi } = await import("./openapi.ts");
      await finish(openapi(options), done);
    });
}

const DIFF_HELP = `
Works for any documents of OpenAPI 3.0 and 3.1, in JSON or YAML. Without NEW the document of the config is compared, in the
version that OLD is of.
Exit code: 0 where nothing breaks clients of OLD, 1 where something does, 2 where a document or the config cannot be
read.`;

export function addDiff(root: Command, done: Done, config: string): void {
  root
    .command("diff")
    .description("list what changed between two OpenAPI documents, and what of it breaks clients")
    .argument("<old>", "the document that clients were written for")
    .argument("[new]", "the document that is to take its place; that of the config when left out")
    .option("-c, --config <file>", config)
    .option("--api-version <name>", "of the API, for the document of the config")
    .option("--json", "as JSON")
    .addHelpText("after", DIFF_HELP)
    .action(async (old: string, now: string | undefined, options: DiffCommand) => {
      const { diff } = await import("./diff.ts");
      await finish(diff(old, now, options), done);
    });
}
