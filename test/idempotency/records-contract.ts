/** What every database of idempotency records must hold to: run for SQLite and for PostgreSQL. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";
import type {
  Claim,
  Claimed,
  ClaimToken,
  IdempotencyChange,
  IdempotencyRecords,
  IdempotencyResult,
} from "../../src/core/idempotency.ts";
import type { Records } from "../../src/core/records.ts";

export interface RecordsUnderTest {
  readonly name: string;
  /** One more connection to the same database, as another process or thread has it; the suite closes it. */
  readonly open: () => Promise<Records>;
  /** Moves the database's clock; null where nobody can. */
  readonly advance: ((milliseconds: number) => void | Promise<void>) | null;
}

const DAY = 86_400_000;
/** Longer than any lease. */
const LEASE_OVER = 61_000;
const SWEEP_ALL = 1_000;

export function aClaim(different: Partial<Claim> = {}): Claim {
  return {
    digest: new Uint8Array(randomBytes(32)),
    fingerprint: new Uint8Array(32).fill(7),
    id: `idem_${randomBytes(15).toString("base64url")}`,
    requestId: `req_${randomUUID()}`,
    keep: DAY,
    again: false,
    ...different,
  };
}

/** The same request once more, from another call. */
const repeated = (claim: Claim, different: Partial<Claim> = {}): Claim =>
  aClaim({ digest: claim.digest, fingerprint: claim.fingerprint, ...different });

export const someOwner = (): string => randomUUID();

/** One lane's way to the records, a change at a time. */
export function laneOf(records: IdempotencyRecords, owner = someOwner()) {
  const one = async (change: IdempotencyChange): Promise<IdempotencyResult> => {
    const [result] = await records.apply([change]);
    return result as IdempotencyResult;
  };
  return {
    owner,
    claim: async (claim: Claim) => (await one({ kind: "claim", claim, owner })) as Claimed,
    finish: (token: ClaimToken, status = 201, answer: Uint8Array | null = ANSWER) =>
      one({ kind: "finish", token, status, answer }),
    lose: (token: ClaimToken) => one({ kind: "lose", token }),
    release: (token: ClaimToken) => one({ kind: "release", token }),
  };
}

const ANSWER = new Uint8Array([0, 1, 2, 255, 0, 254]);

export function tokenOf(claimed: Claimed): ClaimToken {
  assert.equal(claimed.kind, "claimed");
  return (claimed as Extract<Claimed, { kind: "claimed" }>).token;
}

