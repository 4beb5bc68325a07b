import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CLI = join(import.meta.dirname, "../../src/cli/turnpike.js");

/** A gateway in a process of its own, started as a user starts it. */
export interface ChildGateway {
  readonly port: number;
  readonly adminPort: number;
  readonly pid: number;
  /** Resolves with what the process left: its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly stderr: () => string;
  signal(name: NodeJS.Signals): void;
  /** Replaces the config file, as an editor or a mount does. `listen`, `admin` and `log` are set as before. */
  rewrite(config: Record<string, unknown>): Promise<void>;
  /** Replaces the text of the config file. */
  rewriteText(text: string): Promise<void>;
  /** Resident memory in bytes. */
  rss(): Promise<number>;
  /** The access log so far. */
  log(): Promise<string>;
  /** Kills it if it still runs, and removes its folder. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the access log is written; off where only memory is measured. */
  readonly requests?: boolean;
}

/** Starts a gateway from a config without `listen`, `admin` and `log`, which are set here. */
export async function startChildGateway(
  config: Record<string, unknown>,
  options: ChildOptions = {},
): Promise<ChildGateway> {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-child-"));
  const logFile = join(folder, "access.log");
  const adminPort = await freePort();
  const configFile = join(folder, "turnpike.yaml");
  const rewriteText = async (text: string): Promise<void> => {
    await writeFile(join(folder, "next.yaml"), text);
    await rename(join(folder, "next.yaml"), configFile);
  };
  const rewrite = (next: Record<string, unknown>): Promise<void> =>
    rewriteText(
      JSON.stringify({
        ...next,
        listen: { host: "127.0.0.1", port: 0, ...(next["listen"] as object | undefined) },
        admin: { port: adminPort },
        log: { requests: options.requests ?? true, to: logFile, level: "info" },
      }),
    );
  await rewrite(config);
  const run = runCli(["start", "--config", configFile], options.env);
  const { child, exited } = run;
  try {
    const port = await run.listening;
    return {
      port,
      adminPort,
      pid: child.pid ?? 0,
      exited,
      stderr: run.stderr,
      signal: (name) => child.kill(name),
      rewrite,
      rewriteText,
      rss: () => residentBytes(child.pid ?? 0),
      log: () => readFile(logFile, "utf8").catch(() => ""),
      async stop() {
        child.kill("SIGKILL");
        await exited;
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

export interface CliRun {
  readonly child: ChildProcess;
  /** Resolves with the port of `listening on …`; rejects if the process ends without that line. */
  readonly listening: Promise<number>;
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly stderr: () => string;
}

export function runCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): CliRun {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  const exited = once(child, "close").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const listening = new Promise<number>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      const line = /^listening on https?:\/\/.*:(\d+)$/m.exec(out);
      if (line !== null) resolve(Number(line[1]));
    });
    void exited.then((code) => reject(new Error(`the gateway ended with ${code}:\n${out}${err}`)));
  });
  // Whoever does not wait for it is not told by a crash of the test.
  listening.catch(() => {});
  return { child, listening, exited, stderr: () => err };
}

/** VmRSS of a process, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  if (line === null) throw new Error(`process ${pid} says nothing of its memory`);
  return Number(line[1]) * 1024;
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
