import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import type { KeyStanding } from "../../core/keys.ts";
import { secretDigest } from "../../core/keys.ts";
import { type IssuedSecret, writeAttributes } from "../../core/records.ts";
import { MINUTE_MS, ROWS_PER_SEGMENT } from "./layout.ts";
import { KeyTable } from "./table.ts";
import { KeyWriter } from "./writer.ts";

const digest = (number: number): string => secretDigest(`secret ${number}`);

function secret(number: number, state: Partial<IssuedSecret> = {}): IssuedSecret {
  const attributes = writeAttributes({
    id: `key_${number}`,
    consumer: `consumer ${number % 7}`,
    scopes: number % 2 === 0 ? [] : ["a", "b:c"],
    plan: "",
    environment: number % 3 === 0 ? "test" : "live",
    restrictions: { ipRanges: number % 5 === 0 ? ["10.0.0.0/8"] : [], methods: [], routes: [] },
  });
  const base = { ref: number, revokedAt: null, expiresAt: null, lastUsedAt: null, attributes };
  return { ...base, digest: Buffer.from(digest(number), "latin1").toString("hex"), ...state };
}

function tableOf(writer: KeyWriter): KeyTable {
  const table = new KeyTable();
  table.receive(writer.memory());
  return table;
}

describe("the table of issued keys", () => {
  test("is empty until it is told of any memory", () => {
    assert.equal(new KeyTable().find(digest(1)), null);
  });

  test("knows every key as it was issued, and no other", () => {
    const writer = new KeyWriter(4);
    for (let i = 0; i < 100; i++) writer.put(secret(i));
    const table = tableOf(writer);
    const key = table.find(digest(15));
    assert.equal(key?.principal.id, "key_15");
    assert.equal(key?.principal.consumer, "consumer 1");
    assert.deepEqual([...(key?.principal.scopes ?? [])], ["a", "b:c"]);
    assert.equal(key?.environment, "test");
    assert.equal(key?.restrictions?.allowAddress("192.0.2.1"), false);
    assert.equal(table.find(digest(16))?.restrictions, null);
    assert.equal(table.find(digest(100)), null);
  });

  test("says of every key what was said last, whatever was said before and in between", () => {
    const change = fc.record({
      number: fc.nat(40),
      revoked: fc.boolean(),
      expires: fc.constantFrom(null, 50_000, 150_000),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const writer = new KeyWriter(1);
        const table = tableOf(writer);
        const expected = new Map<number, KeyStanding>();
        for (const { number, revoked, expires } of changes) {
          writer.put(secret(number, { revokedAt: revoked ? 1 : null, expiresAt: expires }));
          expected.set(number, revoked ? "revoked" : expires === 50_000 ? "expired" : "active");
          // Found in between, so that what a thread has decoded before a change is asked again after it.
          assert.equal(table.find(digest(number))?.standing(100_000), expected.get(number));
        }
        for (let number = 0; number <= 40; number++)
          assert.equal(table.find(digest(number))?.standing(100_000), expected.get(number));
      }),
    );
  });

  test("expires a key in the second that was said, not before", () => {
    const writer = new KeyWriter(1);
    writer.put(secret(1, { expiresAt: 90_000 }));
    const key = tableOf(writer).find(digest(1));
    assert.deepEqual([key?.standing(89_999), key?.standing(90_000)], ["active", "expired"]);
  });

  test("keeps what was found before it outgrew its first memory", () => {
    const count = ROWS_PER_SEGMENT + 5_000;
    const writer = new KeyWriter(1);
    writer.put(secret(0));
    const table = tableOf(writer);
    const early = table.find(digest(0));
    for (let i = 1; i < count; i++) {
      writer.put(secret(i));
      if (writer.takeGrown()) table.receive(writer.memory());
    }
    for (let i = 0; i < count; i += 97) assert.equal(table.find(digest(i))?.principal.id, `key_${i}`);
    assert.equal(table.find(digest(count - 1))?.principal.id, `key_${count - 1}`);
    writer.put(secret(0, { revokedAt: 1 }));
    assert.equal(early?.standing(0), "revoked");
  });

  test("goes by the memory of a new writer at once, not by what it has decoded of the one before", () => {
    const [before, after] = [new KeyWriter(1), new KeyWriter(1)];
    before.put(secret(1));
    after.put(secret(1, { revokedAt: 5 }));
    const table = tableOf(before);
    assert.equal(table.find(digest(1))?.standing(0), "active");
    table.receive(after.memory());
    assert.equal(table.find(digest(1))?.standing(0), "revoked");
  });

  test("tells the writer which keys were used, to the minute and once", () => {
    const writer = new KeyWriter(1);
    for (let i = 0; i < 3; i++) writer.put(secret(i, i === 2 ? { lastUsedAt: 5 * MINUTE_MS } : {}));
    const table = tableOf(writer);
    table.find(digest(1))?.markUsed(7 * MINUTE_MS + 1234);
    table.find(digest(2))?.markUsed(4 * MINUTE_MS);
    assert.equal(writer.usedAt(secret(1).digest), 7 * MINUTE_MS);
    assert.deepEqual(writer.takeUses(0, 10), [[1, 7 * MINUTE_MS]]);
    assert.deepEqual(writer.takeUses(0, 10), []);
  });

  test("shows a revocation to a thread that nobody tells of it", async () => {
    const writer = new KeyWriter(1);
    writer.put(secret(1));
    const worker = new Worker(new URL("../../../test/keys/table-worker.ts", import.meta.url), {
      workerData: { memory: writer.memory(), digest: digest(1) },
    });
    const [first] = (await once(worker, "message")) as [KeyStanding];
    assert.equal(first, "active");
    writer.put(secret(1, { revokedAt: 1 }));
    const [second] = (await once(worker, "message")) as [KeyStanding];
    assert.equal(second, "revoked");
    await once(worker, "exit");
  });
});
