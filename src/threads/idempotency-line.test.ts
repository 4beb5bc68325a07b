import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { eventually } from "../../test/harness/eventually.ts";
import { HandClock } from "../../test/harness/hand-clock.ts";
import { aClaim, tokenOf } from "../../test/idempotency/records-contract.ts";
import type { ClaimToken, IdempotencyChange, IdempotencyRecords } from "../core/idempotency.ts";
import { SqliteRecords } from "../stores/records/sqlite-records.ts";
import { IdempotencyDesk } from "./idempotency-desk.ts";
import { IdempotencyLine } from "./idempotency-line.ts";

const folder = await mkdtemp(join(tmpdir(), "turnpike-line-"));
after(() => rm(folder, { recursive: true, force: true }));
const cleanups: (() => unknown)[] = [];
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** Records that count what they are asked, and fail when they are told to. */
function stand(name: string) {
  const clock = new HandClock();
  const whole = new SqliteRecords(join(folder, name), () => clock.wall());
  const records = whole.idempotency;
  const state = { batches: [] as number[], broken: false, lostAnswers: false };
  const watched: IdempotencyRecords = {
    async apply(changes: readonly IdempotencyChange[]) {
      state.batches.push(changes.length);
      if (state.broken) throw new Error("the disk is full");
      const results = await records.apply(changes);
      if (state.lostAnswers) throw new Error("the line broke at the commit");
      return results;
    },
    renew: (owners) => records.renew(owners),
    abandon: (owner) => records.abandon(owner),
    status: (id) => records.status(id),
    forget: (id, at, by) => records.forget(id, at, by),
    sweep: (most) => records.sweep(most),
  };
  const world = { clock, ticker: clock, log: silent };
  const openDesk = () => {
    const desk = new IdempotencyDesk(world);
    desk.open(watched);
    cleanups.push(() => desk.close());
    return desk;
  };
  const connect = (desk: IdempotencyDesk, line: IdempotencyLine, owner: string) => {
    const { port1, port2 } = new MessageChannel();
    desk.attach(owner, port2);
    line.attach(port1);
    cleanups.push(() => port1.close());
    return () => port1.close();
  };
  const openLine = () => new IdempotencyLine(clock);
  cleanups.push(() => whole.close());
  return { clock, records, state, openDesk, openLine, connect };
}

