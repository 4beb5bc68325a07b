import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { ConfigError } from "../config/problem.ts";
import { addDb, addIntrospect } from "./db-commands.ts";
import type { CreateOptions, ListOptions, RotateOptions } from "./keys.ts";
import { addDiff, addOpenApi } from "./openapi-commands.ts";
import { printError, printProblems } from "./output.ts";
import { Refusal } from "./refusal.ts";
import type { RevokeOptions } from "./tokens.ts";

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
  [/^required option '.*(--[\w-]+) .*' not specified$/, "$1 is needed"],
  [/^missing required argument '(.*)'$/, "the $1 is needed"],
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
  addKeys(root);
  addTokens(root);
  addAdmin(root);
  addDb(root, done, CONFIG);
  addIntrospect(root);
  addOpenApi(root, done, CONFIG);
  addDiff(root, done, CONFIG);
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

const KEYS = `
Works on the records store that the config names, whether a gateway runs or not; running ones notice within a second.
Keys that stand in the config itself are not listed here: they are changed there.`;

function addKeys(root: Command): void {
  const keys = root
    .command("keys")
    .description("issue, list, rotate and revoke API keys")
    .helpCommand(false)
    .addHelpText("after", KEYS);
  keys
    .command("create")
    .description("issue a key; its secret is the last line, and is shown this once")
    .requiredOption("--consumer <name>", "whose key it is")
    .option("--name <text>", "what people call it")
    .option("--scopes <list>", "what it may be used for: orders:read,orders:write")
    .option("--plan <name>", "the plan that limits may depend on")
    .option("--expires <when>", "90d, 2027-01-31 or 2027-01-31T18:00:00Z; never when left out")
    .option("--env <name>", "live or test", "live")
    .option("--ip <list>", "networks that it may be used from: 10.0.0.0/8,192.0.2.7")
    .option("--methods <list>", "methods that it may be used for: GET,POST")
    .option("--routes <list>", "names of the routes that it may be used for")
    .option("-c, --config <file>", CONFIG)
    .option("--json", "as JSON")
    .action(async (options: CreateOptions) => {
      const { createKey } = await import("./keys.ts");
      await createKey(options);
    });
  keys
    .command("list")
    .description("show the keys, newest first, without their secrets")
    .option("--consumer <name>", "only this consumer's")
    .option("--env <name>", "only live or test keys")
    .option("--limit <number>", "how many", "100")
    .option("-c, --config <file>", CONFIG)
    .option("--json", "as JSON")
    .action(async (options: ListOptions) => {
      const { listKeys } = await import("./keys.ts");
      await listKeys(options);
    });
  keys
    .command("rotate")
    .description("give a key a new secret; the old one works for a while longer")
    .argument("<id>", "the key's id")
    .option("--overlap <duration>", "how long the old secret goes on working, 0s to 7d", "24h")
    .option("-c, --config <file>", CONFIG)
    .option("--json", "as JSON")
    .action(async (id: string, options: RotateOptions) => {
      const { rotateKey } = await import("./keys.ts");
      await rotateKey(id, options);
    });
  keys
    .command("revoke")
    .description("refuse a key from now on, for good")
    .argument("<id>", "the key's id")
    .option("-c, --config <file>", CONFIG)
    .option("--json", "as JSON")
    .action(async (id: string, options: { config?: string; json?: true }) => {
      const { revokeKey } = await import("./keys.ts");
      await revokeKey(id, options);
    });
}

function addTokens(root: Command): void {
  const tokens = root
    .command("tokens")
    .description("revoke JSON Web Tokens before they expire")
    .helpCommand(false);
  tokens
    .command("revoke")
    .description("refuse one token, or all of a subject that were issued so far")
    .option("--jti <id>", "the token's jti")
    .option("--subject <sub>", "the sub of the tokens")
    .option("--issuer <iss>", "only tokens of this issuer; of any when left out")
    .option("--before <time>", "with --subject: issued before 2027-01-31T18:00:00Z; now when left out")
    .option("--expires <when>", "when the last of the tokens expires by itself: 30d, 2027-01-31", "366d")
    .option("-c, --config <file>", CONFIG)
    .option("--json", "as JSON")
    .action(async (options: RevokeOptions) => {
      const { revokeTokens } = await import("./tokens.ts");
      await revokeTokens(options);
    });
  tokens
    .command("list")
    .description("show what is revoked, newest first")
    .option("-c, --config <file>", CONFIG)
    .option("--json", "as JSON")
    .action(async (options: { config?: string; json?: true }) => {
      const { listRevocations } = await import("./tokens.ts");
      await listRevocations(options);
    });
  tokens
    .command("restore")
    .description("take a revocation back")
    .argument("<id>", "the id of the revocation")
    .option("-c, --config <file>", CONFIG)
    .option("--json", "as JSON")
    .action(async (id: string, options: { config?: string; json?: true }) => {
      const { restoreTokens } = await import("./tokens.ts");
      await restoreTokens(id, options);
    });
}

function addAdmin(root: Command): void {
  const admin = root.command("admin").description("what opens the admin API").helpCommand(false);
  admin
    .command("token")
    .description("make a new admin token; the one before is void from then on")
    .option("-c, --config <file>", CONFIG)
    .action(async (options: { config?: string }) => {
      const { newAdminToken } = await import("./admin-token.ts");
      await newAdminToken(options);
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
  const demo = root
    .command("demo")
    .description("start the example shop, gateway and database included, and print what to try")
    .helpCommand(false)
    .option("-p, --port <number>", "listen on this port", readPort)
    .action(async (options: { port?: number }) => {
      const { runDemo } = await import("./demo.ts");
      done(await runDemo(options));
    });
  demo
    .command("traffic")
    .description("play clients of the example shop for a while, and print what became of them")
    .option("--url <url>", "where the shop listens", "http://127.0.0.1:8080")
    .option("--seconds <number>", "for how long", readCount, 30)
    .option("--rate <number>", "visits begun in a second", readCount, 5)
    .action(async (options: { url: string; seconds: number; rate: number }) => {
      const { demoTraffic } = await import("./demo-traffic.ts");
      done(await demoTraffic(options));
    });
}

function readCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= 100_000) return count;
  throw new InvalidArgumentError("expected a whole number from 1 to 100000");
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
