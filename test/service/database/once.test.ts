/** Exactly once, at the level of transactions: records of keys that commit with what they are for. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import type { Database, Parameter, Work } from "../../../src/core/database.ts";
import type { ResourceEvent } from "../../../src/core/resource.ts";
import { eventPart, eventValues, insertEvent } from "../../../src/service/resources/events.ts";
import {
  PostgresOnce,
  RECORD_VALUES,
  recordPart,
  recordValues,
} from "../../../src/service/resources/once-postgres.ts";
import type { OnceRecords } from "../../../src/service/resources/once-records.ts";
import { SqliteOnce } from "../../../src/service/resources/once-sqlite.ts";
import type { KeptAnswer, Keyed, Repetition } from "../../../src/service/resources/store.ts";
import { type Dialect, type NewDatabase, onBothDatabases, patiently } from "../../harness/databases.ts";

const HOUR = 3_600_000;

let keys = 0;
function newKey(changes: Partial<Keyed> = {}): Keyed {
  const number = ++keys;
  return {
    digest: randomBytes(32),
    fingerprint: randomBytes(32),
    id: `idem_${number}`,
    requestId: `req_${number}`,
    keep: HOUR,
    ...changes,
  };
}

const retried = (keyed: Keyed): Keyed => newKey({ digest: keyed.digest, fingerprint: keyed.fingerprint });
const answer = (text: string): KeptAnswer => ({ status: 201, answer: Buffer.from(text) });
const replay = ({ requestId }: Keyed, text: string): unknown => ({
  kind: "replay",
  requestId,
  status: 201,
  text,
});

/** With the answer as text: the databases have bytes of different classes. */
function readable(found: object | null | undefined): unknown {
  if (!found || !("answer" in found)) return found;
  const { answer, ...rest } = found;
  return { ...rest, text: Buffer.from(answer as Uint8Array).toString() };
}

const event = (id: string): ResourceEvent => ({
  id: `evt_${id}`,
  type: "thing.created",
  resource: "things",
  objectId: id,
  owner: "acme",
  at: 1_000,
  data: { id, quote: "it's" },
  previous: null,
});

interface Bench extends NewDatabase {
  readonly once: OnceRecords;
  /** Creates a thing, once; what it was answered with. */
  create(database: Database, keyed: Keyed, id: string, then?: () => void): Promise<string | Repetition>;
  rows(): Promise<unknown[]>;
}

async function bench({ name, newDatabase }: Dialect, wall: () => number = Date.now): Promise<Bench> {
  const made = await newDatabase();
  const once = name === "sqlite" ? new SqliteOnce(wall) : new PostgresOnce();
  await made.database.run({ text: "CREATE TABLE things (id text PRIMARY KEY)" }, []);
  return {
    ...made,
    once,
    create: (database, keyed, id, then) =>
      patiently(() =>
        database.write(function* (): Work<string | Repetition> {
          const repetition = yield* once.claim(keyed);
          if (repetition !== null) return repetition;
          yield { statement: { text: "INSERT INTO things VALUES ($1)" }, values: [id] };
          yield insertEvent(name, event(id));
          then?.();
          yield once.finish(keyed, answer(id));
          return id;
        }),
      ),
    rows: async () =>
      (await made.database.query({ text: "SELECT id FROM things ORDER BY id" }, [])).map(([id]) => id),
  };
}

async function found({ once, database }: Bench, keyed: Keyed): Promise<unknown> {
  const { statement, values } = once.find(keyed);
  return readable(once.read(await database.query(statement, values), keyed));
}

