import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { callOf, type Lane, optionsOf, Stand } from "../../../../test/balancing/stand.ts";

const FOUR = { a: 1, b: 1, c: 1, d: 1 };
const ejecting = (weights: Record<string, number>, more = {}, ejection = {}) =>
  optionsOf(weights, { ...more, ejection: { consecutiveFailures: 3, for: "10s", ...ejection } });

function fail(lane: Lane, host: string, times = 3): void {
  for (let n = 0; n < times; n++) lane.attempt(host, "failure");
}

const used = (lane: Lane): string => Object.keys(lane.picks(40)).sort().join("");

describe("ejection", () => {
  test("takes a target out after so many failures one after the other, for all lanes at once", () => {
    const stand = new Stand();
    const [one, two] = [0, 1].map((lane) => stand.lane(ejecting(FOUR), lane, 2)) as [Lane, Lane];
    fail(one, "a", 2);
    assert.equal(used(two), "abcd");
    fail(two, "a", 1);
    assert.equal(used(one), "bcd");
    assert.equal(used(two), "bcd");
    assert.deepEqual(stand.logged, ["http://a:80 is taken out of carrier: 3 calls in a row have failed"]);
    assert.match(stand.metrics, /turnpike_ejections_total\{upstream="carrier",target="http:\/\/a:80"\} 1\n/);
    assert.match(stand.metrics, /turnpike_upstream_target_healthy\{[^}]*a:80"\} 0\n/);
    assert.match(stand.metrics, /turnpike_upstream_target_healthy\{[^}]*b:80"\} 1\n/);
  });

  test("counts anew after a success, and nothing for a call that was given up", () => {
    const lane = new Stand().lane(ejecting(FOUR));
    fail(lane, "a", 2);
    lane.attempt("a", "success");
    fail(lane, "a", 2);
    lane.attempt("a", "ignored");
    assert.equal(used(lane), "abcd");
    fail(lane, "a", 1);
    assert.equal(used(lane), "bcd");
  });

  test("lets a target back in when its time is up, and counts its failures from zero", () => {
    const stand = new Stand();
    const lane = stand.lane(ejecting(FOUR));
    fail(lane, "a");
    stand.clock.advance(9_900);
    // What was on its way says nothing new.
    fail(lane, "a", 5);
    assert.equal(used(lane), "bcd");
    stand.clock.advance(100);
    assert.equal(used(lane), "abcd");
    fail(lane, "a", 2);
    assert.equal(used(lane), "abcd");
    assert.equal(stand.logged.at(-1), "http://a:80 is back in carrier: its time out is over");
  });

  test("leaves the rest in exact proportion", () => {
    const lane = new Stand().lane(ejecting({ a: 1, b: 3, c: 1 }));
    fail(lane, "a");
    assert.deepEqual(lane.picks(40), { b: 30, c: 10 });
  });

  test("never takes out more than its share of the targets, and never the last", () => {
    const hosts = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 60 });
    const share = fc.constantFrom(0, 0.25, 0.3, 0.5, 0.75, 1);
    fc.assert(
      fc.property(hosts, share, (failing, atMost) => {
        const lane = new Stand().lane(ejecting(FOUR, {}, { atMost }));
        for (const host of failing) lane.attempt(host, "failure");
        const allowed = Math.min(3, Math.floor(atMost * 4));
        assert.ok(used(lane).length >= 4 - allowed);
      }),
    );
  });

  test("leaves the last one in, however many may be out", () => {
    const lane = new Stand().lane(ejecting(FOUR, {}, { atMost: 1 }));
    for (const host of ["a", "b", "c", "d"]) fail(lane, host);
    assert.equal(used(lane), "d");
  });

  test("is passed over for as few as need be where circuits take out too many, and retries avoid those", () => {
    const stand = new Stand();
    const lane = stand.lane(ejecting(FOUR, { circuitBreaker: {} }));
    for (const host of ["a", "b"]) fail(lane, host);
    assert.equal(used(lane), "cd");
    assert.ok(lane.breakers["c"] !== undefined);
    lane.breakers["c"].state = "open";
    stand.clock.advance(100);
    assert.equal(used(lane), "ad");
    for (let n = 0; n < 20; n++) assert.equal(lane.pick(callOf(), ["c"]), "d");
    assert.equal(lane.pick(callOf(), ["d"]), "a");
  });

  test("says nothing more of a target that is out, whatever comes of calls that had begun", () => {
    const stand = new Stand();
    const lane = stand.lane(ejecting(FOUR));
    fail(lane, "a");
    lane.attempt("a", "success");
    fail(lane, "a", 5);
    assert.equal(stand.logged.length, 1);
  });

  test("says once that a failing target has to stay in, and takes it out when there is room", () => {
    const stand = new Stand();
    const lane = stand.lane(ejecting({ a: 1, b: 1 }));
    fail(lane, "a");
    fail(lane, "b", 50);
    assert.equal(used(lane), "b");
    assert.equal(stand.logged.length, 2);
    assert.equal(stand.logged[1], "http://b:80 of carrier fails and stays in: too few others are left");
    stand.clock.advance(10_000);
    assert.equal(used(lane), "ab");
    fail(lane, "b", 1);
    assert.equal(used(lane), "a");
  });

  test("outlives a reload, whatever changes about the other targets", () => {
    const stand = new Stand();
    fail(stand.lane(ejecting(FOUR)), "a");
    assert.equal(used(stand.lane(ejecting({ e: 2, b: 1, a: 1 }))), "be");
    assert.equal(used(stand.lane(optionsOf(FOUR))), "abcd");
  });

  test("sends no retry to a target that is out, though it has not been tried", () => {
    const lane = new Stand().lane(ejecting({ a: 1, b: 1, c: 1 }));
    fail(lane, "a");
    for (let n = 0; n < 20; n++) assert.notEqual(lane.pick(callOf(), ["b"]), "a");
    for (let n = 0; n < 20; n++) assert.notEqual(lane.pick(callOf(), ["b", "c"]), "a");
  });
});

