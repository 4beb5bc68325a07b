/** What the store in Redis promises besides counting: clocks, times to live, what others can read, and how it fails. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Counters, Rule, Verdict } from "../../src/core/counters.ts";
import { allocateCounters } from "../../src/stores/counters/memory/memory.ts";
import { memoryCounters } from "../../src/stores/counters/memory/memory-counters.ts";
import { redisCounters } from "../../src/stores/counters/redis/redis-counters.ts";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { HandClock } from "../harness/hand-clock.ts";
import { TestRedis, withoutRedis } from "../harness/redis.ts";
import { fullestWindow, type Passed } from "./oracle.ts";
import { rateOf } from "./rate.ts";
import { silentLog } from "./stores.ts";

const skip = withoutRedis();

const rule = (algorithm: Rule["algorithm"], limit: number): Rule => ({
  id: `${algorithm}:${limit}`,
  algorithm,
  limit,
  window: 60_000,
  capacity: limit,
});

/** As a gateway has it whose clock shows `wall`. */
async function countersAt(redis: TestRedis, wall: number): Promise<Counters> {
  const clock = new HandClock(wall);
  const local = memoryCounters(allocateCounters(clock, 1024 * 1024), clock);
  const counters = await redisCounters({
    url: redis.url,
    local,
    ticker: clock,
    log: silentLog,
    patience: 10_000,
  });
  const ready = counters.limiter([rule("token-bucket", 1)]);
  await eventually("connected", async () => (await ready.take("ready", 0)) !== null);
  return counters;
}

/** Keeps the thread busy. */
function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe("counters in Redis", { skip }, () => {
  let redis: TestRedis;
  let ours: Counters;
  let theirs: Counters;
  before(async () => {
    redis = await TestRedis.start();
    ours = await countersAt(redis, Date.now());
    theirs = await countersAt(redis, Date.now() - 600_000);
  });
  after(async () => {
    ours.close();
    theirs.close();
    await redis.stop();
  });

  test("are not taken for late because this thread was busy", async () => {
    const clock = new HandClock();
    const local = memoryCounters(allocateCounters(clock, 1024 * 1024), clock);
    const counters = await redisCounters({
      url: redis.url,
      local,
      ticker: clock,
      log: silentLog,
      patience: 20,
    });
    try {
      const limiter = counters.limiter([rule("token-bucket", 100)]);
      for (let round = 0; round < 5; round++) {
        const takes = Array.from({ length: 50 }, async () => limiter.take("busy", 1));
        // Nothing is sent and nothing is read for many times the patience, then again while answers come in.
        block(100);
        setImmediate(() => block(100));
        const verdicts = await Promise.all(takes);
        assert.ok(verdicts.every((verdict) => verdict !== null));
      }
      const passed = await Promise.all(Array.from({ length: 20 }, async () => limiter.take("busy", 1)));
      assert.equal(passed.filter((verdict) => verdict?.allowed).length, 0, "250 takes had used the 100 up");
    } finally {
      counters.close();
    }
  });

  test("are the same for gateways whose clocks differ by minutes", async () => {
    for (const algorithm of ["token-bucket", "fixed-window", "sliding-window"] as const) {
      const takes = [ours, theirs, ours, theirs].map(async (counters) =>
        counters.limiter([rule(algorithm, 3)]).take("a", 1),
      );
      const verdicts = (await Promise.all(takes)) as Verdict[];
      assert.equal(verdicts.filter(({ allowed }) => allowed).length, 3, algorithm);
      for (const { at } of verdicts)
        assert.ok(Math.abs(at / 1000 - Date.now()) < 60_000, "not the time of Redis");
    }
  });

  test("never have more than the limit in any sliding window, whoever asks", async () => {
    const [limit, window] = [50, 1000];
    const sliding: Rule = { ...rule("sliding-window", limit), window };
    const passed: Passed[] = [];
    const end = Date.now() + 3.5 * window;
    const hammer = async (counters: Counters): Promise<void> => {
      const limiter = counters.limiter([sliding]);
      while (Date.now() < end) {
        const verdict = await limiter.take("hammered", 1);
        if (verdict?.allowed) passed.push({ at: verdict.at, cost: 1 });
      }
    };
    await Promise.all([ours, theirs, ours, theirs].map(hammer));
    passed.sort((a, b) => a.at - b.at);
    assert.ok(fullestWindow(passed, window * 1000) <= limit);
    assert.ok(passed.length >= 2 * limit, `only ${passed.length} passed`);
  });

  test("all have a time to live", async () => {
    const rules = (["token-bucket", "fixed-window", "sliding-window"] as const).map((one) => rule(one, 200));
    for (let i = 0; i < 5; i++) await ours.limiter(rules).take("b", 1);
    const keys = (await redis.command("KEYS", "turnpike:limit:{*"))
      .split("\r\n")
      .filter((part) => part.startsWith("turnpike"));
    assert.ok(keys.length >= 3);
    for (const key of keys) {
      const life = Number((await redis.command("PTTL", key)).slice(1));
      assert.ok(life > 0 && life <= 60_000, `${key}: ${life}`);
    }
  });

  test("are taken together in a cluster, too, which refuses keys of different slots", async () => {
    const cluster = await TestRedis.start("--cluster-enabled", "yes");
    await cluster.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await eventually("the cluster is complete", async () =>
      (await cluster.command("CLUSTER", "INFO")).includes("cluster_state:ok"),
    );
    const counters = await countersAt(cluster, Date.now());
    try {
      const rules = [rule("token-bucket", 201), rule("fixed-window", 202), rule("sliding-window", 203)];
      const verdict = await counters.limiter(rules).take("consumer:c", 1);
      assert.deepEqual(
        verdict?.standings.map(({ remaining }) => remaining),
        [200, 201, 202],
      );
    } finally {
      counters.close();
      await cluster.stop();
    }
  });

  test("go on after Redis has forgotten the script", async () => {
    const limiter = ours.limiter([rule("fixed-window", 7)]);
    await limiter.take("d", 1);
    await redis.command("SCRIPT", "FLUSH");
    assert.equal((await limiter.take("d", 1))?.standings[0]?.remaining, 5);
  });
});

