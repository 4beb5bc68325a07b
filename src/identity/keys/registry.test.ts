import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { HandClock } from "../../../test/harness/hand-clock.ts";
import { someKey, type TempStore, tempStore } from "../../../test/harness/store.ts";
import { secretDigest } from "../../core/keys.ts";
import type { Records } from "../../core/records.ts";
import type { KeyMemory } from "./layout.ts";
import { type KeyRegistry, openKeyRegistry } from "./registry.ts";
import { KeyTable } from "./table.ts";

const MINUTE = 60_000;

describe("the registry of issued keys", () => {
  let store: TempStore;
  let ours: Records;
  let others: Records;
  let clock: HandClock;
  let table: KeyTable;
  let registry: KeyRegistry;
  let errors: string[] = [];
  beforeEach(async () => {
    store = await tempStore();
    [ours, others] = [await store.open(), await store.open()];
    clock = new HandClock();
    table = new KeyTable();
    errors = [];
  });
  afterEach(async () => {
    await registry.close().catch(() => {});
    await store.remove();
  });

  async function start(records = ours): Promise<void> {
    const log = {
      info: () => {},
      warn: () => {},
      error: (_: unknown, message: string) => errors.push(message),
    };
    const publish = (memory: KeyMemory) => table.receive(memory);
    registry = await openKeyRegistry({ records, clock, ticker: clock, log, publish });
  }
  async function pass(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 100) {
      clock.advance(100);
      await turn();
    }
  }
  const standing = (secret: string) => table.find(secretDigest(secret))?.standing(clock.wall());

  test("hands over what there is when it starts", async () => {
    const { key, secret } = someKey();
    await others.keys.create(key, "test");
    await start();
    assert.equal(standing(secret), "active");
  });

  test("notices within a second what another process issues, rotates and revokes", async () => {
    await start();
    const { key, secret } = someKey();
    await others.keys.create(key, "test");
    await pass(900);
    assert.equal(standing(secret), "active");
    const next = someKey();
    const at = clock.wall();
    await others.keys.rotate({ id: key.id, secret: next.key.secret, at, overlapUntil: at + 10_000 }, "test");
    await pass(900);
    assert.deepEqual([standing(secret), standing(next.secret)], ["active", "active"]);
    await pass(10_000);
    assert.deepEqual([standing(secret), standing(next.secret)], ["expired", "active"]);
    await others.keys.revoke(key.id, clock.wall(), "test");
    await pass(900);
    assert.deepEqual([standing(secret), standing(next.secret)], ["revoked", "revoked"]);
  });

  test("goes by its own process's change as soon as it is told to refresh", async () => {
    await start();
    const { key, secret } = someKey();
    await ours.keys.create(key, "test");
    await registry.refresh();
    assert.equal(standing(secret), "active");
  });

  test("writes down once a minute which keys were used, and what is left when it closes", async () => {
    const [one, two] = [someKey(), someKey()];
    await ours.keys.createMany([one.key, two.key], "test");
    await start();
    const used = async (id: string) => (await others.keys.get(id))?.secrets[0]?.lastUsedAt;
    table.find(secretDigest(one.secret))?.markUsed(clock.wall());
    await pass(MINUTE - 200);
    assert.equal(await used(one.key.id), null);
    assert.notEqual(registry.usedAt(one.key.secret.digest), null);
    await pass(400);
    assert.notEqual(await used(one.key.id), null);
    table.find(secretDigest(two.secret))?.markUsed(clock.wall());
    await registry.close();
    assert.notEqual(await used(two.key.id), null);
  });

  test("says once that the store fails, serves on from memory, and catches up afterwards", async () => {
    const { key, secret } = someKey();
    await ours.keys.create(key, "test");
    let broken = false;
    const changed = async () => {
      if (broken) throw new Error("disk I/O error");
      return ours.changed();
    };
    await start({
      keys: ours.keys,
      audit: ours.audit,
      adminToken: ours.adminToken,
      secrets: ours.secrets,
      revocations: ours.revocations,
      idempotency: ours.idempotency,
      events: ours.events,
      changed,
      close: ours.close,
    });
    broken = true;
    await others.keys.revoke(key.id, clock.wall(), "test");
    await pass(2_000);
    assert.deepEqual(errors, ["the records store cannot be read or written"]);
    assert.equal(standing(secret), "active");
    broken = false;
    await pass(200);
    assert.equal(standing(secret), "revoked");
  });
});
