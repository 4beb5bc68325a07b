/** Which processes still run, of those that share a file: what the record of a request that they began goes by. */
import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";

/**
 * This process: boot, pid namespace, pid and start, so that no other ever has the same name. Where the system does
 * not say these, a random one, of which nobody can tell whether it has ended.
 */
export const processName: string = nameOf(process.pid) ?? randomUUID();

/** True where it is certain: a process of this machine's boot and namespace that is no more, or is another by now. */
export function hasEnded(name: string): boolean {
  const [boot, namespace, pid] = name.split("/");
  const [ourBoot, ourNamespace] = processName.split("/");
  if (pid === undefined || boot !== ourBoot || namespace !== ourNamespace) return false;
  if (!exists(Number(pid))) return true;
  const now = nameOf(Number(pid));
  return now !== null && now !== name;
}

/** Asked of the kernel: `/proc` may hide what other users run. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** `ended` in place of the start for one that only waits for its parent to notice; null where nothing is told. */
function nameOf(pid: number): string | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    const namespace = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0];
    // proc(5): the name of the command is in parentheses and may hold anything; behind it comes field 3.
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    const started = state === "Z" || state === "X" ? "ended" : fields[19];
    if (namespace === undefined || started === undefined) return null;
    return `${boot}/${namespace}/${pid}/${started}`;
  } catch {
    return null;
  }
}
