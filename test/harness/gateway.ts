import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type RunningGateway, runGateway } from "../../src/main.ts";
import { HandClock } from "./hand-clock.ts";

/** A gateway in this process, on free ports of loopback, with its log in a file. */
export interface TestGateway {
  readonly port: number;
  readonly adminPort: number;
  readonly running: RunningGateway;
  /** Only with `time: "by hand"`. */
  readonly clock: HandClock;
  /** The access log so far. */
  log(): Promise<Record<string, unknown>[]>;
  /** Waits (bounded) until the log has a line that fits. */
  logged(fits: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Stops it, without a delay for orchestrators, and removes its folder. */
  stop(): Promise<void>;
}

export interface GatewayOptions {
  /** `by hand`: deadlines pass only when the test says `clock.advance(ms)`. */
  readonly time?: "real" | "by hand";
  /** URL of a TypeScript module with a `config` that the given one is laid over: only such a config can hold functions. */
  readonly base?: string;
}

/**
 * Starts a gateway from a config without `listen`, `admin` and `log`, which are set here; with one lane by default. Use it with
 * `await using`-like care: call `stop` in `after`.
 */
export async function startGateway(
  config: Record<string, unknown>,
  options: GatewayOptions = {},
): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-test-"));
  const file = join(folder, options.base === undefined ? "turnpike.yaml" : "turnpike.config.ts");
  const logFile = join(folder, "access.log");
  const listen = { host: "127.0.0.1", port: 0, ...(config["listen"] as object | undefined) };
  const whole = {
    lanes: 1,
    ...config,
    listen,
    admin: { port: 0 },
    log: { requests: true, to: logFile, level: "info" },
  };
  await writeFile(file, configText(whole, options.base));
  const clock = new HandClock();
  const running = await runGateway(
    file,
    options.time === "by hand" ? { time: { clock, ticker: clock } } : {},
  );
  const log = async () => parseLines(await readFile(logFile, "utf8").catch(() => ""));
  return {
    port: Number(new URL(running.address).port),
    adminPort: Number(new URL(running.adminAddress).port),
    running,
    clock,
    log,
    async logged(fits) {
      for (let tries = 0; tries < 200; tries++) {
        const line = (await log()).find(fits);
        if (line !== undefined) return line;
        await delay(25);
      }
      throw new Error(`no such line in the log:\n${await readFile(logFile, "utf8")}`);
    },
    async stop() {
      void running.stop("interrupt");
      // A second stop ends at once what is still in flight.
      await running.stop("interrupt");
      await running.done;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** JSON is YAML. */
function configText(config: Record<string, unknown>, base: string | undefined): string {
  const json = JSON.stringify(config, null, 2);
  return base === undefined
    ? json
    : `import { config as base } from ${JSON.stringify(base)};\nexport default { ...base, ...${json} };\n`;
}

function parseLines(text: string): Record<string, unknown>[] {
  // The last line may still be on its way to the file.
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
