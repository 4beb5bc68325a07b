/** The process, or its PostgreSQL, killed again and again under writes: nothing acknowledged is lost, nothing is half there. */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { eventually } from "../../harness/eventually.ts";
import { TestPostgres, withoutPostgres } from "../../harness/postgres.ts";
import { CrashStand, type Got, type Payment } from "./stand.ts";

const FULL = process.env["TURNPIKE_FULL"] === "1";
/** So many kills at a time, so that each test ends on a slow machine, too: fifty of them in a full run. */
const KILLS = FULL ? 10 : 4;
const ROUNDS = FULL ? 5 : 1;
const CLIENTS = 16;
const PER_KILL = 60;

/** What clients know. */
interface Ledger {
  /** Answers with 201, by reference. */
  readonly acknowledged: Map<string, string>;
  /** Sent with a key, without an answer: it may be repeated. */
  readonly open: Set<string>;
}

const newLedger = (): Ledger => ({ acknowledged: new Map(), open: new Set() });

let references = 0;

/** Writes, with and without keys, until so many more are acknowledged; then `kill`, in the middle of what others do. */
async function writeUntilKilled(stand: CrashStand, ledger: Ledger, kill: () => Promise<void>): Promise<void> {
  const enough = ledger.acknowledged.size + PER_KILL;
  const killing: Promise<void>[] = [];
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => {
      for (;;) {
        const reference = `${client % 2 === 0 ? "keyed" : "plain"}-${references++}`;
        const got = await stand.pay(reference, client % 2 === 0);
        if (got?.status === 201) {
          ledger.acknowledged.set(reference, got.text);
          if (ledger.acknowledged.size >= enough && killing.length === 0) killing.push(kill());
        } else {
          if (client % 2 === 0) ledger.open.add(reference);
          assert.ok(got === null || [503, 504].includes(got.status), got?.text);
          if (killing.length > 0) return;
        }
      }
    }),
  );
  await Promise.all(killing);
}

interface Found {
  readonly rows: number;
  readonly lost: number;
  readonly partial: number;
  readonly answers: Readonly<Record<string, number>>;
}

async function look(stand: CrashStand, { acknowledged, open }: Ledger): Promise<Found> {
  const rows = new Map((await stand.all()).map((row) => [row.reference, row]));
  const events = await stand.events();
  const lost = [...acknowledged].filter(([reference, text]) => {
    const row = rows.get(reference);
    return row === undefined || JSON.stringify(row) !== JSON.stringify(JSON.parse(text));
  });
  const partial = [...rows.values()].filter(({ id }) => events.get(id)?.length !== 1);
  const orphans = new Set(events.keys()).difference(new Set([...rows.values()].map(({ id }) => id)));
  const answers: Record<string, number> = {};
  for (const reference of [...acknowledged.keys(), ...open]) {
    if (!reference.startsWith("keyed")) continue;
    const before = acknowledged.get(reference) ?? null;
    const answer = answerTo(await stand.pay(reference), before, rows.get(reference));
    answers[answer] = (answers[answer] ?? 0) + 1;
  }
  return { rows: rows.size, lost: lost.length, partial: partial.length + orphans.size, answers };
}

/** What the repetition of a keyed request came to. */
function answerTo(got: Got, before: string | null, row: Payment | undefined): string {
  if (got?.status !== 201) return `${got?.status} ${got?.text}`;
  if (before !== null) return got.replayed && got.text === before ? "the same" : "another answer";
  // What is there without its record would be there twice now.
  if (got.replayed !== (row !== undefined)) return "a row without its record";
  return got.replayed ? "done before" : "done now";
}

function nothingIsWrong(t: TestContext, { acknowledged }: Ledger, found: Found): void {
  t.diagnostic(`acknowledged ${acknowledged.size}, ${JSON.stringify(found)}`);
  const { lost, partial, answers } = found;
  assert.deepEqual([lost, partial], [0, 0]);
  for (const answer of Object.keys(answers))
    assert.ok(["the same", "done before", "done now"].includes(answer), answer);
}

describe(`writes of ${CLIENTS} clients, keyed and not`, () => {
  for (let round = 1; round <= ROUNDS; round++)
    test(`survive ${KILLS} kill -9 of the process on SQLite (${round} of ${ROUNDS})`, async (t) => {
      const stand = await CrashStand.start(2);
      t.after(() => stand.stop());
      const ledger = newLedger();
      for (let killed = 0; killed < KILLS; killed++) {
        await writeUntilKilled(stand, ledger, async () => stand.kill());
        await stand.restart();
      }
      nothingIsWrong(t, ledger, await look(stand, ledger));
      t.diagnostic(`ready after ${stand.ready.join(", ")} ms`);
    });

  describe("on PostgreSQL", { skip: withoutPostgres() }, () => {
    let postgres: TestPostgres;
    before(async () => {
      postgres = await TestPostgres.start("-c", "fsync=on");
    });
    after(() => postgres?.stop());

    for (let round = 1; round <= ROUNDS; round++)
      test(`survive ${KILLS} kill -9 of the server, and get 503 meanwhile (${round} of ${ROUNDS})`, async (t) => {
        const stand = await CrashStand.start(2, await postgres.database());
        t.after(() => stand.stop());
        const ledger = newLedger();
        const back: number[] = [];
        for (let killed = 0; killed < KILLS; killed++) {
          await writeUntilKilled(stand, ledger, () => postgres.kill());
          await eventually(
            "there is 503",
            async () => (await stand.send("GET", "/payments", null))?.status === 503,
          );
          const begun = performance.now();
          await postgres.restart();
          const reference = `plain-${references++}`;
          await eventually("the gateway writes again", () => acknowledges(stand, ledger, reference), 60_000);
          back.push(Math.round(performance.now() - begun));
        }
        nothingIsWrong(t, ledger, await look(stand, ledger));
        t.diagnostic(`from the server's start to the next write: ${back.join(", ")} ms`);
      });
  });
});

async function acknowledges(stand: CrashStand, ledger: Ledger, reference: string): Promise<boolean> {
  const got = await stand.pay(reference, false);
  // The attempt before it, of which nobody knew what came.
  if (got?.status === 409) return true;
  if (got?.status === 201) ledger.acknowledged.set(reference, got.text);
  return got?.status === 201;
}
