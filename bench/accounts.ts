/**
 * What Linux keeps account of for each process: CPU time, memory, switches, children.
 * Read from /proc, so that no proxy has to be trusted to report on itself.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Used by a process and all its children since they started. */
export interface Usage {
  /** The processes added up. A CPU account of other processes cannot be subtracted from this one. */
  readonly pids: readonly number[];
  /** Nanoseconds on a CPU, from /proc/<pid>/task/<thread>/schedstat. */
  readonly scheduledNs: number;
  /** utime + stime in clock ticks, from /proc/<pid>/stat: the cross-check. */
  readonly ticks: number;
  /** The part of the ticks spent in the kernel. */
  readonly systemTicks: number;
  /** Times it went to sleep: the less often, the more work it did in one go. */
  readonly voluntarySwitches: number;
  /** Times somebody else was put in its place. */
  readonly involuntarySwitches: number;
}

/** USER_HZ, which Linux fixes at 100 for everything it shows to programs. */
export const tickUs = 10_000;

export function readUsage(pid: number): Usage {
  const pids = processTree(pid);
  const total = {
    pids,
    scheduledNs: 0,
    ticks: 0,
    systemTicks: 0,
    voluntarySwitches: 0,
    involuntarySwitches: 0,
  };
  for (const member of pids) {
    const { ticks, systemTicks } = parseStat(readText(`/proc/${member}/stat`));
    total.ticks += ticks;
    total.systemTicks += systemTicks;
    for (const thread of listFolder(`/proc/${member}/task`)) {
      total.scheduledNs += parseSchedstat(readText(`/proc/${member}/task/${thread}/schedstat`));
      const status = readText(`/proc/${member}/task/${thread}/status`);
      total.voluntarySwitches += statusNumber(status, "voluntary_ctxt_switches");
      total.involuntarySwitches += statusNumber(status, "nonvoluntary_ctxt_switches");
    }
  }
  return total;
}

/** Resident memory of a process and its children; pages they share are counted for each. */
export function readRssBytes(pid: number): number {
  let kib = 0;
  for (const member of processTree(pid)) kib += statusNumber(readText(`/proc/${member}/status`), "VmRSS");
  return kib * 1024;
}

/** A process and everything it started, in the order of starting; empty once it has ended. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  let alive = false;
  for (const entry of listFolder("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const text = readText(`/proc/${pid}/stat`);
    if (text === "") continue;
    if (pid === root) alive = true;
    const { parent } = parseStat(text);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  if (!alive) return [];
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** First field of a schedstat file: nanoseconds spent on a CPU. */
export function parseSchedstat(text: string): number {
  const first = /^(\d+) \d+ \d+/.exec(text)?.[1];
  return first === undefined ? 0 : Number(first);
}

/** Parent and CPU ticks of a stat line. The command may hold blanks and parentheses, so count from the last one. */
export function parseStat(text: string): { parent: number; ticks: number; systemTicks: number } {
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
  const systemTicks = Number(fields[12] ?? 0);
  return { parent: Number(fields[1] ?? 0), ticks: Number(fields[11] ?? 0) + systemTicks, systemTicks };
}

/** A number of a status file, such as `VmRSS:   1234 kB`. */
export function statusNumber(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
}

export interface CoreTicks {
  readonly busy: number;
  /** Taken away by the hypervisor: this machine may be a guest. */
  readonly stolen: number;
}

export function parseCore(text: string, core: number): CoreTicks {
  const line = new RegExp(`^cpu${core} (.*)$`, "m").exec(text)?.[1] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = line.split(" ").map(Number);
  return { busy: user + nice + system + irq + softirq, stolen };
}

export function readCore(core: number): CoreTicks {
  return parseCore(readText("/proc/stat"), core);
}

/** A process may end between the listing and the reading; then it has nothing more to tell. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
