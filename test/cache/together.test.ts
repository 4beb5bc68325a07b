/** Many requests for one answer at the same time (RFC 9111 §4, "collapsed forwarding"). */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { before, beforeEach, describe, test } from "node:test";
import { askOnce, get } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { RawClient, type RawResponse } from "../harness/raw.ts";
import { answer, cacheControl, cacheStatus, counting, type Stand, startStand, text } from "./stand.ts";

const LONG = cacheControl("max-age=1000");

describe("requests for one answer at the same time", () => {
  let stand: Stand;
  /** Of the requests that the upstream has and has not answered. */
  let held: Socket[] = [];
  /** Calls that had come to the cache before the test. */
  let earlier = 0;
  before(async () => {
    // Counts the calls that come to the cache.
    const counter = { "rate-limit": { limit: 1_000_000, window: "1h", by: "all" } };
    stand = await startStand({ staleIfError: "60s" }, {}, [counter]);
  });
  beforeEach(async () => {
    held = [];
    earlier = await arrived(stand);
    stand.origin.reset();
    stand.origin.answer = (_request, socket) => {
      held.push(socket);
      return null;
    };
  });

  const cacheHas = (count: number) =>
    eventually(`the cache has ${count}`, async () => (await arrived(stand)) === earlier + count);
  const upstreamHas = (count: number) =>
    eventually(`the upstream has ${count}`, () => stand.origin.requests.length === count);

  /** Sends the first and waits until the upstream has it, then all the others, which the gateway has read. */
  async function together(path: string, count: number, fields = ""): Promise<Promise<RawResponse>[]> {
    const first = stand.get(path, fields);
    await upstreamHas(1);
    const others = Array.from({ length: count - 1 }, () => stand.get(path, fields));
    await cacheHas(count);
    return [first, ...others];
  }

  test("reach the upstream once, and all get it", async () => {
    const all = await together(stand.fresh(), 50);
    held[0]?.write(answer("one", LONG));
    const responses = await Promise.all(all);
    assert.deepEqual(new Set(responses.map(text)), new Set(["one"]));
    assert.equal(stand.origin.requests.length, 1);
    const collapsed = responses.filter((one) => cacheStatus(one).endsWith("; collapsed"));
    assert.ok(collapsed.length > 0, "those who waited are told so");
    const line = await stand.gateway.logged(({ cache }) => cache === "hit");
    assert.equal(line["attempts"], undefined);
  });

  test("reach it one by one where the answer is none to keep", async () => {
    const path = stand.fresh();
    const all = await together(path, 5);
    held[0]?.write(answer("mine", cacheControl("no-store")));
    await upstreamHas(5);
    for (const [i, socket] of held.slice(1).entries())
      socket.write(answer(`own ${i}`, cacheControl("no-store")));
    const seen = (await Promise.all(all)).map(text).sort();
    assert.deepEqual(seen, ["mine", "own 0", "own 1", "own 2", "own 3"]);
    // From then on nobody waits for an answer that will not be his.
    const next = [stand.get(path), stand.get(path)];
    await upstreamHas(7);
    for (const socket of held.slice(5)) socket.write(answer("last", cacheControl("no-store")));
    await Promise.all(next);
  });

  test("of different callers reach it for each of them", async () => {
    const path = stand.fresh();
    const all = ["", "Authorization: a\r\n", "Authorization: b\r\n", "Cookie: c\r\n"].map((one) =>
      stand.get(path, one),
    );
    await upstreamHas(4);
    for (const [i, socket] of held.entries())
      socket.write(answer(`own ${i}`, `${cacheControl("public, max-age=9")}`));
    assert.equal(new Set((await Promise.all(all)).map(text)).size, 4);
  });

  test("do not suffer when the client that was first leaves", async () => {
    const path = stand.fresh();
    const first = await RawClient.to(stand.gateway.port);
    first.send(get(path));
    await upstreamHas(1);
    const others = Array.from({ length: 3 }, () => stand.get(path));
    await cacheHas(4);
    first.socket.resetAndDestroy();
    await eventually("it has gone", async () => (await metric(stand, "turnpike_connections")) === 3);
    held[0]?.write(answer("one", LONG));
    assert.deepEqual(new Set((await Promise.all(others)).map(text)), new Set(["one"]));
    assert.equal(stand.origin.requests.length, 1);
    const line = await stand.gateway.logged(({ aborted }) => aborted === "client");
    assert.equal(line["status"], 499);
  });

  test("do not suffer when it leaves in the middle of the answer", async () => {
    const path = stand.fresh();
    const first = await RawClient.to(stand.gateway.port);
    first.send(get(path));
    await upstreamHas(1);
    const others = [stand.get(path), stand.get(path)];
    await cacheHas(3);
    held[0]?.write(`HTTP/1.1 200 OK\r\nContent-Length: 6\r\n${LONG}\r\nabc`);
    await first.until(() => first.text.endsWith("abc"));
    first.socket.resetAndDestroy();
    await eventually("it has gone", async () => (await metric(stand, "turnpike_connections")) === 2);
    held[0]?.write("def");
    assert.deepEqual((await Promise.all(others)).map(text), ["abcdef", "abcdef"]);
    assert.equal(stand.origin.requests.length, 1);
  });

  test("do not suffer from a client that does not read: they ask for themselves", async () => {
    const own = await startStand({ maxBytes: "64mb", maxEntry: "16mb" });
    const body = Buffer.alloc(12 * 1024 * 1024, "x");
    const sockets: Socket[] = [];
    own.origin.answer = (_request, socket) => {
      sockets.push(socket);
      return null;
    };
    const big = Buffer.concat([
      Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${LONG}\r\n`),
      body,
    ]);
    const deaf = await RawClient.to(own.gateway.port);
    const other = await RawClient.to(own.gateway.port);
    try {
      deaf.socket.pause();
      deaf.send(get("/big"));
      await eventually("the upstream has the first", () => sockets.length === 1);
      other.send(get("/big"));
      sockets[0]?.write(big);
      await eventually("the upstream has the other", () => sockets.length === 2);
      sockets[1]?.write(answer("small", LONG));
      assert.equal(text(await other.response()), "small");
    } finally {
      deaf.destroy();
      other.destroy();
    }
  });

  test("leave nothing behind when it was alone: the next one asks anew", async () => {
    const path = stand.fresh();
    const first = await RawClient.to(stand.gateway.port);
    first.send(get(path));
    await upstreamHas(1);
    first.socket.resetAndDestroy();
    await stand.gateway.logged((line) => line["path"] === path);
    const next = stand.get(path);
    await upstreamHas(2);
    held[1]?.write(answer("two", LONG));
    assert.equal(text(await next), "two");
  });

  test("ask for themselves when the first answer breaks off", async () => {
    const path = stand.fresh();
    const first = await RawClient.to(stand.gateway.port);
    first.send(get(path));
    await upstreamHas(1);
    const other = stand.get(path);
    await cacheHas(2);
    stand.origin.answer = counting(LONG);
    held[0]?.write(`HTTP/1.1 200 OK\r\nContent-Length: 6\r\n${LONG}\r\nabc`);
    await first.until(() => first.text.endsWith("abc"));
    held[0]?.destroy();
    assert.equal(await first.untilClosed(), "reset");
    first.socket.resetAndDestroy();
    assert.equal(text(await other), "answer 1");
  });

  test("are told the same when the upstream does not answer in time: nobody waits twice", async () => {
    const path = stand.fresh();
    const all = await together(path, 3);
    stand.clock.advance(60_000);
    assert.deepEqual(new Set((await Promise.all(all)).map(({ status }) => status)), new Set([504]));
    assert.equal(stand.origin.requests.length, 1);
  });

  test("do not wait for one who wants a check of his own", async () => {
    const path = stand.fresh();
    const all = [stand.get(path)];
    await upstreamHas(1);
    held[0]?.write(answer("one", LONG));
    await all[0];
    const checks = [stand.get(path, cacheControl("no-cache")), stand.get(path, cacheControl("no-cache"))];
    await upstreamHas(3);
    for (const socket of held.slice(1)) socket.write(answer("two", LONG));
    assert.deepEqual((await Promise.all(checks)).map(text), ["two", "two"]);
  });
});

async function metric(stand: Stand, name: string): Promise<number> {
  const metrics = text(await askOnce(stand.gateway.adminPort, get("/metrics")));
  return Number(new RegExp(`^${name}(?:\\{[^}]*outcome="passed"\\})? (\\d+)$`, "m").exec(metrics)?.[1] ?? 0);
}

const arrived = (stand: Stand): Promise<number> => metric(stand, "turnpike_rate_limit_decisions_total");