describe("rate-limit without its Redis", { skip }, () => {
  let redis: TestRedis;
  let gateway: TestGateway;
  const ask = (path: string, fields = "") => askOnce(gateway.port, get(path, fields));
  const degraded = async (path: string): Promise<boolean> =>
    (await ask(path)).headers.has("x-ratelimit-degraded");
  const isBack = () => eventually("Redis is asked again", async () => !(await degraded("/wide")));

  before(async () => {
    redis = await TestRedis.start();
    const limit = (onStoreError: string, number = 2) => ({
      "rate-limit": { limit: number, window: "1h", by: "all", onStoreError, algorithm: "fixed-window" },
    });
    const route = (path: string, ...policies: unknown[]) => ({
      path: `/${path}`,
      name: path,
      to: { fixed: { status: 204 } },
      policies,
    });
    gateway = await startGateway({
      // Each lane finds out by itself: here we look at one.
      lanes: 1,
      store: { counters: redis.url },
      routes: [
        route("wide", limit("closed", 1_000_000)),
        route("closed", limit("closed", 1000)),
        route("open", limit("open")),
        route("local", limit("local")),
        route("dry", {
          "rate-limit": { limit: 1, window: "1h", by: "all", onStoreError: "closed", dryRun: true },
        }),
        route("both", limit("local", 50), limit("closed", 60)),
        route("secret", { "rate-limit": { limit: 5, window: "1h", by: { header: "Authorization" } } }),
      ],
    });
    await isBack();
  });
  after(async () => {
    await gateway.stop();
    await redis.stop();
  });

  async function assertConfigured(): Promise<void> {
    const closed = await ask("/closed");
    assert.equal(closed.status, 503);
    assert.equal(errorCode(closed), "RATE_LIMIT_UNAVAILABLE");
    assert.deepEqual(closed.headers.get("retry-after"), ["1"]);
    assert.deepEqual(closed.headers.get("x-ratelimit-degraded"), ["closed"]);
    assert.deepEqual(closed.headers.get("x-ratelimit-limit"), ["1000"]);
    for (let i = 0; i < 4; i++) {
      assert.equal((await ask("/open")).status, 204);
      assert.equal((await ask("/dry")).status, 204);
    }
    const local = await ask("/local");
    assert.deepEqual(local.headers.get("x-ratelimit-degraded"), ["local"]);
    assert.equal(local.status, rateOf(local).retryAfter === undefined ? 204 : 429);
    assert.equal((await ask("/both")).status, 503);
  }

  test("does as it is told when Redis is killed, and asks it again when it is back", async () => {
    assert.equal((await ask("/local")).status, 204);
    await redis.kill();
    await eventually("its death is noticed", () => degraded("/wide"));
    await assertConfigured();
    // Nothing is known of what Redis had counted: this process grants the limit once.
    await ask("/local");
    assert.equal((await ask("/local")).status, 429);
    await redis.restart();
    await isBack();
    assert.equal((await ask("/closed")).status, 204);
  });

  test("does as it is told when Redis stalls, and asks it again when it goes on", async () => {
    redis.signal("SIGSTOP");
    await eventually("its silence is noticed", () => degraded("/wide"));
    await assertConfigured();
    redis.signal("SIGCONT");
    await isBack();
  });

  test("does as it is told when Redis has become a replica, and asks it again when it is master", async () => {
    await redis.command("REPLICAOF", "127.0.0.1", "1");
    await eventually("it is noticed", () => degraded("/wide"));
    await assertConfigured();
    await redis.command("REPLICAOF", "NO", "ONE");
    await isBack();
  });

  test("says in the log that it counted alone", async () => {
    await redis.kill();
    await eventually("its death is noticed", () => degraded("/wide"));
    await ask("/open");
    await gateway.logged(
      ({ route, rate_limit_degraded }) => route === "open" && rate_limit_degraded === true,
    );
    await redis.restart();
    await isBack();
  });

  test("leaves no credential in Redis", async () => {
    const canary = "canary-5f1d3c";
    assert.equal((await ask("/secret", `Authorization: Bearer ${canary}\r\n`)).status, 204);
    assert.match(await redis.command("KEYS", "*header:authorization*"), /turnpike:limit/);
    assert.equal(await redis.command("KEYS", `*${canary}*`), "*0");
  });
});

describe("a gateway whose Redis is not there yet", { skip }, () => {
  test("starts, and counts in Redis as soon as it is", async () => {
    const redis = await TestRedis.start();
    await redis.kill();
    const gateway = await startGateway({
      store: { counters: redis.url },
      routes: [
        {
          path: "/a",
          to: { fixed: { status: 204 } },
          policies: [{ "rate-limit": { limit: 100, window: "1h", by: "all" } }],
        },
      ],
    });
    try {
      const degraded = async () =>
        (await askOnce(gateway.port, get("/a"))).headers.has("x-ratelimit-degraded");
      assert.ok(await degraded());
      await redis.restart();
      await eventually("it counts in Redis", async () => !(await degraded()));
    } finally {
      await gateway.stop();
      await redis.stop();
    }
  });
});
