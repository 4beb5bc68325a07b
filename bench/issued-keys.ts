/** A records store full of API keys, as if each had been issued with `turnpike keys create`. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { NewKey } from "../src/core/records.ts";
import { openRecords } from "../src/stores/records/open.ts";
import { secretsFile } from "./loads.ts";
import { secretOf } from "./stack.ts";

/** Secrets written at once. */
const batch = 10_000;

/**
 * Makes the store once for all that use it, and beside it the file of secrets that wrk reads. Gives what `store.records`
 * of a config has to say.
 */
export async function issueKeys(count: number, folder: string): Promise<string> {
  const database = join(folder, `keys-${count}.db`);
  if (!existsSync(database)) await fill(database, count, join(folder, secretsFile(count)));
  return `sqlite:${database}`;
}

async function fill(database: string, count: number, secretsPath: string): Promise<void> {
  const records = await openRecords(database);
  const secrets = openSync(secretsPath, "w");
  try {
    await records.keys.createMany(
      newKeys(count, (lines) => writeSync(secrets, lines)),
      "bench",
    );
  } finally {
    closeSync(secrets);
    await records.close();
  }
}

/** Each of another consumer, so that each has a bucket of its own in the rate limit. */
function* newKeys(count: number, write: (lines: string) => void): Generator<NewKey> {
  const createdAt = Date.now();
  let lines = "";
  for (let index = 0; index < count; index += 1) {
    const secret = secretOf(index);
    lines += `${secret}\n`;
    if (index % batch === batch - 1 || index === count - 1) {
      write(lines);
      lines = "";
    }
    yield {
      id: `key_${index}`,
      name: `bench ${index}`,
      consumer: `consumer-${index}`,
      scopes: ["items:read"],
      plan: "",
      environment: "live",
      restrictions: { ipRanges: [], methods: [], routes: [] },
      createdAt,
      expiresAt: null,
      secret: {
        digest: createHash("sha256").update(secret).digest("hex"),
        start: "tp_live_",
        last4: secret.slice(-4),
      },
    };
  }
}
