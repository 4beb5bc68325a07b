/** A gateway that dies at any point of a keyed request: it is carried out once, and answered with the same each time. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually } from "../../harness/eventually.ts";
import { TestPostgres, withoutPostgres } from "../../harness/postgres.ts";
import { type CrashPoint, POINTS } from "./hooks.ts";
import { CrashStand, type Got, type Payment } from "./stand.ts";

const FULL = process.env["TURNPIKE_FULL"] === "1";
const TIMES = FULL ? 5 : 1;
/** A lane that has no thread of its own is less to start. */
const LANES = FULL ? 2 : 1;

let keys = 0;

type Killed = (stand: CrashStand, point: CrashPoint) => Promise<void>;

/** In a short run what each point is tried with takes turns: starting a gateway is what takes time. */
function pointsOn(points: readonly CrashPoint[], startStand: () => Promise<CrashStand>): void {
  let stand: CrashStand;
  before(async () => {
    stand = await startStand();
  });
  after(() => stand?.stop());

  for (const [at, point] of points.entries()) {
    const turns: readonly Killed[] = FULL
      ? [createKilled, settleKilled]
      : [at % 2 === 0 ? createKilled : settleKilled];
    test(`${point}: repeated, there is one row, one event, and the same answer`, async (t) => {
      for (let time = 0; time < TIMES; time++) for (const killed of turns) await killed(stand, point);
      t.diagnostic(`ready after ${stand.ready.slice(-TIMES * turns.length).join(", ")} ms`);
    });
  }

  test("at any moment: the same", { skip: !FULL }, async () => {
    for (let time = 0; time < 5 * TIMES; time++) {
      const reference = `moment-${keys++}`;
      const paid = stand.pay(reference);
      // Later each time: in one of them it is in the middle.
      for (let turn = 0; turn < time * 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      stand.kill();
      const first = await paid;
      await stand.restart();
      await repeat(() => stand.pay(reference), first);
      assert.equal((await stand.find(reference)).length, 1);
    }
  });
}

/** A POST that does not survive. */
async function createKilled(stand: CrashStand, point: CrashPoint): Promise<void> {
  const reference = `create-${keys++}`;
  stand.arm(point);
  const first = await stand.pay(reference);
  await restartAfter(stand, first);
  const second = await repeat(() => stand.pay(reference), first);
  const rows = await stand.find(reference);
  assert.equal(rows.length, 1);
  const [row] = rows as [Payment];
  assert.deepEqual(row, JSON.parse(second.text));
  const events = (await stand.events()).get(row.id) ?? [];
  assert.deepEqual(
    events.map(({ type, data }) => [type, data["reference"]]),
    [["payment.created", reference]],
  );
  if (isDone(point)) assert.equal(second.replayed, true);
}

/** An action, which cannot be done twice, on what is there. */
async function settleKilled(stand: CrashStand, point: CrashPoint): Promise<void> {
  const reference = `settle-${keys++}`;
  const made = await stand.pay(reference, false);
  const { id } = JSON.parse(made?.text ?? "") as Payment;
  const settle = () => stand.send("POST", `/payments/${id}/settle`, null, reference);
  stand.arm(point);
  const first = await settle();
  await restartAfter(stand, first);
  const second = await repeat(settle, first);
  assert.equal((JSON.parse(second.text) as Payment).state, "settled");
  const events = (await stand.events()).get(id) ?? [];
  assert.deepEqual(events.map(({ type }) => type).sort(), ["payment.created", "payment.settle"]);
}

/** After these there is no doubt that it has been done. */
const isDone = (point: CrashPoint): boolean =>
  POINTS.indexOf(point) > POINTS.indexOf("as the transaction ends");

async function restartAfter(stand: CrashStand, first: Got): Promise<void> {
  assert.equal(first, null, "the process was killed before its client had an answer");
  assert.equal(await stand.gateway.exited, "SIGKILL");
  await stand.restart();
}

/** Twice: what they get is what the first got, if he got anything. */
async function repeat(send: () => Promise<Got>, first: Got): Promise<NonNullable<Got>> {
  let second: Got = null;
  // What a connection that has died was about to do may be done, or undone, a moment later.
  await eventually("the repetition is answered", async () => {
    second = await send();
    return second !== null && second.status < 300;
  });
  const answered = second as unknown as NonNullable<Got>;
  if (first !== null) assert.equal(answered.text, first.text);
  const third = await send();
  assert.deepEqual([third?.status, third?.replayed, third?.text], [answered.status, true, answered.text]);
  return answered;
}

describe(`a keyed request to the service that is killed with kill -9, ${TIMES} times at each point`, () => {
  describe("on SQLite", () => {
    pointsOn(POINTS, () => CrashStand.start(LANES));
  });

  describe("on PostgreSQL", { skip: withoutPostgres() }, () => {
    let postgres: TestPostgres;
    before(async () => {
      postgres = await TestPostgres.start();
    });
    after(() => postgres?.stop());
    const points: readonly CrashPoint[] = FULL
      ? POINTS
      : ["when the transaction has ended", "as the transaction ends"];
    pointsOn(points, async () => CrashStand.start(LANES, await postgres.database()));
  });
});
