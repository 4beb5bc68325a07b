/** Where and on what it was measured: a figure without this is hearsay. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { find } from "./processes.ts";

export interface Machine {
  readonly commit: string;
  /** Whether the working tree differed from the commit. */
  readonly dirty: boolean;
  readonly node: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
}

export function describeMachine(repository: string): Machine {
  const changes = git(repository, ["status", "--porcelain", "--", ".", ":!bench/results"]);
  return {
    commit: git(repository, ["rev-parse", "--short", "HEAD"]) || "unknown",
    dirty: changes !== "",
    node: process.version,
    kernel: release(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
  };
}

/** How many programs wanted a CPU lately, ourselves included. */
export function loadAverage(): number {
  return loadavg()[0] ?? 0;
}

function git(repository: string, args: readonly string[]): string {
  try {
    return execFileSync("git", ["-C", repository, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "";
  }
}

/** Which core is whose; all null where nothing can be pinned. */
export interface Pinning {
  readonly proxy: number | null;
  readonly origin: number | null;
  readonly load: number | null;
  /** In words, for the reader. */
  readonly note: string;
}

export function choosePinning(): Pinning {
  const cores = find("taskset") === null ? [] : allowedCores();
  const [proxy, origin] = cores;
  if (proxy === undefined || origin === undefined) {
    const reason = cores.length === 1 ? "there is one core" : "there is no taskset";
    return { proxy: null, origin: null, load: null, note: `nothing is pinned: ${reason}; expect more noise` };
  }
  const load = cores[2] ?? origin;
  const shared = load === origin ? "origin and wrk share one" : "origin and wrk have one each";
  return {
    proxy,
    origin,
    load,
    note: `the proxy under test on core ${proxy}, origin on core ${origin}, wrk on core ${load} (${shared}); idle proxies wait on core ${proxy}`,
  };
}

function allowedCores(): number[] {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return parseCoreList(/^Cpus_allowed_list:\s+(\S+)/m.exec(status)?.[1] ?? "");
  } catch {
    return [];
  }
}

/** `0-2,5` as numbers. */
export function parseCoreList(text: string): number[] {
  return text
    .split(",")
    .filter((part) => /^\d+(-\d+)?$/.test(part))
    .flatMap((part) => {
      const [first = 0, last = first] = part.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
    });
}