onBothDatabases((dialect) => {
  describe("a record of a key", () => {
    test("is there with the row and the event, or none of them is", async () => {
      const made = await bench(dialect);
      const [done, undone] = [newKey(), newKey()];
      assert.equal(await found(made, done), null);
      assert.equal(await made.create(made.database, done, "one"), "one");
      const failed = made.create(made.database, undone, "two", () => {
        throw new Error("no");
      });
      await assert.rejects(failed, /^Error: no$/);
      assert.deepEqual(await found(made, retried(done)), replay(done, "one"));
      assert.equal(await found(made, undone), null);
      assert.deepEqual(await made.rows(), ["one"]);
      const events = await made.records.events.list({ limit: 10 });
      assert.deepEqual(events, [event("one")]);
      assert.equal(await made.create(made.database, undone, "two"), "two");
    });

    test("makes 200 requests at the same time, of two processes, one: all others get its answer", async () => {
      const made = await bench(dialect);
      const databases = [made.database, await made.open()];
      const key = newKey();
      const all = await Promise.all(
        Array.from({ length: 200 }, (_, at) =>
          made.create(databases[at % 2] as Database, retried(key), `thing ${at}`),
        ),
      );
      const [id] = (await made.rows()) as string[];
      assert.equal((await made.rows()).length, 1);
      const [first] = all.filter((one) => typeof one === "string");
      assert.equal(first, id);
      const others = all.filter((one) => typeof one !== "string");
      assert.equal(others.length, 199);
      for (const other of others)
        assert.equal(other.kind === "replay" && Buffer.from(other.answer).toString(), id);
      assert.equal((await made.records.events.list({ limit: 10 })).length, 1);
    });

    test("leaves the key free where the first of those who came together failed", async () => {
      const made = await bench(dialect);
      const key = newKey();
      let failed = 0;
      const settled = await Promise.allSettled(
        Array.from({ length: 20 }, (_, at) =>
          made.create(made.database, retried(key), `thing ${at}`, () => {
            if (failed++ < 3) throw new Error("no");
          }),
        ),
      );
      assert.equal(settled.filter(({ status }) => status === "rejected").length, 3);
      assert.equal((await made.rows()).length, 1);
    });

    test("stands for one request only", async () => {
      const made = await bench(dialect);
      const key = newKey();
      await made.create(made.database, key, "one");
      const other = newKey({ digest: key.digest });
      const reused = { kind: "reused", requestId: key.requestId };
      assert.deepEqual(await made.create(made.database, other, "two"), reused);
      assert.deepEqual(await found(made, other), reused);
    });

    test("that has expired is none, whoever asks", async () => {
      let now = Date.now();
      const made = await bench(dialect, () => now);
      const key = newKey();
      await made.create(made.database, key, "one");
      // A file goes by the clock of whoever asks, PostgreSQL by its own.
      if (dialect.name === "sqlite") now += HOUR;
      else await made.database.run({ text: "UPDATE turnpike.idempotency SET expires_at = 0" }, []);
      assert.equal(await found(made, retried(key)), null);
      const again = retried(key);
      assert.equal(await made.create(made.database, again, "two"), "two");
      assert.deepEqual(await found(made, retried(key)), replay(again, "two"));
      assert.deepEqual(await made.rows(), ["one", "two"]);
    });

    test("is one for the gateway's own requests, too: neither carries out what the other has", async () => {
      const made = await bench(dialect);
      const { idempotency } = made.records;
      const ours = newKey();
      await made.create(made.database, ours, "one");
      const claim = { kind: "claim" as const, owner: "lane", claim: { ...retried(ours), again: false } };
      const [finished] = await idempotency.apply([claim]);
      assert.deepEqual(readable(Object(finished)), { ...Object(replay(ours, "one")), kind: "finished" });

      const theirs = newKey();
      await idempotency.renew(["lane"]);
      const [claimed] = await idempotency.apply([
        { kind: "claim", owner: "lane", claim: { ...theirs, again: false } },
      ]);
      assert.ok(typeof claimed === "object" && claimed.kind === "claimed");
      const status = await idempotency.status(theirs.id);
      const { id, requestId } = theirs;
      const running = { kind: "running", id, requestId, since: status?.since };
      assert.deepEqual(await made.create(made.database, retried(theirs), "two"), running);
      await idempotency.abandon("lane");
      const unknown = { ...running, kind: "unknown" };
      assert.deepEqual(await made.create(made.database, retried(theirs), "two"), unknown);
      await idempotency.apply([{ kind: "finish", token: claimed.token, status: 200, answer: null }]);
      const unkept = { kind: "unkept", id, requestId, status: 200 };
      assert.deepEqual(await found(made, retried(theirs)), unkept);
      assert.deepEqual(await made.rows(), ["one"]);
    });

    test("can be looked at, forgotten and swept away like others", async () => {
      const made = await bench(dialect);
      const { idempotency } = made.records;
      const [kept, forgotten, old] = [newKey(), newKey(), newKey({ keep: -1 })];
      for (const [at, key] of [kept, forgotten, old].entries())
        await made.create(made.database, key, `thing ${at}`);
      const status = await idempotency.status(kept.id);
      assert.deepEqual([status?.state, status?.status, status?.requestId], ["finished", 201, kept.requestId]);
      assert.equal((status?.expiresAt ?? 0) - (status?.since ?? 0), HOUR);
      assert.equal(await idempotency.forget(forgotten.id, 1, "test"), true);
      assert.equal(await found(made, forgotten), null);
      assert.equal(await idempotency.sweep(10), 1);
      assert.notEqual(await found(made, retried(kept)), null);
    });
  });

  describe("events", () => {
    test("are listed page by page, newest first, found by id, and swept when they are old", async () => {
      const made = await bench(dialect);
      const { events } = made.records;
      const changed = { ...event("3"), at: 3_000, previous: { quote: null } };
      for (const one of [event("1"), { ...event("2"), at: 2_000 }, changed]) {
        const { statement, values } = insertEvent(dialect.name, one);
        await made.database.run(statement, values);
      }
      const ids = async (before?: string) => (await events.list({ limit: 2, before })).map(({ id }) => id);
      assert.deepEqual(
        [await ids(), await ids("evt_2"), await ids("evt_1")],
        [["evt_3", "evt_2"], ["evt_1"], []],
      );
      assert.deepEqual(await events.get("evt_3"), changed);
      assert.equal(await events.get("evt_4"), null);
      assert.deepEqual(
        [await events.sweep(2_001, 1), await events.sweep(2_001, 5), await events.sweep(2_001, 5)],
        [1, 1, 0],
      );
      assert.deepEqual(await ids(), ["evt_3"]);
    });
  });

  if (dialect.name === "postgres") statementContract(dialect);
});

