import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { callOf, optionsOf, Stand } from "../../../../test/balancing/stand.ts";
import { Headers } from "../../../core/headers.ts";
import type { Principal } from "../../../core/principal.ts";

const THREE = { a: 1, b: 1, c: 1 };

describe("round robin", () => {
  test("goes to each target in proportion to its weight, exactly, in every round", () => {
    const lane = new Stand().lane(optionsOf({ a: 5, b: 2, c: 1 }));
    for (let round = 0; round < 3; round++) assert.deepEqual(lane.picks(8), { a: 5, b: 2, c: 1 });
  });

  test("holds the proportions over all lanes together", () => {
    const stand = new Stand();
    const lanes = [0, 1].map((lane) => stand.lane(optionsOf({ a: 2, b: 1 }), lane, 2));
    const weights = fc.array(fc.nat(1), { minLength: 30, maxLength: 30 });
    fc.assert(
      fc.property(weights, (order) => {
        const picked = order.map((lane) => lanes[lane]?.pick());
        assert.equal(picked.filter((host) => host === "a").length, 20);
      }),
    );
  });

  test("tries another target than those that were tried, all of them equally often", () => {
    const lane = new Stand().lane(optionsOf(THREE));
    const after = { b: 0, c: 0 };
    for (let n = 0; n < 3000; n++) after[lane.pick(callOf(), ["a"]) as "b" | "c"]++;
    assert.ok(Math.abs(after.b - 1500) < 150, JSON.stringify(after));
    assert.equal(after.b + after.c, 3000);
    assert.equal(lane.pick(callOf(), ["a", "c"]), "b");
  });

  test("comes back to a tried target where there is no other", () => {
    const lane = new Stand().lane(optionsOf({ a: 1, b: 1 }));
    assert.notEqual(lane.pick(callOf(), ["a", "b"]), "none");
  });

  test("goes on over a reload where it was", () => {
    const stand = new Stand();
    assert.deepEqual(stand.lane(optionsOf(THREE)).picks(2), { a: 1, b: 1 });
    assert.equal(stand.lane(optionsOf(THREE)).pick(), "c");
  });
});

describe("least connections", () => {
  const least = (weights: Record<string, number>) => optionsOf(weights, { balance: "least-connections" });

  test("goes where the fewest calls are in flight, of all lanes", () => {
    const stand = new Stand();
    const [one, two] = [stand.lane(least(THREE), 0, 2), stand.lane(least(THREE), 1, 2)];
    one.started("a");
    one.started("b");
    two.started("c");
    two.started("c");
    two.started("a");
    assert.equal(one.pick(), "b");
    assert.equal(two.pick(), "b");
  });

  test("lets calls that hang pile up evenly", () => {
    const lane = new Stand().lane(least(THREE));
    const counts: Record<string, number> = {};
    for (let n = 0; n < 30; n++) {
      const host = lane.pick();
      lane.started(host);
      counts[host] = (counts[host] ?? 0) + 1;
    }
    assert.deepEqual(counts, { a: 10, b: 10, c: 10 });
  });

  test("counts calls for the weight of a target, and takes turns by weight while none is in flight", () => {
    const lane = new Stand().lane(least({ a: 3, b: 1 }));
    assert.deepEqual(lane.picks(8), { a: 6, b: 2 });
    lane.started("a");
    lane.started("a");
    lane.started("b");
    assert.equal(lane.pick(), "a");
  });

  test("counts an answered call until its last byte, and a failed one no longer", () => {
    const lane = new Stand().lane(least({ a: 1, b: 1 }));
    const call = callOf();
    lane.attempt("a", "success", call);
    lane.attempt("b", "failure");
    assert.deepEqual(lane.picks(2), { b: 2 });
    call.end();
    assert.deepEqual(lane.picks(2), { a: 1, b: 1 });
  });

  test("forgets the calls of a lane that has died", () => {
    const stand = new Stand();
    const dead = stand.lane(least({ a: 1, b: 1 }), 0, 2);
    for (let n = 0; n < 5; n++) dead.started("a");
    const next = stand.lane(least({ a: 1, b: 1 }), 0, 2);
    assert.deepEqual(next.picks(4), { a: 2, b: 2 });
  });
});

