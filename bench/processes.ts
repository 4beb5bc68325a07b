/**
 * Starts the programs of a benchmark and sees to it that none of them outlives it.
 * Everything is ended by process id, never by name: other work runs on the same machine.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { processTree } from "./accounts.ts";

/** A program to start, and how to see that it is ready. */
export interface Launch {
  readonly name: string;
  readonly command: readonly string[];
  readonly folder: string;
  /** The core it may run on; null: any. */
  readonly core: number | null;
  readonly environment?: Readonly<Record<string, string>>;
  /** Ready when this port answers, or when the program has printed this. */
  readonly ready: { readonly port: number } | { readonly prints: RegExp };
}

/** A program that runs and is ready. */
export interface Program {
  readonly pid: number;
  readonly command: readonly string[];
  readonly startedInMs: number;
  readonly alive: () => boolean;
  /** The last lines of what it printed. */
  readonly tail: () => string;
  /** Asks it to end, and makes it after `patienceMs`. */
  readonly stop: (patienceMs?: number) => Promise<void>;
}

const startLimitMs = 60_000;
const running = new Map<number, ChildProcess>();
const folders = new Set<string>();

export async function launch(options: Launch): Promise<Program> {
  const { name, core, folder, ready } = options;
  const command = core === null ? options.command : ["taskset", "-c", String(core), ...options.command];
  const logPath = join(folder, `${name.replaceAll(/[^\w-]+/g, "-")}.log`);
  // A file and not a pipe: reading what a proxy prints must not wake anybody during a measurement.
  const log = openSync(logPath, "w");
  const startedAt = performance.now();
  const [file = "", ...rest] = command;
  const child = spawn(file, rest, {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...options.environment },
  });
  closeSync(log);
  const failed = new Promise<Error | null>((settle) => {
    child.once("error", settle);
    child.once("spawn", () => settle(null));
  });
  const error = await failed;
  if (error !== null || child.pid === undefined)
    throw new Error(`${name} cannot be started: ${error?.message}`);
  const { pid } = child;
  running.set(pid, child);
  child.once("exit", () => running.delete(pid));

  const tail = (): string => readFileSync(logPath, "utf8").trim().split("\n").slice(-8).join("\n");
  const alive = (): boolean => running.has(pid);
  const stop = (patienceMs = 2_000): Promise<void> => end(pid, patienceMs);
  while (!(await isReady(ready, logPath))) {
    if (!alive()) throw new Error(`${name} ended while starting:\n${tail()}`);
    if (performance.now() - startedAt > startLimitMs) {
      await stop();
      throw new Error(`${name} was not ready after ${startLimitMs / 1000} s:\n${tail()}`);
    }
    await sleep(10);
  }
  return { pid, command, startedInMs: Math.round(performance.now() - startedAt), alive, tail, stop };
}

async function isReady(ready: Launch["ready"], logPath: string): Promise<boolean> {
  if ("prints" in ready) return ready.prints.test(readFileSync(logPath, "utf8"));
  return await new Promise<boolean>((settle) => {
    const socket = connect(ready.port, "127.0.0.1");
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function end(pid: number, patienceMs: number): Promise<void> {
  const child = running.get(pid);
  if (child === undefined) return;
  const members = processTree(pid);
  const exited = new Promise<void>((settle) => child.once("exit", () => settle()));
  child.kill("SIGTERM");
  await Promise.race([exited, sleep(patienceMs)]);
  for (const member of members) if (processTree(member).length > 0) kill(member);
  await exited;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}

/** Ends whatever still runs, at once: for signals and failures, where nothing can be awaited any more. */
export function endEverything(): void {
  for (const pid of [...running.keys()]) for (const member of processTree(pid)) kill(member);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

/** Runs a program to its end and gives what it printed on both streams, and its exit code. */
export async function run(
  command: readonly string[],
  core: number | null = null,
): Promise<{ text: string; code: number }> {
  const [file = "", ...rest] = core === null ? command : ["taskset", "-c", String(core), ...command];
  const child = spawn(file, rest, { stdio: ["ignore", "pipe", "pipe"] });
  if (child.pid !== undefined) running.set(child.pid, child);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const code = await new Promise<number>((settle) => {
    child.once("error", (error) => {
      text += error.message;
      settle(-1);
    });
    child.once("close", (status) => settle(status ?? -1));
  });
  if (child.pid !== undefined) running.delete(child.pid);
  return { text, code };
}

/** Where a program is, or null. Servers are often not on the path of ordinary users. */
export function find(program: string): string | null {
  const { PATH = "" } = process.env;
  const folders = [...PATH.split(delimiter), "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

/** A folder for configs that goes with the process. NGINX workers run as another user and must get in. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "turnpike-bench-"));
  chmodSync(folder, 0o755);
  folders.add(folder);
  return folder;
}

export function writeConfig(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const handedOut = new Set<number>();

/** A port nobody listens on, below those the kernel gives to clients, so that nobody gets it before it is used. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise<boolean>((settle) => {
    server.once("error", () => settle(false));
    server.listen(port, "127.0.0.1", () => server.close(() => settle(true)));
  });
}
