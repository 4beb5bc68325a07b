/** A gateway that dies at any point of a keyed request: nothing is done twice, nothing that was acknowledged is lost. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { askOnce, get } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { RawClient } from "../harness/raw.ts";
import type { CrashPoint } from "./crash-hooks.ts";
import { CrashStand, codeOf, type Got } from "./crash-stand.ts";

const FULL = process.env["TURNPIKE_FULL"] === "1";
const TIMES = FULL ? 20 : 2;
const KILLS = FULL ? 50 : 3;
const CLIENTS = 16;
const ACKNOWLEDGED_PER_KILL = 60;

let stand: CrashStand;
beforeEach(() => stand.quiet());

/** A lane that has no thread of its own is half as much to start. */
function standWith(lanes: number): void {
  before(async () => {
    stand = await CrashStand.start(lanes);
  });
  after(() => stand.stop());
}

let keys = 0;
const newKey = (): string => `crash-${keys++}`;

/** What the repetition of a request gets whose process was killed. */
type Expected = "carried out" | "unknown" | "replayed";

interface Case {
  readonly name: string;
  readonly arm: (key: string) => void;
  readonly executedBefore: number;
  readonly repetition: readonly Expected[];
}

const hooked = (point: CrashPoint) => () => stand.arm(point);
const kill = () => stand.gateway.signal("SIGKILL");

const cases: readonly Case[] = [
  {
    name: "before its claim",
    arm: hooked("process before claim"),
    executedBefore: 0,
    repetition: ["carried out"],
  },
  { name: "after its claim", arm: hooked("process after claim"), executedBefore: 0, repetition: ["unknown"] },
  {
    name: "after it was sent",
    arm: () => {
      stand.onRequest = kill;
    },
    executedBefore: 1,
    repetition: ["unknown"],
  },
  {
    name: "when the origin has answered",
    arm: () => {
      stand.onAnswered = kill;
    },
    executedBefore: 1,
    // Whichever was faster.
    repetition: ["unknown", "replayed"],
  },
  {
    name: "before its answer is stored",
    arm: hooked("process before store"),
    executedBefore: 1,
    repetition: ["unknown"],
  },
  {
    name: "after its answer was stored, before the client has it",
    arm: hooked("process after store"),
    executedBefore: 1,
    repetition: ["replayed"],
  },
];

function gone(client: RawClient): false {
  client.destroy();
  return false;
}

function outcomeOf(got: Got | null): string {
  if (got?.status === 200) return got.replayed ? "replayed" : "carried out";
  return codeOf(got) === "IDEMPOTENCY_OUTCOME_UNKNOWN" ? "unknown" : `${got?.status} ${codeOf(got)}`;
}

describe(`a gateway that is killed with kill -9, ${TIMES} times at each point`, () => {
  standWith(FULL ? 2 : 1);

  for (const { name, arm, executedBefore, repetition } of cases) {
    test(`${name}: the origin executes once at most, and the repetition is told so at once`, async (t) => {
      for (let time = 0; time < TIMES; time++) {
        const key = newKey();
        arm(key);
        const first = await stand.pay(key);
        assert.equal(await stand.gateway.exited, "SIGKILL");
        assert.equal(stand.executed(key), executedBefore);
        await stand.restart();
        stand.quiet();
        const second = await stand.pay(key);
        assert.ok((repetition as readonly string[]).includes(outcomeOf(second)), outcomeOf(second));
        if (first !== null) assert.equal(second?.body, first.body);
        const third = await stand.pay(key);
        assert.equal(outcomeOf(third), outcomeOf(second) === "unknown" ? "unknown" : "replayed");
        if (third?.status === 200) assert.equal(third.body, second?.body);
        assert.ok(stand.executed(key) <= 1, `executed ${stand.executed(key)} times`);
      }
      t.diagnostic(`ready after ${stand.ready.slice(-TIMES).join(", ")} ms`);
    });
  }
});