describe("circuits of targets", () => {
  const breaking = (weights: Record<string, number>, more = {}) =>
    optionsOf(weights, { circuitBreaker: {}, ...more });

  test("take a target out at once, its calls go to the others in equal parts", () => {
    const stand = new Stand();
    const lane = stand.lane(breaking({ a: 1, b: 1, c: 1 }));
    assert.ok(lane.breakers["a"] !== undefined);
    lane.breakers["a"].state = "open";
    assert.equal(used(lane), "bc");
    stand.clock.advance(100);
    assert.deepEqual(lane.picks(20), { b: 10, c: 10 });
    lane.breakers["a"].state = "closed";
    stand.clock.advance(100);
    assert.deepEqual(lane.picks(30), { a: 10, b: 10, c: 10 });
  });

  test("that all refuse leave nothing to pick", () => {
    const stand = new Stand();
    const lane = stand.lane(breaking({ a: 1, b: 1 }));
    for (const breaker of Object.values(lane.breakers)) breaker.state = "open";
    assert.equal(lane.pick(), "none");
    stand.clock.advance(100);
    assert.equal(lane.pick(), "none");
  });

  test("of the only target left lets those be used that are out for less", () => {
    const stand = new Stand();
    const lane = stand.lane(ejecting({ a: 1, b: 1 }, { circuitBreaker: {} }));
    fail(lane, "a");
    assert.ok(lane.breakers["b"] !== undefined);
    lane.breakers["b"].state = "open";
    assert.equal(used(lane), "a");
    stand.clock.advance(100);
    assert.equal(used(lane), "a");
    assert.equal(stand.logged.at(-1), "no target of carrier is well: all of them are used");
    lane.breakers["b"].state = "closed";
    stand.clock.advance(100);
    assert.equal(used(lane), "b");
    assert.equal(stand.logged.at(-1), "a target of carrier is well again");
  });
});

describe("slow start", () => {
  const slow = (weights: Record<string, number>, more = {}) =>
    ejecting(weights, { slowStart: "10s", ...more });

  test("lets the share of a target that comes back grow from a tenth to the whole, in equal steps", () => {
    const stand = new Stand();
    const lane = stand.lane(slow({ a: 1, b: 1 }));
    fail(lane, "a");
    stand.clock.advance(10_000);
    assert.deepEqual(lane.picks(110), { a: 10, b: 100 });
    stand.clock.advance(5_000);
    assert.deepEqual(lane.picks(150), { a: 50, b: 100 });
    stand.clock.advance(4_900);
    assert.deepEqual(lane.picks(190), { a: 90, b: 100 });
    stand.clock.advance(100);
    assert.deepEqual(lane.picks(200), { a: 100, b: 100 });
  });

  test("does not hold where the gateway starts, only for targets that a reload adds", () => {
    const stand = new Stand();
    // Longer than the clock has run.
    const long = { slowStart: "1h" };
    const lanes = [0, 1].map((lane) => stand.lane(slow({ a: 1, b: 1 }, long), lane, 2));
    for (const lane of lanes) assert.deepEqual(lane.picks(20), { a: 10, b: 10 });
    const next = stand.lane(slow({ a: 1, b: 1, c: 1 }, long));
    assert.deepEqual(next.picks(210), { a: 100, b: 100, c: 10 });
  });

  test("holds after a circuit has closed, in every lane", () => {
    const stand = new Stand();
    const options = slow({ a: 1, b: 1 }, { circuitBreaker: {} });
    const lanes = [0, 1].map((lane) => stand.lane(options, lane, 2));
    const set = (state: "open" | "closed") => {
      for (const { breakers } of lanes) if (breakers["a"] !== undefined) breakers["a"].state = state;
      stand.clock.advance(100);
    };
    set("open");
    set("closed");
    for (const lane of lanes) assert.deepEqual(lane.picks(110), { a: 10, b: 100 });
  });

  test("holds for least connections and for hashes as well", () => {
    for (const balance of ["least-connections", "consistent-hash"]) {
      const stand = new Stand();
      const lane = stand.lane(slow({ a: 1, b: 1 }, { balance, hashBy: "path" }));
      fail(lane, "a");
      stand.clock.advance(10_000);
      const { a = 0 } = lane.picks(2200, (n) => callOf({ path: `/${n}` }));
      assert.ok(Math.abs(a - 200) < 60, `${balance}: ${a}`);
    }
  });
});
