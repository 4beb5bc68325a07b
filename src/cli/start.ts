import { loadConfig } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import type { RunningGateway } from "../main.ts";
import { findConfig } from "./find-config.ts";
import { Refusal } from "./refusal.ts";

/** `turnpike start`: resolves with the exit code when the gateway has stopped. */
export async function start(options: { readonly config?: string; readonly port?: number }): Promise<number> {
  const file = findConfig(options.config);
  const { runGateway } = await import("../main.ts");
  const gateway = await runGateway(file, { port: options.port }).catch(async (error: unknown) => {
    throw error instanceof ConfigError ? error : await startRefusal(error as NodeJS.ErrnoException, file);
  });
  stopOnSignals(gateway);
  process.stdout.write(`listening on ${gateway.address}\n`);
  const exitCode = await gateway.done;
  // A client that keeps its connection, or a library's timer, must not keep a stopped gateway alive.
  process.exit(exitCode);
}

/** A first signal drains, a second one ends what is still in flight. */
export function stopOnSignals(gateway: RunningGateway): void {
  process.on("SIGTERM", () => void gateway.stop("terminate"));
  process.on("SIGINT", () => void gateway.stop("interrupt"));
  process.on("SIGHUP", () => {
    gateway.reopenLog();
    void gateway.reload();
  });
  // What state it left behind is unknown: finish what is in flight, then let a supervisor start us afresh.
  process.on("uncaughtException", (error) => void gateway.fail(error));
}

/** What the system says of a port that cannot be had, as a sentence with the setting to change. */
async function startRefusal(error: NodeJS.ErrnoException & Partial<Address>, file: string): Promise<unknown> {
  const { code, port, address } = error;
  const sentence = code === undefined ? undefined : REASONS[code];
  if (sentence === undefined) return error;
  const listener = await listenerOf(port, file);
  return new Refusal(sentence({ address: address ?? "that host", port: port ?? 0 }, listener), 1);
}

interface Address {
  readonly address: string;
  readonly port: number;
}

type Listener = "listen" | "admin";

const REASONS: Readonly<Record<string, (at: Address, listener: Listener) => string>> = {
  EADDRINUSE: ({ address, port }, listener) =>
    `port ${port} on ${address} is in use by another program; set ${listener}.port or stop that program`,
  EACCES: ({ port }, listener) =>
    `port ${port} is for programs with more rights; set ${listener}.port to one above 1023`,
  EADDRNOTAVAIL: ({ address }, listener) =>
    `${address} is not an address of this machine; set ${listener}.host`,
  ENOTFOUND: (_, listener) => `the name in ${listener}.host has no address; write an IP address`,
};

/** Which of the two listeners failed: the system only knows the port. */
async function listenerOf(port: number | undefined, file: string): Promise<Listener> {
  const { config } = await loadConfig(file);
  return port !== undefined && port === config.admin.port ? "admin" : "listen";
}
