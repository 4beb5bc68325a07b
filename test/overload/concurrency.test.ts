/** An upstream's limit of concurrency, over two lanes. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { errorCode, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import { parseResponses, RawClient } from "../harness/raw.ts";

const LIMIT = 5;
const QUEUE = 7;
const CLIENTS = 40;

describe("an upstream with a limit of concurrency", () => {
  let origin: RecordingOrigin;
  let gateway: ChildGateway;
  /** Requests that the origin has not answered. */
  const held: Socket[] = [];
  let most = 0;
  const clients: RawClient[] = [];

  before(async () => {
    origin = await RecordingOrigin.start((_, socket) => {
      held.push(socket);
      most = Math.max(most, held.length);
      return null;
    });
    gateway = await startChildGateway({
      lanes: 2,
      upstreams: {
        slow: { targets: [origin.url], concurrency: { limit: LIMIT, queue: QUEUE, wait: "30s" } },
      },
      routes: [{ path: "/*", to: { upstream: "slow" } }],
    });
  });

  after(async () => {
    for (const client of clients) client.destroy();
    await gateway?.stop();
    await origin?.stop();
  });

  const release = () => {
    for (const socket of held.splice(0)) socket.write(ok("done"));
  };

  /** Each on a connection of its own, so that both lanes get some. */
  async function askAll(count: number, path = "/"): Promise<RawClient[]> {
    const all = await Promise.all(Array.from({ length: count }, () => RawClient.to(gateway.port)));
    clients.push(...all);
    for (const client of all) client.send(get(path));
    return all;
  }

  const answersOf = (all: readonly RawClient[]) =>
    all.flatMap(({ received }) => parseResponses(received).slice(0, 1));

  test("gets no more calls than that at a time, and the others wait or are refused at once", async () => {
    const all = await askAll(CLIENTS);
    await eventually(
      "all that are too many are refused",
      () => answersOf(all).length === CLIENTS - LIMIT - QUEUE,
    );
    for (const answer of answersOf(all)) {
      assert.deepEqual([answer.status, errorCode(answer)], [503, "OVERLOADED"]);
      assert.ok(Number(answer.headers.get("retry-after")?.[0]) >= 1);
    }
    await eventually("the origin has its share", () => held.length === LIMIT);
    assert.equal(origin.requests.length, LIMIT, "what is refused never reaches it");
    while (answersOf(all).length < CLIENTS) {
      release();
      await eventually("the next are sent", () => held.length > 0 || answersOf(all).length === CLIENTS);
    }
    assert.equal(answersOf(all).filter(({ status }) => status === 200).length, LIMIT + QUEUE);
    assert.equal(most, LIMIT);
  });

  test("has all its slots again after clients have left it, waiting or not", async () => {
    const leaving = await askAll(LIMIT + QUEUE);
    await eventually("the origin has its share", () => held.length === LIMIT);
    for (const client of leaving) client.destroy();
    await eventually("the gateway has noticed", async () => {
      const left = (await gateway.log()).split('"aborted":"client"').length - 1;
      return left === leaving.length;
    });
    const next = await askAll(LIMIT, "/next");
    const asked = () => origin.requests.filter(({ target }) => target === "/next");
    await eventually("the next ones get through", () => asked().length === LIMIT);
    release();
    await eventually("they are answered", () => answersOf(next).length === LIMIT);
    assert.ok(answersOf(next).every(({ status }) => status === 200));
  });
});