describe("a consistent hash", () => {
  const hashed = (weights: Record<string, number>, hashBy: unknown = "path", more = {}) =>
    optionsOf(weights, { balance: "consistent-hash", hashBy, ...more });
  const at = (n: number) => callOf({ path: `/orders/${n}` });
  const FIVE = { a: 1, b: 1, c: 1, d: 1, e: 1 };

  test("spreads many keys over the targets within 10 percent of their shares", () => {
    const counts = new Stand().lane(hashed(FIVE)).picks(20_000, at);
    for (const [host, count] of Object.entries(counts)) {
      assert.ok(Math.abs(count - 4000) < 400, `${host}: ${count}`);
    }
    const weighted = new Stand().lane(hashed({ a: 3, b: 1 })).picks(20_000, at);
    assert.ok(Math.abs((weighted["a"] ?? 0) - 15_000) < 500, JSON.stringify(weighted));
  });

  test("sends a key to the same target in every process, whatever the order of the targets", () => {
    const one = new Stand().lane(hashed({ a: 1, b: 2, c: 1 }));
    const two = new Stand().lane(hashed({ c: 1, b: 2, a: 1 }));
    for (let n = 0; n < 500; n++) assert.equal(one.pick(at(n)), two.pick(at(n)));
  });

  test("moves only the keys of a target that leaves, and gives them back when it returns", () => {
    const host = fc.constantFrom("a", "b", "c", "d", "e");
    fc.assert(
      fc.property(host, fc.array(fc.string(), { minLength: 50, maxLength: 50 }), (gone, paths) => {
        const stand = new Stand();
        const lane = stand.lane(hashed(FIVE, "path", { circuitBreaker: {} }));
        const calls = paths.map((path) => callOf({ path: `/${path}` }));
        const before = calls.map((call) => lane.pick(call));
        const breaker = lane.breakers[gone];
        assert.ok(breaker !== undefined);
        breaker.state = "open";
        for (const [n, call] of calls.entries()) {
          const now = lane.pick(call);
          if (before[n] === gone) assert.notEqual(now, gone);
          else assert.equal(now, before[n]);
        }
        breaker.state = "closed";
        stand.clock.advance(100);
        assert.deepEqual(
          calls.map((call) => lane.pick(call)),
          before,
        );
      }),
      { numRuns: 30 },
    );
  });

  test("moves to a new target only what becomes its own", () => {
    const before = new Stand().lane(hashed({ a: 1, b: 1, c: 1 }));
    const after = new Stand().lane(hashed({ a: 1, b: 1, c: 1, d: 1 }));
    let moved = 0;
    for (let n = 0; n < 2000; n++) {
      const [from, to] = [before.pick(at(n)), after.pick(at(n))];
      if (from === to) continue;
      assert.equal(to, "d");
      moved++;
    }
    assert.ok(Math.abs(moved - 500) < 75, String(moved));
  });

  test("keeps a client to one target by its address, a /64 of IPv6 as one", () => {
    const lane = new Stand().lane(hashed(FIVE, "client"));
    const from = (clientIp: string) => lane.pick(callOf({}, clientIp));
    assert.equal(from("2001:db8:0:1::1"), from("2001:db8:0:1:ffff::2"));
    const hosts = Array.from({ length: 50 }, (_, n) => from(`2001:db8:0:${n}::1`));
    assert.equal(new Set(hosts).size, 5);
    assert.equal(from("192.0.2.7"), from("192.0.2.7"));
  });

  test("keeps a consumer to one target, and by its address where nobody is known", () => {
    const lane = new Stand().lane(hashed(FIVE, "consumer"));
    const as = (consumer: string, clientIp: string) => {
      const call = callOf({}, clientIp);
      call.principal = { consumer } as Principal;
      return lane.pick(call);
    };
    for (let n = 0; n < 20; n++) assert.equal(as(`c${n}`, "192.0.2.1"), as(`c${n}`, "192.0.2.2"));
    assert.equal(lane.pick(callOf({}, "192.0.2.9")), lane.pick(callOf({}, "192.0.2.9")));
  });

  test("reads a header whatever its case, and lets calls without it take turns", () => {
    const lane = new Stand().lane(hashed(THREE, { header: "X-Session" }));
    const headers = new Headers();
    headers.set("x-session", "s1");
    const [first, ...more] = [1, 2, 3, 4].map(() => lane.pick(callOf({ headers })));
    assert.deepEqual(new Set(more), new Set([first]));
    assert.deepEqual(lane.picks(6), { a: 2, b: 2, c: 2 });
  });

  test("tries the same second target for a key every time", () => {
    const lane = new Stand().lane(hashed(FIVE));
    for (let n = 0; n < 20; n++) {
      const first = lane.pick(at(n));
      const second = lane.pick(at(n), [first]);
      assert.notEqual(second, first);
      assert.equal(lane.pick(at(n), [first]), second);
    }
  });
});

describe("one target", () => {
  test("is always the one", () => {
    const lane = new Stand().lane(optionsOf({ a: 1 }, { ejection: {} }));
    for (let n = 0; n < 10; n++) lane.attempt("a", "failure");
    assert.equal(lane.pick(callOf(), ["a"]), "a");
  });
});
