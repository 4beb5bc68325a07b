/** What revocations must hold to in every database. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RevocationRecord } from "../../src/core/records.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

const revocation = (changes: Partial<RevocationRecord> = {}): Omit<RevocationRecord, "liftedAt"> => ({
  id: "rev_any",
  issuer: "",
  tokenId: "t-1",
  subject: "",
  before: 0,
  createdAt: 1000,
  expiresAt: 5000,
  ...changes,
});

export function revocationsContract({ name, newStore }: StoreUnderTest): void {
  describe(`revocations on ${name}`, () => {
    test("are there on the next connection, and as they were", async () => {
      const store = await newStore();
      const first = await store.open();
      const added = await first.revocations.add(revocation({ id: "rev_a" }), "cli:x");
      const second = await store.open();
      assert.deepEqual(await second.revocations.loadChanges(), [added]);
      assert.deepEqual(added, { ...revocation({ id: "rev_a" }), liftedAt: null });
    });

    test("are seen by another connection, each change once", async () => {
      const store = await newStore();
      const [writer, reader] = [await store.open(), await store.open()];
      assert.deepEqual(await reader.revocations.loadChanges(), []);
      await writer.revocations.add(revocation({ id: "rev_a" }), "admin");
      assert.deepEqual(
        (await reader.revocations.loadChanges()).map(({ id }) => id),
        ["rev_a"],
      );
      assert.deepEqual(await reader.revocations.loadChanges(), []);
      assert.equal(await writer.revocations.lift("rev_a", 2000, "admin"), true);
      assert.equal((await reader.revocations.loadChanges())[0]?.liftedAt, 2000);
      assert.equal(await writer.revocations.lift("rev_a", 2000, "admin"), false);
    });

    test("of the same tokens are one: the later time and the longer life hold, and lifted ones hold again", async () => {
      const records = await (await newStore()).open();
      const { revocations } = records;
      const subject = { tokenId: "", subject: "ann" };
      await revocations.add(revocation({ id: "rev_a", ...subject, before: 3000, expiresAt: 9000 }), "admin");
      await revocations.lift("rev_a", 1500, "admin");
      const again = await revocations.add(
        revocation({ id: "rev_b", ...subject, before: 2000, expiresAt: 8000 }),
        "admin",
      );
      assert.deepEqual(
        [again.id, again.before, again.expiresAt, again.liftedAt],
        ["rev_a", 3000, 9000, null],
      );
      const other = await revocations.add(revocation({ id: "rev_c", ...subject, issuer: "i" }), "admin");
      assert.equal(other.id, "rev_c");
      assert.deepEqual(
        (await revocations.list({ limit: 9 })).map(({ id }) => id),
        ["rev_c", "rev_a"],
      );
      assert.deepEqual(
        (await revocations.list({ limit: 1, before: "rev_c" })).map(({ id }) => id),
        ["rev_a"],
      );
    });

    test("are forgotten when they have expired, and a minute after they were lifted", async () => {
      const records = await (await newStore()).open();
      const { revocations } = records;
      await revocations.add(revocation({ id: "rev_a", expiresAt: 5000 }), "admin");
      await revocations.add(revocation({ id: "rev_b", tokenId: "t-2", expiresAt: 1e9 }), "admin");
      await revocations.lift("rev_b", 10_000, "admin");
      await revocations.forget(4999);
      assert.notEqual(await revocations.get("rev_a"), null);
      await revocations.forget(5000);
      assert.equal(await revocations.get("rev_a"), null);
      assert.notEqual(await revocations.get("rev_b"), null);
      await revocations.forget(70_000);
      assert.equal(await revocations.get("rev_b"), null);
    });

    test("are in the audit", async () => {
      const records = await (await newStore()).open();
      await records.revocations.add(revocation({ id: "rev_a" }), "cli:x");
      await records.revocations.lift("rev_a", 2000, "admin@127.0.0.1");
      const entries = await records.audit.list({ limit: 9 });
      assert.deepEqual(
        entries.map(({ action, actor, subject }) => [action, actor, subject]),
        [
          ["revocation.lift", "admin@127.0.0.1", "rev_a"],
          ["revocation.create", "cli:x", "rev_a"],
        ],
      );
    });
  });
}
