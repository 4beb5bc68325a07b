import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { someKey, tempStore } from "../../../test/harness/store.ts";
import { openRecords } from "./open.ts";

const DAY = 86_400_000;
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
});

describe("keys in the store", () => {
  test("come back as they were issued, newest first, page by page, with every filter", async () => {
    const { keys } = await (await store()).open();
    const issued = [];
    for (let i = 0; i < 7; i++) {
      const { key } = someKey({
        consumer: i % 2 === 0 ? "even" : "odd",
        environment: i < 3 ? "test" : "live",
        name: `nº ${i}`,
        plan: "gold",
        scopes: i === 0 ? [] : ["a", "b:c"],
        restrictions: { ipRanges: i === 1 ? ["10.0.0.0/8"] : [], methods: [], routes: [] },
        expiresAt: Date.UTC(2027, 0, 1),
      });
      await keys.create(key, "test");
      issued.unshift(key);
    }
    const first = await keys.list({}, { limit: 4 });
    const rest = await keys.list({}, { limit: 4, before: first.at(-1)?.id });
    assert.deepEqual(
      [...first, ...rest].map(({ secrets, revokedAt, ...key }) => ({
        ...key,
        last4: secrets[0]?.last4,
        revokedAt,
      })),
      issued.map(({ secret, ...key }) => ({ ...key, last4: secret.last4, revokedAt: null })),
    );
    const found = await keys.list({ consumer: "even", environment: "test" }, { limit: 10 });
    assert.deepEqual(
      found.map(({ name }) => name),
      ["nº 2", "nº 0"],
    );
  });

  test("are revoked once: the first time stays", async () => {
    const { keys, audit } = await (await store()).open();
    const { key } = someKey();
    await keys.create(key, "test");
    assert.deepEqual(
      [await keys.revoke(key.id, 5000, "a"), await keys.revoke(key.id, 9000, "b")],
      [5000, 5000],
    );
    assert.equal(await keys.revoke("key_nope", 1, "a"), null);
    assert.deepEqual(
      (await audit.list({ limit: 9 })).map(({ action, actor }) => `${action} ${actor}`),
      ["key.revoke a", "key.create test"],
    );
  });

  test("have two secrets after a rotation, of which the older one ends with the overlap", async () => {
    const { keys } = await (await store()).open();
    const { key } = someKey();
    await keys.create(key, "test");
    const { key: other } = someKey();
    const rotation = { id: key.id, secret: other.secret, at: 1000, overlapUntil: 1000 + DAY };
    assert.ok(await keys.rotate(rotation, "test"));
    const again = { ...rotation, secret: someKey().key.secret, overlapUntil: 1000 + 5 * DAY };
    assert.ok(await keys.rotate(again, "test"));
    const secrets = (await keys.get(key.id))?.secrets ?? [];
    assert.deepEqual(
      secrets.map(({ expiresAt }) => expiresAt),
      [null, 1000 + 5 * DAY, 1000 + DAY],
      "an earlier overlap is not prolonged by a later one",
    );
    await keys.revoke(key.id, 1, "test");
    assert.equal(await keys.rotate(rotation, "test"), false);
    assert.equal(await keys.rotate({ ...rotation, id: "key_nope" }, "test"), false);
  });

  test("are handed over once, and then only those that somebody has changed", async () => {
    const place = await store();
    const [mine, theirs] = [await place.open(), await place.open()];
    const keys = [someKey().key, someKey().key, someKey().key];
    for (const key of keys) await theirs.keys.create(key, "test");
    const seen: string[] = [];
    const see = ({ digest, revokedAt }: { digest: string; revokedAt: number | null }) =>
      seen.push(`${keys.findIndex(({ secret }) => secret.digest === digest.toLowerCase())} ${revokedAt}`);
    await mine.keys.load(see);
    assert.deepEqual(seen.splice(0), ["0 null", "1 null", "2 null"]);
    await mine.changed();
    assert.equal(await mine.changed(), false);
    await theirs.keys.revoke(keys[1]?.id ?? "", 7, "test");
    assert.equal(await mine.changed(), true);
    await mine.keys.loadChanges(see);
    await mine.keys.loadChanges(see);
    assert.deepEqual(seen, ["1 7"]);
  });

  test("never forget a later use for an earlier one", async () => {
    const { keys } = await (await store()).open();
    await keys.create(someKey().key, "test");
    let ref = 0;
    await keys.load((secret) => {
      ref = secret.ref;
    });
    await keys.saveLastUsed([[ref, 120_000]]);
    await keys.saveLastUsed([[ref, 60_000]]);
    assert.equal((await keys.list({}, { limit: 1 }))[0]?.secrets[0]?.lastUsedAt, 120_000);
  });

  test("are all there or none, when many are created", async () => {
    const { keys } = await (await store()).open();
    const same = someKey().key;
    await assert.rejects(keys.createMany([someKey().key, same, same], "test"));
    assert.equal(await keys.count(), 0);
    assert.equal(await keys.createMany([someKey().key, same], "test"), 2);
    assert.equal(await keys.count(), 2);
  });

  test("leave no secret in any file of the store", async () => {
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

describe("a request that is remembered", () => {
  const once = { digest: "aa".repeat(32), fingerprint: "bb".repeat(32), salt: "cc".repeat(32) };

  test("is found for a day, with the key that it made, and makes no second one", async () => {
    const { keys } = await (await store()).open();
    const { key } = someKey({}, 1000);
    await keys.create(key, "test", once);
    assert.deepEqual(await keys.remembered(once.digest, 999), { ...once, keyId: key.id });
    assert.equal(await keys.remembered(once.digest, 1000), null);
    await assert.rejects(keys.create(someKey({}, 2000).key, "test", once));
    assert.equal(await keys.count(), 1);
    await keys.create(someKey({}, 1000 + DAY).key, "test", once);
    assert.equal(await keys.count(), 2);
  });
});

describe("the admin token's record", () => {
  test("is set first by one, and replaced by whoever asks for it", async () => {
    const { adminToken } = await (await store()).open();
    assert.equal(await adminToken.get(), null);
    assert.equal(await adminToken.setFirst("11".repeat(32), 1, "a"), true);
    assert.equal(await adminToken.setFirst("22".repeat(32), 2, "b"), false);
    assert.equal(await adminToken.get(), "11".repeat(32));
    await adminToken.set("33".repeat(32), 3, "c");
    assert.equal(await adminToken.get(), "33".repeat(32));
  });
});
