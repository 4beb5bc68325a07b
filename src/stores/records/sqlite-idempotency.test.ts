import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, describe, test } from "node:test";
import { aClaim, laneOf, recordsContract, tokenOf } from "../../../test/idempotency/records-contract.ts";
import { hasEnded, processName } from "./process-name.ts";
import { SqliteRecords } from "./sqlite-records.ts";

const folder = await mkdtemp(join(tmpdir(), "turnpike-idempotency-"));
after(() => rm(folder, { recursive: true, force: true }));

const NO_PROC = process.platform === "linux" ? false : "only Linux tells which process runs";
let time = Date.UTC(2026, 10, 22, 12);

recordsContract({
  name: "SQLite",
  open: async () => new SqliteRecords(join(folder, "contract.db"), () => time),
  advance: (milliseconds) => {
    time += milliseconds;
  },
});

describe("idempotency records that several processes share", () => {
  /** Claims keys in batches, begins when it is told to, so that all do at once, and stays until it is killed. */
  const RACE = `
    import { SqliteRecords } from ${JSON.stringify(join(import.meta.dirname, "sqlite-records.ts"))};
    import { aClaim } from ${JSON.stringify(join(import.meta.dirname, "../../../test/idempotency/records-contract.ts"))};
    const { idempotency } = new SqliteRecords(process.argv[1]);
    const digests = Array.from({ length: 400 }, (_, i) => new Uint8Array(32).fill(i & 255, 0, 1).fill(i >> 8, 1));
    process.stdout.write("ready\\n");
    await new Promise((resolve) => process.stdin.once("data", resolve));
    const kinds = [];
    for (let from = 0; from < digests.length; from += 8) {
      const claims = digests.slice(from, from + 8).map((digest) => ({ kind: "claim", owner: String(process.pid), claim: aClaim({ digest }) }));
      kinds.push(...(await idempotency.apply(claims)).map(({ kind }) => kind));
    }
    process.stdout.write(JSON.stringify(kinds) + "\\n");
  `;

  test("give each key to one of 4 processes that ask for it at once", async () => {
    const file = join(folder, "race.db");
    await new SqliteRecords(file).close();
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ["--input-type=module-typescript", "-e", RACE, file], {
        stdio: ["pipe", "pipe", "inherit"],
      }),
    );
    try {
      const lines = children.map((child) => createInterface(child.stdout)[Symbol.asyncIterator]());
      for (const line of lines) assert.equal((await line.next()).value, "ready");
      for (const { stdin } of children) stdin.write("go\n");
      const found = await Promise.all(
        lines.map(async (line) => JSON.parse((await line.next()).value as string) as string[]),
      );
      for (let key = 0; key < 400; key++) {
        const kinds = found.map((one) => one[key]).sort();
        assert.deepEqual(kinds, ["claimed", "running", "running", "running"], `key ${key}`);
      }
    } finally {
      for (const child of children) child.kill("SIGKILL");
    }
  });
});

describe("idempotency records of a process that is killed", { skip: NO_PROC }, () => {
  const CLAIM = `
    import { SqliteRecords } from ${JSON.stringify(join(import.meta.dirname, "sqlite-records.ts"))};
    import { aClaim, laneOf } from ${JSON.stringify(join(import.meta.dirname, "../../../test/idempotency/records-contract.ts"))};
    const { idempotency } = new SqliteRecords(process.argv[1]);
    const digest = new Uint8Array(Buffer.from(process.argv[2], "hex"));
    process.stdout.write((await laneOf(idempotency).claim(aClaim({ digest }))).kind + "\\n");
    setInterval(() => {}, 1_000);
  `;

  test("are running while it lives, and unknown as soon as it is dead, without anybody's waiting for a lease", async () => {
    const file = join(folder, "killed.db");
    const records = new SqliteRecords(file);
    after(() => records.close());
    const claim = aClaim();
    const digest = Buffer.from(claim.digest).toString("hex");
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", CLAIM, file, digest], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [said] = (await once(child.stdout, "data")) as [Buffer];
      assert.equal(said.toString(), "claimed\n");
      const lane = laneOf(records.idempotency);
      assert.equal((await lane.claim(aClaim({ digest: claim.digest }))).kind, "running");
      child.kill("SIGKILL");
      await once(child, "exit");
      assert.equal((await lane.claim(aClaim({ digest: claim.digest }))).kind, "unknown");
      const again = await lane.claim(aClaim({ digest: claim.digest, again: true }));
      assert.equal(await lane.finish(tokenOf(again)), true);
    } finally {
      child.kill("SIGKILL");
    }
  });

  test("are not another's that has its pid by now", () => {
    const [boot, namespace, pid, started] = processName.split("/");
    assert.equal(hasEnded(processName), false);
    assert.equal(hasEnded([boot, namespace, pid, Number(started) - 1].join("/")), true);
    // Pids of another boot or another container say nothing here.
    assert.equal(hasEnded(["other-boot", namespace, pid, "1"].join("/")), false);
    assert.equal(hasEnded([boot, "1", pid, "1"].join("/")), false);
  });
});
