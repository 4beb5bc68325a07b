import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { someKey, tempStore } from "../../../test/harness/store.ts";
import { openRecords } from "./open.ts";

const NO_PROC = process.platform === "linux" ? false : "only Linux has /proc";
const stores: Awaited<ReturnType<typeof tempStore>>[] = [];
after(async () => {
  for (const store of stores) await store.remove();
});
async function store() {
  const made = await tempStore();
  stores.push(made);
  return made;
}

describe("a records store", () => {
  test("is readable by its user only, and makes the folders on the way", async () => {
    const { file } = await store();
    const nested = join(dirname(file), "a/b/c.db");
    await (await openRecords(nested)).close();
    assert.equal(statSync(nested).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(nested)).mode & 0o777, 0o700);
  });

  test("that is a file of another kind is refused by name and left as it is", async () => {
    const { file } = await store();
    writeFileSync(file, "not a database, ".repeat(1000));
    await assert.rejects(openRecords(file), (error: Error) => {
      assert.match(error.message, /records\.db cannot be used: it is a file of another kind/);
      return true;
    });
    assert.ok(readFileSync(file, "utf8").startsWith("not a database"));
  });

  test("that is a folder, or lies under a file, is refused in a sentence", async () => {
    const { file } = await store();
    mkdirSync(file);
    await assert.rejects(openRecords(file), /cannot be used: it is a folder/);
    writeFileSync(join(dirname(file), "plain"), "");
    await assert.rejects(openRecords(join(dirname(file), "plain/x.db")), /is a file, not a folder/);
  });

  test("in a folder that the system does not let anybody make is refused, too", {
    skip: NO_PROC,
  }, async () => {
    await assert.rejects(openRecords("/proc/no/such/x.db"), /its folder cannot be made/);
  });

  for (const [what, replace] of [
    ["deleted", () => {}],
    ["replaced by another", copyFileSync],
  ] as const)
    test(`that has been ${what} under the gateway takes nothing more: it would be lost`, async () => {
      const { file, open } = await store();
      const records = await open();
      renameSync(file, `${file}.old`);
      replace(`${file}.old`, file);
      await assert.rejects(records.keys.create(someKey().key, "test"), /has been deleted or replaced/);
      await records.close();
    });

  test("that a newer version has written is not touched", async () => {
    const { file, open } = await store();
    await (await open()).close();
    const database = new DatabaseSync(file);
    database.exec("PRAGMA user_version = 999");
    database.close();
    await assert.rejects(openRecords(file), /written by a newer version/);
  });

  test("can be made by several processes at the same time", async () => {
    const { file } = await store();
    const script = `import { openRecords } from ${JSON.stringify(join(import.meta.dirname, "open.ts"))};
      const records = await openRecords(${JSON.stringify(file)}); await records.keys.count(); await records.close();`;
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
        stdio: ["ignore", "ignore", "pipe"],
      }),
    );
    let complaints = "";
    for (const child of children) child.stderr?.on("data", (chunk) => (complaints += chunk));
    const codes = await Promise.all(children.map(async (child) => (await once(child, "close"))[0]));
    assert.deepEqual(codes, [0, 0, 0, 0], complaints);
  });

  test("keeps what it has confirmed when its process is killed", async () => {
    const { file, open } = await store();
    const script = `import { openRecords } from ${JSON.stringify(join(import.meta.dirname, "open.ts"))};
      import { someKey } from ${JSON.stringify(join(import.meta.dirname, "../../../test/harness/store.ts"))};
      const records = await openRecords(${JSON.stringify(file)});
      for (;;) { const { key } = someKey(); await records.keys.create(key, "test"); process.stdout.write(key.id + "\\n"); }`;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let confirmed = "";
    await new Promise<void>((resolve) => {
      child.stdout.on("data", (chunk) => {
        confirmed += chunk;
        if (confirmed.split("\n").length > 20) resolve();
      });
    });
    child.kill("SIGKILL");
    await once(child, "close");
    const records = await open();
    const ids = confirmed.slice(0, confirmed.lastIndexOf("\n")).split("\n");
    for (const id of ids) assert.equal((await records.keys.get(id))?.id, id);
  });

  test("has no secret in any of its files", async () => {
    const place = await store();
    const { keys } = await place.open();
    const { key, secret } = someKey({ name: "canary" });
    await keys.create(key, "test");
    const files = readdirSync(dirname(place.file)).map((name) => join(dirname(place.file), name));
    const bytes = Buffer.concat(files.filter((file) => existsSync(file)).map((file) => readFileSync(file)));
    assert.ok(bytes.includes(key.id), "the key is in there");
    assert.ok(!bytes.includes(secret) && !bytes.includes(secret.slice(8, 38)));
  });
});
