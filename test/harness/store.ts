import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Records } from "../../src/core/records.ts";
import { type IssuedKey, issueKey, type KeyRequest } from "../../src/identity/keys/issue.ts";
import { openRecords } from "../../src/stores/records/open.ts";

/** A records store in a folder of its own, which `remove` takes away. */
export interface TempStore {
  readonly file: string;
  /** A connection to it, as another process would have; closed by `remove`. */
  open(): Promise<Records>;
  remove(): Promise<void>;
}

export async function tempStore(): Promise<TempStore> {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-store-"));
  const file = join(folder, "records.db");
  const opened: Records[] = [];
  return {
    file,
    async open() {
      const records = await openRecords(file);
      opened.push(records);
      return records;
    },
    async remove() {
      for (const records of opened) await records.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A key that is like every other but for what is said. */
export function someKey(wanted: Partial<KeyRequest> = {}, now = Date.UTC(2026, 10, 22, 12)): IssuedKey {
  const request: KeyRequest = {
    name: "",
    consumer: "acme",
    scopes: ["orders:read"],
    plan: "",
    environment: "live",
    restrictions: { ipRanges: [], methods: [], routes: [] },
    expiresAt: null,
    ...wanted,
  };
  return issueKey(request, "tp", now);
}
