/** Any number of equal requests at once, over threads and processes: one is carried out (IDEM-8, IDEM-20). */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { askOnce, errorCode } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { RecordingOrigin } from "../harness/origin.ts";
import type { RawResponse } from "../harness/raw.ts";
import { counting, isReplay, keyed, newKey } from "./stand.ts";

const PARALLEL = 200;
const ROUNDS = process.env["TURNPIKE_FULL"] === "1" ? 50 : 5;
/** Long enough that most of the others come while the first one runs. */
const SERVICE_MS = 50;

describe("two processes of two lanes on one store", () => {
  let folder: string;
  let origin: RecordingOrigin;
  let gateways: ChildGateway[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-duplicates-"));
    origin = await RecordingOrigin.start();
    const config = {
      lanes: 2,
      store: { records: `sqlite:${join(folder, "records.db")}` },
      upstreams: { origin: { targets: [origin.url] } },
      routes: [
        { path: "/conflict", to: { upstream: "origin" }, policies: [{ idempotency: {} }] },
        {
          path: "/wait",
          to: { upstream: "origin" },
          policies: [{ idempotency: { whenRunning: "wait", waitFor: "30s" } }],
        },
      ],
    };
    gateways = [await startChildGateway(config), await startChildGateway(config)];
  });
  after(async () => {
    for (const gateway of gateways) await gateway.stop();
    await origin.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** All at once, each on a connection of its own, so that every lane gets some. */
  function allAtOnce(path: string, key: string, processes: readonly ChildGateway[]): Promise<RawResponse[]> {
    return Promise.all(
      Array.from({ length: PARALLEL }, (_, i) => {
        const { port } = processes[i % processes.length] as ChildGateway;
        return askOnce(port, keyed(path, i % 2 === 0 ? key : `"${key}"`), 60_000);
      }),
    );
  }

  function slowly(): void {
    const next = counting();
    origin.reset();
    origin.answer = (_, socket) => {
      const answer = next();
      setTimeout(() => socket.write(answer), SERVICE_MS);
      return null;
    };
  }

  for (const [where, pick] of [
    ["one process", 1],
    ["both processes", 2],
  ] as const) {
    test(`carry out one of ${PARALLEL} equal requests to ${where}; every other is 409 or the same answer`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        slowly();
        const key = newKey();
        const answers = await allAtOnce("/conflict", key, gateways.slice(0, pick));
        assert.equal(origin.requests.length, 1);
        const carriedOut = answers.filter(({ status }) => status === 200);
        assert.deepEqual([...new Set(carriedOut.map(({ body }) => body.toString()))], ['{"execution":1}']);
        assert.equal(carriedOut.filter((answer) => !isReplay(answer)).length, 1);
        for (const answer of answers.filter(({ status }) => status !== 200))
          assert.equal(errorCode(answer), "IDEMPOTENCY_KEY_IN_USE");
        for (const { port } of gateways) assert.ok(isReplay(await askOnce(port, keyed("/conflict", key))));
        assert.equal(origin.requests.length, 1);
      }
    });
  }

  test(`give all of ${PARALLEL} equal requests the same answer where they wait for it`, async () => {
    slowly();
    const answers = await allAtOnce("/wait", newKey(), gateways);
    assert.deepEqual(
      [...new Set(answers.map(({ status, body }) => `${status} ${body.toString()}`))],
      ['200 {"execution":1}'],
    );
    assert.equal(answers.filter(isReplay).length, PARALLEL - 1);
    assert.equal(origin.requests.length, 1);
  });

  test("carry out each of many different keys once, however often each is sent", async () => {
    slowly();
    const keys = Array.from({ length: 50 }, newKey);
    const send = (key: string, i: number) =>
      askOnce((gateways[i % 2] as ChildGateway).port, keyed("/wait", key, key), 60_000);
    const answers = await Promise.all([...keys, ...keys, ...keys, ...keys].map(send));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    const executed = origin.requests.map(({ body }) => body.toString());
    assert.deepEqual(executed.sort(), [...keys].sort());
  });
});
