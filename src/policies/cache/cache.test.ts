import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HandClock } from "../../../test/harness/hand-clock.ts";
import { heldBytes } from "../../../test/harness/memory.ts";
import { BytesBody } from "../../core/body.ts";
import { Call, type Exchange } from "../../core/call.ts";
import type { Handler } from "../../core/handler.ts";
import { Headers } from "../../core/headers.ts";
import { noIdempotency } from "../../core/idempotency.ts";
import { noKeys } from "../../core/keys.ts";
import { type Metrics, noMetrics } from "../../core/metrics.ts";
import type { Reply } from "../../core/reply.ts";
import { noRevocations } from "../../core/revocations.ts";
import { ownMemory, type SharedMemory } from "../../core/shared-memory.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { cacheOptions } from "./cache.options.ts";
import { cache } from "./cache.ts";

const FULL = process.env["TURNPIKE_FULL"] === "1";
const exchange: Exchange = { interim() {}, send() {} };

/** A lane: its memory outlives plans. */
class Lane {
  readonly clock = new HandClock();
  readonly gauges = new Map<string, () => number>();
  readonly shared: SharedMemory;

  constructor(lanes = 1) {
    this.shared = { ...ownMemory(), seat: { lane: 0, lanes, term: 1 } };
  }

  /** A policy of a new plan; `close` ends the plan. */
  open(options: object, place = "route/cache"): { around: (next: Handler) => Handler; close: () => void } {
    const closes: (() => void)[] = [];
    const metrics: Metrics = { ...noMetrics, gauge: (name, _help, read) => this.gauges.set(name, read) };
    const tools: PolicyTools = {
      clock: this.clock,
      ticker: this.clock,
      log: { info: () => {}, warn: () => {}, error: () => {} },
      metrics,
      counters: null as never,
      keys: noKeys,
      revocations: noRevocations,
      idempotency: noIdempotency,
      shared: this.shared,
      random: Math.random,
      offer: () => {},
      pseudonym: "turnpike-test",
      place,
      readFile: () => Buffer.alloc(0),
      onRefusal: () => {},
      onClose: (close) => closes.push(close),
    };
    const around = cache.create(cacheOptions.parse(options), tools);
    const close = () => {
      for (const one of closes.splice(0)) one();
    };
    return { around, close };
  }
}

function ask(path: string): Call {
  const peer = { address: "127.0.0.1", port: 1, localPort: 2, secure: false };
  return new Call(
    "req_1",
    0,
    {
      ...{
        method: "GET",
        target: path,
        path,
        query: "",
        host: "a",
        version: "1.1",
        body: null,
        upgrade: null,
      },
      ...{ headers: new Headers(), peer },
    },
    exchange,
  );
}

const answers =
  (body: () => string | Buffer): Handler =>
  (): Reply => ({
    status: 200,
    headers: Headers.of({ "Cache-Control": "max-age=60" }),
    body: new BytesBody(Buffer.from(body())),
  });

const bodyOf = async (handler: Handler, path = "/"): Promise<string | undefined> =>
  (await handler(ask(path))).body?.bytes?.toString();

describe("the memory of a cache", () => {
  test(`is not more after ${FULL ? "a million" : "30,000"} targets than maxBytes`, async () => {
    const lane = new Lane();
    const maxBytes = 8 * 1024 * 1024;
    const handler = lane.open({ maxBytes: "8mb" }).around(answers(() => "x".repeat(500)));
    for (let i = 0; i < 1000; i++) await handler(ask(`/warm/${i}`));
    const before = (await heldBytes()) - (lane.gauges.get("turnpike_cache_bytes")?.() ?? 0);
    for (let i = 0; i < (FULL ? 1_000_000 : 30_000); i++) await handler(ask(`/targets/${i}`));
    const counted = lane.gauges.get("turnpike_cache_bytes")?.() ?? 0;
    assert.ok(counted <= maxBytes && counted > 0.9 * maxBytes, `${counted} bytes`);
    const taken = (await heldBytes()) - before;
    assert.ok(taken < 1.1 * maxBytes, `${taken} bytes are taken where ${maxBytes} may be`);
    assert.equal(await bodyOf(handler, "/targets/0"), "x".repeat(500), "the oldest is asked for again");
  });

  test("is shared out among the lanes", async () => {
    const lane = new Lane(4);
    const handler = lane
      .open({ maxBytes: "64kb", maxEntry: "64kb" })
      .around(answers(() => Buffer.alloc(20_000)));
    await handler(ask("/"));
    assert.equal(lane.gauges.get("turnpike_cache_targets")?.(), 0, "a quarter of 64 kb has no room for it");
  });

  test("holds no answer larger than maxEntry, which passes all the same", async () => {
    const lane = new Lane();
    const handler = lane.open({ maxEntry: "1kb" }).around(answers(() => "x".repeat(1025)));
    assert.equal((await bodyOf(handler))?.length, 1025);
    assert.equal(lane.gauges.get("turnpike_cache_targets")?.(), 0);
  });

  test("is given back with the plan", async () => {
    const lane = new Lane();
    const { around, close } = lane.open({});
    await around(answers(() => "x"))(ask("/"));
    assert.equal(lane.gauges.get("turnpike_cache_targets")?.(), 1);
    close();
    assert.equal(lane.gauges.get("turnpike_cache_targets")?.(), 0);
  });
});

describe("a reload", () => {
  test("keeps the answers of an entry that it leaves as it was", async () => {
    const lane = new Lane();
    const old = lane.open({ staleIfError: "1m" });
    assert.equal(await bodyOf(old.around(answers(() => "one"))), "one");
    const next = lane.open({ staleIfError: "60s" });
    old.close();
    assert.equal(await bodyOf(next.around(answers(() => "two"))), "one");
  });

  test("starts empty where an option or the place is another", async () => {
    const lane = new Lane();
    lane.open({});
    assert.equal(await bodyOf(lane.open({}).around(answers(() => "one"))), "one");
    assert.equal(await bodyOf(lane.open({ share: true }).around(answers(() => "two"))), "two");
    assert.equal(await bodyOf(lane.open({}, "other/cache").around(answers(() => "three"))), "three");
  });
});

describe("the options of cache", () => {
  const refusal = (options: object): string => {
    const result = cacheOptions.safeParse(options);
    const [issue] = result.error?.issues ?? [];
    return issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
  };

  test("are all optional", () => assert.equal(refusal({}), ""));

  for (const [options, says] of [
    [{ ttl: "1m", defaultTtl: "1m" }, /^defaultTtl: ttl holds for all answers/],
    [{ maxBytes: "64kb", maxEntry: "65kb" }, /^maxEntry: one answer cannot be larger than all of them/],
    [{ maxBytes: "1kb" }, /^maxBytes: must be between 64kb and 64gb/],
    [{ ttl: 60 }, /^ttl: expected a duration such as "10s", found the number 60; write 60s/],
    [{ varyBy: ["X Tenant"] }, /^varyBy\.0: expected the name of a header/],
    [{ varyBy: ["X-Forwarded-For"] }, /^varyBy\.0: X-Forwarded-For is set by the gateway/],
    [{ varyBy: ["X-A", "X-A"] }, /^varyBy\.1: .*listed twice/],
    [{ ignoreQuery: [""] }, /^ignoreQuery\.0: a query parameter has a name/],
    [{ clientControl: "no" }, /^clientControl: expected respect or ignore/],
    [{ statuses: [] }, /^statuses: /],
    [{ nonsense: 1 }, /nonsense/],
  ] as const) {
    test(`refuse ${JSON.stringify(options)}`, () => assert.match(refusal(options), says));
  }
});