describe("the line from a lane to the records", () => {
  test("carries what is asked at the same time, by several lanes, in few transactions, and each answer to who asked", async () => {
    const { state, openDesk, openLine, connect } = stand("batches.db");
    const desk = openDesk();
    const lines = [openLine(), openLine()];
    for (const [i, line] of lines.entries()) connect(desk, line, `lane ${i}`);
    const contested = Array.from({ length: 50 }, () => aClaim());
    const found = await Promise.all(
      lines.flatMap((line) =>
        contested.map(async (claim) => {
          const mine = aClaim({ digest: claim.digest, requestId: claim.requestId });
          return { wanted: claim, got: await line.claim(mine) };
        }),
      ),
    );
    assert.equal(found.filter(({ got }) => got.kind === "claimed").length, 50);
    for (const { wanted, got } of found)
      if (got.kind === "running") assert.equal(got.requestId, wanted.requestId);
      else assert.deepEqual(Buffer.from(tokenOf(got).digest), Buffer.from(wanted.digest));
    assert.ok(state.batches.length <= 4, `${state.batches.length} transactions`);
    assert.equal(
      state.batches.reduce((sum, count) => sum + count),
      100,
    );
  });

  test("carries answers, also those that are a part of a larger buffer, as they are", async () => {
    const { openDesk, openLine, connect } = stand("answers.db");
    const line = openLine();
    connect(openDesk(), line, "lane");
    const buffer = Buffer.from("a long buffer that holds the answer: 42!");
    const claim = aClaim();
    const token = tokenOf(await line.claim(claim));
    assert.equal(await line.finish(token, 200, buffer.subarray(-3)), true);
    const found = await line.claim(aClaim({ digest: claim.digest }));
    assert.equal(found.kind === "finished" && Buffer.from(found.answer).toString(), "42!");
  });

  test("refuses at once where no desk, or a desk without records, is at the other end", async () => {
    const { clock, openLine } = stand("refuses.db");
    const line = openLine();
    await assert.rejects(line.claim(aClaim()), /the thread has ended/);
    await assert.rejects(line.status("idem_x"), /the thread has ended/);
    const closed = new IdempotencyDesk({ clock, ticker: clock, log: silent });
    const { port1, port2 } = new MessageChannel();
    cleanups.push(() => port1.close());
    closed.attach("lane", port2);
    line.attach(port1);
    await assert.rejects(line.claim(aClaim()), /there is no store of records/);
    await assert.rejects(line.status("idem_x"), /there is no store of records/);
  });

  test("tells those who wait that it is lost, and goes on over the next one", async () => {
    const { openDesk, openLine, connect, records } = stand("lost.db");
    const line = openLine();
    const { port1, port2 } = new MessageChannel();
    // Nobody listens there, as in a thread that hangs.
    line.attach(port1);
    const waiting = line.claim(aClaim());
    await new Promise((resolve) => setImmediate(resolve));
    port2.close();
    await assert.rejects(waiting, /the thread has ended/);
    connect(openDesk(), line, "lane");
    const claim = aClaim();
    await line.claim(claim);
    assert.equal((await records.status(claim.id))?.state, "running");
  });

  test("releases a claim whose answer was lost: nobody is going to carry it out", async () => {
    const { clock, state, openDesk, openLine, connect, records } = stand("strayed.db");
    const line = openLine();
    connect(openDesk(), line, "lane");
    const claim = aClaim();
    state.lostAnswers = true;
    await assert.rejects(line.claim(claim), /broke at the commit/);
    state.lostAnswers = false;
    assert.equal((await records.status(claim.id))?.state, "running");
    clock.advance(1_000);
    await eventually("the key is new", async () => (await records.status(claim.id)) === null);
  });

  test("keeps an answer that could not be written until it can; of what does not fit nobody knows the outcome", async () => {
    const { clock, state, openDesk, openLine, connect, records } = stand("unfinished.db");
    const line = openLine();
    connect(openDesk(), line, "lane");
    const claims = Array.from({ length: 40 }, () => aClaim());
    const tokens = [];
    for (const claim of claims) tokens.push(tokenOf(await line.claim(claim)));
    state.broken = true;
    const megabyte = new Uint8Array(1024 * 1024);
    for (const token of tokens) await assert.rejects(line.finish(token, 200, megabyte), /the disk is full/);
    clock.advance(1_000);
    assert.equal((await records.status(claims[0]?.id ?? ""))?.state, "running");
    state.broken = false;
    clock.advance(2_000);
    const states = async () => {
      const all = await Promise.all(claims.map(async ({ id }) => (await records.status(id))?.state));
      return { finished: all.indexOf("unknown"), unknown: all.length - all.indexOf("unknown"), all };
    };
    await eventually("all are settled", async () => !(await states()).all.includes("running"));
    const { finished, unknown } = await states();
    assert.deepEqual([finished, unknown], [32, 8]);
    // Whoever comes with the answer after all is heard.
    assert.equal(await line.finish(tokens.at(-1) as ClaimToken, 200, null), true);
    assert.equal((await records.status(claims.at(-1)?.id ?? ""))?.state, "finished");
  });

  test("makes unknown, when its lane ends, what that was doing, and only that", async () => {
    const { openDesk, openLine, connect, records } = stand("ended.db");
    const desk = openDesk();
    const [dying, living] = [openLine(), openLine()];
    connect(desk, dying, "dying");
    connect(desk, living, "living");
    const [first, second] = [aClaim(), aClaim()];
    await dying.claim(first);
    await living.claim(second);
    dying.close();
    await eventually("it is unknown", async () => (await records.status(first.id))?.state === "unknown");
    assert.equal((await records.status(second.id))?.state, "running");
  });

  test("keeps what a lane is doing running, however long that takes", async () => {
    const { clock, openDesk, openLine, connect, records } = stand("long.db");
    const line = openLine();
    connect(openDesk(), line, "lane");
    const claim = aClaim({ keep: 86_400_000 });
    await line.claim(claim);
    for (let minute = 0; minute < 5; minute++) {
      for (let third = 0; third < 3; third++) {
        clock.advance(20_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal((await records.status(claim.id))?.state, "running");
    }
  });

  test("has expired records deleted in the background", async () => {
    const { clock, openDesk, openLine, connect } = stand("swept.db");
    const line = openLine();
    connect(openDesk(), line, "lane");
    const database = new DatabaseSync(join(folder, "swept.db"), { readOnly: true });
    cleanups.push(() => database.close());
    const count = () =>
      (database.prepare("SELECT count(*) AS count FROM idempotency").get() as { count: number }).count;
    const one = async () => {
      const token = tokenOf(await line.claim(aClaim({ keep: 60_000 })));
      await line.finish(token, 200, null);
    };
    await Promise.all(Array.from({ length: 600 }, one));
    clock.jump(60_000);
    await eventually("all are gone", async () => {
      clock.advance(1_000);
      return count() === 0;
    });
  });
});
