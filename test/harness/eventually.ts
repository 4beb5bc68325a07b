import { setTimeout as delay } from "node:timers/promises";

/** Waits (bounded) until `holds`; rejects with `what` if it never does. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeout = 5_000,
): Promise<void> {
  const deadline = Date.now() + timeout;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`did not happen within ${timeout} ms: ${what}`);
    await delay(5);
  }
}
