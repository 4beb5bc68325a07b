import { userInfo } from "node:os";
import { dirname, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { keyPrefix } from "../config/key-prefix.ts";
import { loadConfig } from "../config/load.ts";
import { storePlan } from "../config/schema-store.ts";
import type { Actor, Records } from "../core/records.ts";
import { openRecords } from "../stores/records/open.ts";
import { findConfig } from "./find-config.ts";
import { Refusal } from "./refusal.ts";

export interface OpenRecords {
  readonly records: Records;
  /** What new keys begin with. */
  readonly prefix: string;
  /** For the audit. */
  readonly actor: Actor;
}

/** Running gateways look for changes ten times a second. */
const NOTICED_MS = 300;

/** The same for a command that changes something: when it ends, running gateways go by it. */
export async function changeRecords<Result>(
  config: string | undefined,
  work: (open: OpenRecords) => Promise<Result>,
): Promise<Result> {
  const result = await withRecords(config, work);
  await delay(NOTICED_MS);
  return result;
}

/**
 * The records of a config's store, for one command. It works on the file itself: who may write there needs no token,
 * and running gateways notice within a second.
 */
export async function withRecords<Result>(
  config: string | undefined,
  work: (open: OpenRecords) => Promise<Result>,
): Promise<Result> {
  const file = findConfig(config);
  const { config: loaded } = await loadConfig(file);
  const { records: location } = storePlan(loaded.store, dirname(resolve(file)));
  if (location === null)
    throw new Refusal("nothing can be issued: store.records is none; write sqlite:FILE or postgres://…", 1);
  const records = await openRecords(location).catch((error: Error) => {
    throw new Refusal(error.message, 1);
  });
  try {
    return await work({ records, prefix: keyPrefix(loaded), actor: `cli:${userName()}` });
  } finally {
    await records.close();
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return String(process.getuid?.() ?? "unknown");
  }
}