function statementContract(dialect: Dialect): void {
  describe("one statement with a record, a row and an event", () => {
    /** `wanted`: whether what the row refers to is there. */
    const text = `WITH allowed AS (SELECT WHERE $1::boolean),
      record AS (${recordPart(2, "WHERE EXISTS (SELECT FROM allowed)")}),
      row AS (INSERT INTO things SELECT $${RECORD_VALUES + 2} FROM record RETURNING 1),
      event AS (${eventPart(RECORD_VALUES + 3, "FROM row")})
      SELECT (SELECT count(*)::int4 FROM allowed), (SELECT count(*)::int4 FROM record), (SELECT count(*)::int4 FROM row)`;

    async function create(database: Database, keyed: Keyed, id: string, wanted = true): Promise<Parameter[]> {
      const values = [wanted, ...recordValues(keyed, answer(id)), id, ...eventValues(event(id))];
      const rows = await patiently(() => database.run({ name: "create", text }, values));
      return [...(rows[0] ?? [])];
    }

    test("writes all of them or none", async () => {
      const made = await bench(dialect);
      const key = newKey();
      assert.deepEqual(await create(made.database, key, "one", false), [0, 0, 0]);
      assert.equal(await found(made, key), null);
      assert.deepEqual(await create(made.database, key, "one"), [1, 1, 1]);
      assert.deepEqual(await create(made.database, retried(key), "two"), [1, 0, 0]);
      await assert.rejects(create(made.database, newKey(), "one"), /unique/);
      assert.deepEqual(await made.rows(), ["one"]);
      assert.deepEqual(await made.records.events.list({ limit: 5 }), [event("one")]);
    });

    test("is carried out by one of 200 at the same time, of two processes", async () => {
      const made = await bench(dialect);
      const databases = [made.database, await made.open()];
      const key = newKey();
      const all = await Promise.all(
        Array.from({ length: 200 }, (_, at) => create(databases[at % 2] as Database, retried(key), `${at}`)),
      );
      assert.equal(all.filter(([, record]) => record === 1).length, 1);
      assert.equal((await made.rows()).length, 1);
      assert.equal((await made.records.events.list({ limit: 5 })).length, 1);
    });
  });
}
