import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { ConfigError } from "../config/problem.ts";
import { printError, printProblems } from "./output.ts";
import { Refusal } from "./refusal.ts";

/** Runs a command line; resolves with the exit code. Nothing is thrown, nothing but sentences is printed. */
export async function run(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  try {
    await program((code) => {
      exitCode = code;
    }).parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (thrown) {
    return report(thrown);
  }
}

function report(thrown: unknown): number {
  if (thrown instanceof CommanderError) return reportUsage(thrown);
  if (thrown instanceof ConfigError) {
    printProblems(thrown.problems, "error");
    return 1;
  }
  if (thrown instanceof Refusal) {
    printError(thrown.message);
    return thrown.exitCode;
  }
  printError(`turnpike failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  // A stack says nothing to a user, and everything to whoever gets the report.
  if (process.env["TURNPIKE_DEBUG"] === "1" && thrown instanceof Error) printError(thrown.stack ?? "");
  return 1;
}

/** Help and version come this way too. Without a command help goes to stderr, and the exit code says why. */
function reportUsage({ code, exitCode, message }: CommanderError): number {
  if (exitCode === 0) return 0;
  if (code !== "commander.help") printError(usageSentence(message));
  return 2;
}

/** `error: unknown option '--confg'\n(Did you mean --config?)` as one sentence in our words. */
function usageSentence(message: string): string {
  const [what = "", hint = ""] = message.replace(/^error: /, "").split("\n");
  const meant = /\(Did you mean (.*)\?\)/.exec(hint)?.[1];
  if (what === "unknown command 'keys'") return '"keys" is not available in this version yet';
  const sentence = SHAPES.reduce((text, [shape, better]) => text.replace(shape, better), what).replaceAll(
    "'",
    '"',
  );
  return `${sentence}${meant === undefined ? "; `turnpike --help` lists what there is" : `; did you mean "${meant}"?`}`;
}

/** Sentences of the library that are two, or that show how an option is declared. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/^option '.*(--[\w-]+) .*' argument '(.*)' is invalid\. (.*)$/, "$1: $3, found '$2'"],
  [/^option '.*(--[\w-]+) .*' argument missing$/, "$1 needs a value"],
  [/^(too many arguments for '.*')\..*$/, "$1"],
];

type Done = (exitCode: number) => void;

function program(done: Done): Command {
  const root = new Command("turnpike")
    .description("An API gateway: one config file, one process, from the client to your services.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .exitOverride()
    // Errors are printed in one place, by `report`.
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError();
  addStart(root, done);
  addCheck(root);
  addExplain(root);
  addInit(root);
  addSchema(root);
  addDemo(root, done);
  return root;
}

const CONFIG = "the config file; turnpike.config.ts, turnpike.yaml or turnpike.yml when left out";

function addStart(root: Command, done: Done): void {
  root
    .command("start")
    .description("start the gateway; prints one line when it listens, stops on SIGTERM and Ctrl-C")
    .option("-c, --config <file>", CONFIG)
    .option("-p, --port <number>", "listen on this port instead of listen.port", readPort)
    .action(async (options: { config?: string; port?: number }) => {
      const { start } = await import("./start.ts");
      done(await start(options));
    });
}

function addCheck(root: Command): void {
  root
    .command("check")
    .description("say whether a config can be used, and everything that is wrong with it")
    .option("-c, --config <file>", CONFIG)
    .action(async (options: { config?: string }) => {
      const { check } = await import("./check.ts");
      await check(options);
    });
}

function addExplain(root: Command): void {
  root
    .command("explain")
    .description("print what runs for each route, in order, with the numbers in force")
    .argument("[method]", "with a path: print which route takes this request, and why")
    .argument("[path]", "path or URL of the request")
    .option("-c, --config <file>", CONFIG)
    .option("-r, --route <name>", "only this route")
    .option("-m, --mermaid", "as a Mermaid flowchart")
    .action(async (method: string | undefined, path: string | undefined, options: Record<string, never>) => {
      const { explainCommand } = await import("./explain.ts");
      await explainCommand(method, path, options);
    });
}

function addInit(root: Command): void {
  root
    .command("init")
    .description("write a small turnpike.yaml with comments to start from")
    .argument("[dir]", "where to write it", ".")
    .option("-f, --force", "overwrite a turnpike.yaml that is there already")
    .action(async (dir: string, options: { force?: true }) => {
      const { init } = await import("./init.ts");
      await init(dir, options);
    });
}

function addSchema(root: Command): void {
  root
    .command("schema")
    .description("print the JSON Schema of the config, for editors")
    .action(async () => {
      const { schema } = await import("./schema.ts");
      schema();
    });
}

function addDemo(root: Command, done: Done): void {
  root
    .command("demo")
    .description("start a gateway with a sample service behind it, and print what to try")
    .option("-p, --port <number>", "listen on this port", readPort)
    .action(async (options: { port?: number }) => {
      const { runDemo } = await import("./demo.ts");
      done(await runDemo(options));
    });
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("a port is a number from 0 to 65535");
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