describe("a gateway of several threads", () => {
  standWith(2);

  test("that is killed again and again under load has lost nothing that it acknowledged, and has done nothing twice", async (t) => {
    const acknowledged = new Map<string, string>();
    const open = new Set<string>();
    for (let killed = 0; killed < KILLS; killed++) {
      let enough = acknowledged.size + ACKNOWLEDGED_PER_KILL;
      await Promise.all(
        Array.from({ length: CLIENTS }, async () => {
          for (;;) {
            const key = newKey();
            const got = await stand.pay(key);
            if (got === null) {
              open.add(key);
              return;
            }
            assert.equal(got.status, 200, got.body);
            acknowledged.set(key, got.body);
            if (acknowledged.size < enough) continue;
            // In the middle of what the other clients do.
            enough = Number.POSITIVE_INFINITY;
            kill();
          }
        }),
      );
      await stand.restart();
    }
    let lost = 0;
    for (const [key, body] of acknowledged) {
      const got = await stand.pay(key);
      if (got?.body !== body || !got.replayed) lost++;
    }
    const outcomes: Record<string, number> = {};
    for (const key of open) {
      const outcome = outcomeOf(await stand.pay(key));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    const twice = [...acknowledged.keys(), ...open].filter((key) => stand.executed(key) > 1).length;
    t.diagnostic(`kills ${KILLS}, acknowledged ${acknowledged.size}, lost ${lost}, executed twice ${twice}`);
    t.diagnostic(`not acknowledged ${open.size}: ${JSON.stringify(outcomes)}`);
    t.diagnostic(`ready after ${Math.max(...stand.ready)} ms at the latest`);
    assert.equal(lost, 0);
    assert.equal(twice, 0);
    for (const outcome of Object.keys(outcomes))
      assert.ok(["carried out", "unknown", "replayed"].includes(outcome), outcome);
  });

  test("that is told to stop carries out what a client asked that has gone since, and stores the answer, before it ends", async () => {
    const key = newKey();
    const answers: (() => void)[] = [];
    stand.holdAnswers((answer) => answers.push(answer));
    const leave = await stand.begin(key);
    await eventually("the origin has it", () => answers.length === 1);
    leave();
    const { gateway } = stand;
    gateway.signal("SIGTERM");
    await eventually("no new client gets in", () => RawClient.to(gateway.port).then(gone, () => true));
    // It waits: these would fail where it did not.
    for (let i = 0; i < 200; i++) assert.equal((await askOnce(gateway.adminPort, get("/livez"))).status, 200);
    for (const answer of answers) answer();
    assert.equal(await gateway.exited, 0);
    stand.quiet();
    await stand.restart();
    assert.equal(outcomeOf(await stand.pay(key)), "replayed");
    assert.equal(stand.executed(key), 1);
  });

  /** A thread takes a moment to start, and on a busy machine longer. */
  const soon = (what: string, holds: () => Promise<boolean>) => eventually(what, holds, 30_000);

  test("loses a lane before an answer is stored: the repetition is told that the outcome is unknown, and the process goes on", async () => {
    const key = newKey();
    stand.arm("lane before store");
    assert.equal(await stand.pay(key), null);
    assert.equal(stand.executed(key), 1);
    await soon("the repetition is answered", async () => outcomeOf(await stand.pay(key)) === "unknown");
    assert.equal(stand.executed(key), 1);
    await soon("others are served", async () => outcomeOf(await stand.pay(newKey())) === "carried out");
  });

  for (const point of ["service before store", "service after store"] as const) {
    test(`loses the ${point}: the client has its answer as soon as there is another service, and a repetition has the same`, async () => {
      const key = newKey();
      stand.arm(point);
      const first = await stand.pay(key);
      assert.equal(first?.status, 200);
      await soon("the repetition is answered", async () => (await stand.pay(key))?.body === first.body);
      assert.equal(stand.executed(key), 1);
    });
  }

  test("loses the service after a claim: nothing was sent, the client is told, and the key is new in a moment", async () => {
    const key = newKey();
    stand.arm("service after claim");
    const first = await stand.pay(key);
    assert.equal(codeOf(first), "IDEMPOTENCY_UNAVAILABLE");
    assert.equal(stand.executed(key), 0);
    await soon("it is carried out", async () => outcomeOf(await stand.pay(key)) === "carried out");
    assert.equal(stand.executed(key), 1);
  });
});
