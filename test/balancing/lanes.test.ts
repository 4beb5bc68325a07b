import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { askOnce, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { Service } from "./service.ts";

describe("two lanes", () => {
  const cleanups: (() => unknown)[] = [];
  after(async () => {
    for (const clean of cleanups.reverse()) await clean();
  });

  async function start(weights: readonly number[], more = {}): Promise<[ChildGateway, readonly Service[]]> {
    const services = await Promise.all(weights.map(() => Service.start()));
    for (const service of services) cleanups.push(() => service.down());
    const targets = services.map(({ url }, n) => ({ url, weight: weights[n] }));
    const routes = [{ name: "all", path: "/*", to: { upstream: "carrier" } }];
    const gateway = await startChildGateway({
      lanes: 2,
      upstreams: { carrier: { targets, ...more } },
      routes,
    });
    cleanups.push(() => gateway.stop());
    return [gateway, services];
  }

  async function ask(gateway: ChildGateway, count: number, headersOf = (_: number) => ""): Promise<void> {
    for (let n = 0; n < count; n += 20) {
      const some = Array.from({ length: 20 }, (_, k) => askOnce(gateway.port, get("/", headersOf(n + k))));
      for (const { status } of await Promise.all(some)) assert.equal(status, 200);
    }
  }

  const callsOf = (services: readonly Service[]) => services.map(({ calls }) => calls.length);

  test("together give each target exactly its share of the turns", async () => {
    const [gateway, services] = await start([2, 1, 1]);
    await ask(gateway, 400);
    assert.deepEqual(callsOf(services), [200, 100, 100]);
  });

  test("see each other's calls, and go where the fewest are", async () => {
    const [gateway, services] = await start([1, 1, 1], { balance: "least-connections" });
    const ends: (() => void)[] = [];
    for (const service of services) service.answer = (_, response) => void ends.push(() => response.end());
    const arrived = () => callsOf(services).reduce((sum, calls) => sum + calls);
    const calls: Promise<unknown>[] = [];
    for (let n = 1; n <= 30; n++) {
      calls.push(askOnce(gateway.port, get("/"), 30_000));
      await eventually("it has arrived", () => arrived() === n);
    }
    assert.deepEqual(callsOf(services), [10, 10, 10]);
    for (const end of ends) end();
    await Promise.all(calls);
  });

  test("send a session to the same target", async () => {
    const [gateway, services] = await start([1, 1, 1], {
      balance: "consistent-hash",
      hashBy: { header: "X-Session" },
    });
    await ask(gateway, 200, (n) => `X-Session: s${n % 40}\r\n`);
    const sessions = services.map(({ calls }) => calls.map(({ headers }) => String(headers["x-session"])));
    const all = sessions.map((own) => new Set(own));
    assert.equal(
      all.reduce((sum, { size }) => sum + size, 0),
      40,
    );
    for (const { size } of all) assert.ok(size > 5, `${size} of 40 sessions`);
  });
});
