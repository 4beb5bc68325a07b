/** What keys, what is remembered of their making, and the admin token must hold to in every database. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { someKey } from "../harness/store.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

const DAY = 86_400_000;

export function keysContract({ name, newStore }: StoreUnderTest): void {
  describe(`keys on ${name}`, () => {
    test("come back as they were issued, newest first, page by page, with every filter", async () => {
      const { keys } = await (await newStore()).open();
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
      const { keys, audit } = await (await newStore()).open();
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
      const { keys } = await (await newStore()).open();
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
      const place = await newStore();
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
      const { keys } = await (await newStore()).open();
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
      const { keys } = await (await newStore()).open();
      const same = someKey().key;
      await assert.rejects(keys.createMany([someKey().key, same, same], "test"));
      assert.equal(await keys.count(), 0);
      assert.equal(await keys.createMany([someKey().key, same], "test"), 2);
      assert.equal(await keys.count(), 2);
    });
  });

  describe(`a request that is remembered on ${name}`, () => {
    const once = { digest: "aa".repeat(32), fingerprint: "bb".repeat(32), salt: "cc".repeat(32) };

    test("is found for a day, with the key that it made, and makes no second one", async () => {
      const { keys } = await (await newStore()).open();
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

  describe(`the admin token's record on ${name}`, () => {
    test("is set first by one, and replaced by whoever asks for it", async () => {
      const { adminToken } = await (await newStore()).open();
      assert.equal(await adminToken.get(), null);
      assert.equal(await adminToken.setFirst("11".repeat(32), 1, "a"), true);
      assert.equal(await adminToken.setFirst("22".repeat(32), 2, "b"), false);
      assert.equal(await adminToken.get(), "11".repeat(32));
      await adminToken.set("33".repeat(32), 3, "c");
      assert.equal(await adminToken.get(), "33".repeat(32));
    });
  });

  describe(`a secret that processes have in common, on ${name}`, () => {
    test("is the one that was kept first, for everybody who comes with another", async () => {
      const store = await newStore();
      const [one, other] = await Promise.all([store.open(), store.open()]);
      const kept = await Promise.all(
        [one, other, one, other].map((records, n) => records.secrets.keep("cursors", Buffer.alloc(32, n))),
      );
      for (const secret of kept) assert.deepEqual(Buffer.from(secret), Buffer.from(kept[0] ?? []));
      const another = await other.secrets.keep("others", Buffer.alloc(32, 9));
      assert.deepEqual(Buffer.from(another), Buffer.alloc(32, 9));
    });
  });
}