export function recordsContract({ name, open, advance }: RecordsUnderTest): void {
  const opened: Records[] = [];
  async function connection(): Promise<IdempotencyRecords> {
    const records = await open();
    opened.push(records);
    return records.idempotency;
  }
  const TIME = advance === null ? "nobody can move its clock" : false;
  const pass = async (milliseconds: number): Promise<void> => advance?.(milliseconds);

  describe(`idempotency records on ${name}`, () => {
    after(async () => {
      for (const records of opened) await records.close();
    });

    test("give a new key to one, and tell everybody else that it is running and since when", async () => {
      const [first, second] = [laneOf(await connection()), laneOf(await connection())];
      const claim = aClaim();
      assert.deepEqual(
        { ...(await first.claim(claim)), token: null },
        { kind: "claimed", token: null, again: false },
      );
      for (const lane of [first, second, second]) {
        const found = await lane.claim(repeated(claim));
        assert.equal(found.kind, "running");
        if (found.kind !== "running") return;
        assert.equal(found.id, claim.id);
        assert.equal(found.requestId, claim.requestId);
        assert.ok(Number.isSafeInteger(found.since));
      }
    });

    test("give a key that 8 connections ask for at once, in batches with others, to exactly one of them", async () => {
      const connections = await Promise.all(Array.from({ length: 8 }, connection));
      const contested = Array.from({ length: 25 }, () => aClaim());
      const results = await Promise.all(
        connections.map((records, i) => {
          const owner = someOwner();
          // Each in another order, with keys of its own in between.
          const order = contested.map((_, n) => contested[(n * 7 + i * 3) % contested.length] as Claim);
          return records.apply(
            order.flatMap((claim): IdempotencyChange[] => [
              { kind: "claim", claim: repeated(claim), owner },
              { kind: "claim", claim: aClaim(), owner },
            ]),
          );
        }),
      );
      const kinds = results.flat().map((result) => (result as Claimed).kind);
      assert.equal(
        kinds.filter((kind) => kind === "claimed").length,
        contested.length + 8 * contested.length,
      );
      assert.equal(kinds.filter((kind) => kind === "running").length, 7 * contested.length);
    });

    test("apply the changes of one batch in their order, also to the same key", async () => {
      const records = await connection();
      const owner = someOwner();
      const claim = aClaim();
      const [first, second] = await records.apply([
        { kind: "claim", claim, owner },
        { kind: "claim", claim: repeated(claim), owner },
      ]);
      assert.equal((first as Claimed).kind, "claimed");
      assert.equal((second as Claimed).kind, "running");
      const token = tokenOf(first as Claimed);
      const rest = await records.apply([
        { kind: "release", token },
        { kind: "claim", claim: repeated(claim), owner },
        { kind: "finish", token, status: 200, answer: null },
      ]);
      assert.equal(rest[0], true);
      assert.equal((rest[1] as Claimed).kind, "claimed");
      assert.equal(rest[2], false);
    });

    test("give the answer back byte for byte, to every connection, again and again", async () => {
      const lane = laneOf(await connection());
      const other = laneOf(await connection());
      for (const answer of [ANSWER, new Uint8Array(0), new Uint8Array(randomBytes(1_200_000))]) {
        const claim = aClaim();
        assert.equal(await lane.finish(tokenOf(await lane.claim(claim)), 201, answer), true);
        for (const asking of [lane, other, other]) {
          const found = await asking.claim(repeated(claim));
          assert.equal(found.kind, "finished");
          if (found.kind !== "finished") return;
          assert.equal(found.status, 201);
          assert.equal(found.requestId, claim.requestId);
          assert.equal(Buffer.compare(found.answer, answer), 0);
        }
      }
    });

    test("say that an answer was not kept, and with which status", async () => {
      const lane = laneOf(await connection());
      const claim = aClaim();
      await lane.finish(tokenOf(await lane.claim(claim)), 202, null);
      const { id, requestId } = claim;
      assert.deepEqual(await lane.claim(repeated(claim)), { kind: "unkept", id, requestId, status: 202 });
    });

    test("know a key that comes with another request, whatever its state, and leave the record as it is", async () => {
      const lane = laneOf(await connection());
      const settle = { running: async () => {}, lose: lane.lose, finish: lane.finish };
      for (const [state, to] of Object.entries(settle)) {
        const claim = aClaim();
        await to(tokenOf(await lane.claim(claim)));
        const before = await (await connection()).status(claim.id);
        const other = repeated(claim, { fingerprint: new Uint8Array(32), again: true });
        assert.deepEqual(await lane.claim(other), { kind: "reused", requestId: claim.requestId }, state);
        assert.deepEqual(await (await connection()).status(claim.id), before);
      }
    });

    test("make a key new again that was released", async () => {
      const lane = laneOf(await connection());
      const claim = aClaim();
      assert.equal(await lane.release(tokenOf(await lane.claim(claim))), true);
      const next = await lane.claim(repeated(claim, { fingerprint: new Uint8Array(32) }));
      assert.equal(next.kind, "claimed");
      assert.equal(await (await connection()).status(claim.id), null);
    });

    test("keep an outcome that nobody knows from being tried again, unless that is asked for", async () => {
      const lane = laneOf(await connection());
      const claim = aClaim();
      await lane.lose(tokenOf(await lane.claim(claim)));
      const found = await lane.claim(repeated(claim));
      assert.equal(found.kind, "unknown");
      assert.equal(found.kind === "unknown" && found.id, claim.id);
      const again = await lane.claim(repeated(claim, { again: true }));
      assert.equal(again.kind === "claimed" && again.again, true);
      assert.equal((await lane.claim(repeated(claim, { again: true }))).kind, "running");
    });

    test("do not forget that an earlier attempt is unknown when the one that followed has done nothing", async () => {
      const lane = laneOf(await connection());
      const claim = aClaim();
      await lane.lose(tokenOf(await lane.claim(claim)));
      await lane.release(tokenOf(await lane.claim(repeated(claim, { again: true }))));
      assert.equal((await lane.claim(repeated(claim))).kind, "unknown");
    });

    test("take a claim that is said twice, because its answer was lost, for one", async () => {
      const records = await connection();
      const [lane, other] = [laneOf(records), laneOf(records)];
      const claim = aClaim();
      const token = tokenOf(await lane.claim(claim));
      assert.deepEqual(await lane.claim(claim), { kind: "claimed", token, again: false });
      assert.equal((await other.claim(repeated(claim))).kind, "running");
      await lane.finish(token);
      assert.equal((await lane.claim(claim)).kind, "finished");
    });

    test("take an end that is said twice for one: what was said first stays", async () => {
      const lane = laneOf(await connection());
      const claim = aClaim();
      const token = tokenOf(await lane.claim(claim));
      assert.equal(await lane.finish(token, 201), true);
      assert.equal(await lane.finish(token, 500, null), true);
      assert.equal(await lane.lose(token), false);
      assert.equal(await lane.release(token), false);
      assert.equal((await lane.claim(repeated(claim))).kind, "finished");
    });

    test("let a late owner still tell the outcome that nobody knew", async () => {
      const [lane, other] = [laneOf(await connection()), laneOf(await connection())];
      const records = await connection();
      const claim = aClaim();
      const token = tokenOf(await lane.claim(claim));
      await records.abandon(lane.owner);
      assert.equal((await other.claim(repeated(claim))).kind, "unknown");
      assert.equal(await lane.finish(token), true);
      assert.equal((await other.claim(repeated(claim))).kind, "finished");
    });

    test("let no late owner touch a record that somebody else has taken over", async () => {
      const [lane, other] = [laneOf(await connection()), laneOf(await connection())];
      const claim = aClaim();
      const late = tokenOf(await lane.claim(claim));
      await lane.lose(late);
      const token = tokenOf(await other.claim(repeated(claim, { again: true })));
      assert.equal(await lane.finish(late, 500, null), false);
      assert.equal(await lane.lose(late), false);
      assert.equal(await lane.release(late), false);
      assert.equal((await other.claim(repeated(claim))).kind, "running");
      assert.equal(await other.finish(token, 201), true);
      const found = await lane.claim(repeated(claim));
      assert.equal(found.kind === "finished" && found.status, 201);
    });

    test("call unknown at once what an owner was running that is struck off, and nothing of others", async () => {
      const records = await connection();
      const [dead, living] = [laneOf(records), laneOf(records)];
      const [first, second] = [aClaim(), aClaim()];
      await dead.claim(first);
      await living.claim(second);
      await records.abandon(dead.owner);
      const elsewhere = laneOf(await connection());
      assert.equal((await elsewhere.claim(repeated(first))).kind, "unknown");
      assert.equal((await elsewhere.claim(repeated(second))).kind, "running");
      assert.equal((await records.status(first.id))?.state, "unknown");
    });

    test("tell by its id what became of a request, and nothing by any other", async () => {
      const records = await connection();
      const lane = laneOf(records);
      const claim = aClaim();
      assert.equal(await records.status(claim.id), null);
      const token = tokenOf(await lane.claim(claim));
      const running = await records.status(claim.id);
      assert.equal(running?.state, "running");
      assert.equal(running.status, 0);
      assert.equal(running.requestId, claim.requestId);
      assert.equal(running.expiresAt - running.since, claim.keep);
      await lane.finish(token, 409, null);
      const finished = await records.status(claim.id);
      assert.deepEqual(finished, { ...running, state: "finished", status: 409 });
      assert.equal(await records.status(`${claim.id}x`), null);
    });

    test("forget what is unknown or finished when a person says so, and write down who did; never what runs", async () => {
      const whole = await open();
      opened.push(whole);
      const records = whole.idempotency;
      const lane = laneOf(records);
      const claim = aClaim();
      const token = tokenOf(await lane.claim(claim));
      assert.equal(await records.forget(claim.id, Date.now(), "somebody"), false);
      await lane.lose(token);
      assert.equal(await records.forget(claim.id, Date.now(), "somebody"), true);
      assert.equal(await records.forget(claim.id, Date.now(), "somebody"), false);
      assert.equal(await lane.finish(token), false);
      assert.equal((await lane.claim(repeated(claim))).kind, "claimed");
      const [entry] = await whole.audit.list({ limit: 1 });
      assert.equal(entry?.action, "idempotency.forget");
      assert.equal(entry.actor, "somebody");
      assert.equal(entry.subject, claim.id);
    });

    test("take an expired record for none: the key is new, and no late owner gets at the new record", {
      skip: TIME,
    }, async () => {
      const records = await connection();
      const lane = laneOf(records);
      const claims = [aClaim({ keep: 60_000 }), aClaim({ keep: 60_000 })] as const;
      const late = tokenOf(await lane.claim(claims[0]));
      await lane.lose(late);
      await lane.finish(tokenOf(await lane.claim(claims[1])));
      await pass(59_999);
      assert.equal((await lane.claim(repeated(claims[1]))).kind, "finished");
      // Fixed from the first use on: that it was asked for has not made it younger (IDEM-12).
      await pass(1);
      for (const claim of claims) assert.equal(await records.status(claim.id), null);
      for (const claim of claims) {
        const fresh = await lane.claim(repeated(claim, { fingerprint: new Uint8Array(32) }));
        assert.equal(fresh.kind === "claimed" && fresh.again, false);
      }
      assert.equal(await lane.finish(late), false);
    });

    test("leave its key to a request that runs for longer than the key is kept", { skip: TIME }, async () => {
      const records = await connection();
      const lane = laneOf(records);
      const claim = aClaim({ keep: 60_000 });
      const token = tokenOf(await lane.claim(claim));
      for (let third = 0; third < 6; third++) {
        await pass(20_000);
        await records.renew([lane.owner]);
      }
      while ((await records.sweep(SWEEP_ALL)) > 0);
      assert.equal((await lane.claim(repeated(claim))).kind, "running");
      assert.equal((await records.status(claim.id))?.state, "running");
      assert.equal(await lane.finish(token), true);
      assert.equal((await lane.claim(repeated(claim))).kind, "claimed");
    });

    test("keep to the time of the first use when a request is tried again", { skip: TIME }, async () => {
      const records = await connection();
      const lane = laneOf(records);
      const claim = aClaim();
      await lane.lose(tokenOf(await lane.claim(claim)));
      const first = await records.status(claim.id);
      await pass(3_600_000);
      const again = repeated(claim, { again: true });
      await lane.claim(again);
      const second = await records.status(again.id);
      assert.equal(second?.expiresAt, first?.expiresAt);
      assert.equal(second?.since, (first?.since ?? 0) + 3_600_000);
    });

    test("call unknown what an owner runs who has let his lease run out, and running what one has renewed", {
      skip: TIME,
    }, async () => {
      const records = await connection();
      const [silent, loud] = [laneOf(records), laneOf(records)];
      const [first, second] = [aClaim(), aClaim()];
      await silent.claim(first);
      await loud.claim(second);
      await pass(LEASE_OVER / 2);
      await records.renew([loud.owner]);
      await pass(LEASE_OVER / 2 + 1_000);
      const other = laneOf(await connection());
      assert.equal((await other.claim(repeated(first))).kind, "unknown");
      assert.equal((await other.claim(repeated(second))).kind, "running");
      // Whoever comes back in time, before anybody has taken over, goes on.
      await silent.claim(aClaim());
      assert.equal((await other.claim(repeated(first))).kind, "running");
    });

    test("are swept of what has expired, as much at once as is said, and of nothing else", {
      skip: TIME,
    }, async () => {
      const records = await connection();
      const lane = laneOf(records);
      await pass(40 * DAY);
      while ((await records.sweep(SWEEP_ALL)) > 0);
      const [old, fresh] = [Array.from({ length: 5 }, () => aClaim({ keep: 60_000 })), aClaim()];
      for (const claim of [...old, fresh]) await lane.finish(tokenOf(await lane.claim(claim)));
      await pass(60_000);
      assert.deepEqual([await records.sweep(3), await records.sweep(3), await records.sweep(3)], [3, 2, 0]);
      assert.equal((await records.status(fresh.id))?.state, "finished");
    });
  });
}
