/** A gateway that dies while its records are in PostgreSQL: what the next one says, at once. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { TestPostgres, withoutPostgres } from "../harness/postgres.ts";
import type { CrashPoint } from "../idempotency/crash-hooks.ts";
import { CrashStand, codeOf, type Got } from "../idempotency/crash-stand.ts";

const TIMES = process.env["TURNPIKE_FULL"] === "1" ? 20 : 1;

const CASES: readonly (readonly [point: CrashPoint | "sent" | "answered", executed: number, said: RegExp])[] =
  [
    ["process before claim", 0, /^carried out$/],
    ["process after claim", 0, /^unknown$/],
    ["sent", 1, /^unknown$/],
    // Whichever was faster.
    ["answered", 1, /^unknown$|^replayed$/],
    ["process before store", 1, /^unknown$/],
    ["process after store", 1, /^replayed$/],
  ];

function outcomeOf(got: Got | null): string {
  if (got?.status === 200) return got.replayed ? "replayed" : "carried out";
  return codeOf(got) === "IDEMPOTENCY_OUTCOME_UNKNOWN" ? "unknown" : `${got?.status} ${codeOf(got)}`;
}

describe(`a gateway on PostgreSQL that is killed with kill -9, ${TIMES} times at each point`, {
  skip: withoutPostgres(),
}, () => {
  let postgres: TestPostgres;
  let stand: CrashStand;
  before(async () => {
    postgres = await TestPostgres.start();
    stand = await CrashStand.start(2, await postgres.database());
    await postgres.lockedUp();
  });
  after(async () => {
    await stand?.stop();
    await postgres?.stop();
  });

  beforeEach(async () => {
    // A case that failed may have left nothing that runs.
    const alive = await Promise.race([stand.gateway.exited, Promise.resolve("alive")]);
    if (alive !== "alive") await stand.restart();
  });

  for (const [point, executed, said] of CASES) {
    test(`${point}: the origin executes once at most, and the repetition is told so at once`, async (t) => {
      const kill = () => stand.gateway.signal("SIGKILL");
      for (let time = 0; time < TIMES; time++) {
        const key = `${point.replaceAll(" ", "-")}-${time}`;
        if (point === "sent") stand.onRequest = kill;
        else if (point === "answered") stand.onAnswered = kill;
        else stand.arm(point);
        const first = await stand.pay(key);
        assert.equal(await stand.gateway.exited, "SIGKILL");
        assert.equal(stand.executed(key), executed);
        stand.quiet();
        await stand.restart();
        const second = await stand.pay(key);
        assert.match(outcomeOf(second), said);
        if (first !== null) assert.equal(second?.body, first.body);
        const third = await stand.pay(key);
        assert.equal(outcomeOf(third), outcomeOf(second) === "unknown" ? "unknown" : "replayed");
        assert.ok(stand.executed(key) <= 1, `executed ${stand.executed(key)} times`);
      }
      t.diagnostic(`ready after ${stand.ready.slice(-TIMES).join(", ")} ms`);
    });
  }
});
