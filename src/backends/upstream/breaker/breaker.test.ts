import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BreakerOptions } from "../../../core/kinds.ts";
import { ownMemory, type SharedMemory } from "../../../core/shared-memory.ts";
import { type Breaker, isProbe, makeBreaker } from "./breaker.ts";

const OPTIONS: BreakerOptions = {
  failureRate: 0.5,
  minimumCalls: 20,
  window: 10_000,
  consecutiveFailures: 5,
  slowCall: 1_000,
  slowRate: 0.5,
  openFor: 30_000,
  probes: 1,
  failures: [500],
};
const LEASE = 20_000;
const T = 1_000_000;

/** A lane's view of the circuit, and what it has logged. */
function view(options: Partial<BreakerOptions> = {}, shared: SharedMemory = ownMemory()) {
  const lines: Record<string, unknown>[] = [];
  const write = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) =>
    void lines.push({ level, message, ...fields });
  const log = { info: write("info"), warn: write("warn"), error: write("error") };
  const circuit = makeBreaker(
    { name: "carrier", options: { ...OPTIONS, ...options }, lease: LEASE },
    { shared, log },
  );
  return { circuit, lines, shared };
}

function call(circuit: Breaker, result: "success" | "failure" | "ignored", now = T, took = 5): void {
  circuit.settle(circuit.admit(now), result, took, now);
}

function calls(circuit: Breaker, count: number, result: "success" | "failure", now = T, took = 5): void {
  for (let i = 0; i < count; i++) call(circuit, result, now, took);
}

/** Opens it at T. */
function opened(options: Partial<BreakerOptions> = {}, shared?: SharedMemory) {
  const made = view(options, shared);
  calls(made.circuit, 5, "failure");
  assert.equal(made.circuit.state, "open");
  return made;
}

describe("a closed circuit", () => {
  test("opens at the last of so many failures in a row, and not where one call between them succeeds", () => {
    const { circuit } = view();
    calls(circuit, 4, "failure");
    call(circuit, "success");
    calls(circuit, 4, "failure");
    assert.equal(circuit.state, "closed");
    call(circuit, "failure");
    assert.equal(circuit.state, "open");
  });

  test("opens at the share of failures, and says nothing before the least number of calls", () => {
    const { circuit } = view({ consecutiveFailures: Number.POSITIVE_INFINITY });
    calls(circuit, 19, "failure");
    assert.equal(circuit.state, "closed");
    call(circuit, "success");
    assert.equal(circuit.state, "open");
  });

  test("takes a share that is met exactly for met", () => {
    const { circuit } = view({
      consecutiveFailures: Number.POSITIVE_INFINITY,
      minimumCalls: 25,
      failureRate: 0.28,
    });
    calls(circuit, 18, "success");
    calls(circuit, 6, "failure");
    assert.equal(circuit.state, "closed");
    call(circuit, "failure");
    assert.equal(circuit.state, "open");
  });

  test("opens at the share of slow calls, successful ones too", () => {
    const { circuit, lines } = view();
    calls(circuit, 10, "success", T, 1_000);
    calls(circuit, 9, "success", T, 1_000.5);
    assert.equal(circuit.state, "closed");
    call(circuit, "success", T, 1_001);
    assert.equal(circuit.state, "open");
    assert.equal(lines[0]?.["message"], "the circuit of carrier is open: 10 of 20 calls were slow");
  });

  test("forgets failures that are older than its window", () => {
    const { circuit } = view({ consecutiveFailures: Number.POSITIVE_INFINITY });
    calls(circuit, 15, "failure", T);
    assert.equal(circuit.report(T + 9_999).counts.failures, 15);
    assert.deepEqual(circuit.report(T + 10_000).counts, { calls: 0, failures: 0, slow: 0, consecutive: 15 });
    calls(circuit, 10, "success", T + 10_000);
    calls(circuit, 9, "failure", T + 10_000);
    assert.equal(circuit.state, "closed");
  });

  test("counts no call that says nothing about the service", () => {
    const { circuit } = view();
    calls(circuit, 4, "failure");
    for (let i = 0; i < 100; i++) call(circuit, "ignored");
    assert.deepEqual(circuit.report(T).counts, { calls: 4, failures: 4, slow: 0, consecutive: 4 });
    call(circuit, "failure");
    assert.equal(circuit.state, "open");
  });
});

describe("an open circuit", () => {
  test("lets nothing pass for exactly as long as it says, to the fraction of a millisecond", () => {
    const { circuit } = opened();
    assert.deepEqual([circuit.admit(T), circuit.wait(T), circuit.passes(T)], [0, 30_000, false]);
    assert.deepEqual([circuit.admit(T + 29_999.5), circuit.wait(T + 29_999.5)], [0, 0.5]);
    assert.deepEqual([circuit.wait(T + 30_000), circuit.passes(T + 30_000)], [0, true]);
    assert.equal(circuit.state, "open", "looking changes nothing");
    assert.ok(isProbe(circuit.admit(T + 30_000)));
    assert.equal(circuit.state, "half-open");
  });

  test("ignores what becomes of calls that began before it opened", () => {
    const { circuit } = view();
    const early = Array.from({ length: 50 }, () => circuit.admit(T));
    calls(circuit, 5, "failure");
    for (const permit of early) circuit.settle(permit, "failure", 5, T + 29_000);
    assert.equal(circuit.wait(T + 29_000), 1_000);
    const probe = circuit.admit(T + 30_000);
    for (const permit of early) circuit.settle(permit, "success", 5, T + 30_000);
    assert.equal(circuit.state, "half-open");
    circuit.settle(probe, "success", 5, T + 30_000);
    for (const permit of early) circuit.settle(permit, "failure", 5, T + 30_000);
    assert.equal(circuit.state, "closed");
    assert.equal(circuit.report(T + 30_000).counts.calls, 0);
  });

  test("opens in time where the machine has been up for years", () => {
    const years = 10 * 365 * 86_400_000 + 0.25;
    const { circuit } = view();
    calls(circuit, 5, "failure", years);
    assert.deepEqual([circuit.admit(years + 29_999.75), circuit.admit(years + 30_000) > 0], [0, true]);
  });
});

describe("a half-open circuit", () => {
  test("lets exactly one of a thousand calls pass", () => {
    const { circuit } = opened();
    const permits = Array.from({ length: 1000 }, () => circuit.admit(T + 30_000));
    assert.equal(permits.filter((permit) => permit > 0).length, 1);
    assert.deepEqual([circuit.passes(T + 30_000), circuit.wait(T + 30_000)], [false, 1_000]);
    assert.equal(circuit.report(T + 30_000).refused, 999);
  });

  test("closes with nothing counted when its probe succeeds", () => {
    const { circuit } = opened();
    call(circuit, "success", T + 30_000);
    assert.equal(circuit.state, "closed");
    assert.deepEqual(circuit.report(T + 30_000).counts, { calls: 0, failures: 0, slow: 0, consecutive: 0 });
  });

  test("opens for the whole time again when its probe fails, or is slow", () => {
    for (const [result, took] of [
      ["failure", 5],
      ["success", 1_001],
    ] as const) {
      const { circuit } = opened();
      call(circuit, result, T + 31_000, took);
      assert.deepEqual([circuit.state, circuit.wait(T + 31_000)], ["open", 30_000]);
    }
  });

  test("closes only when all of its probes have succeeded, and opens when the last one fails", () => {
    const { circuit } = opened({ probes: 3 });
    const now = T + 30_000;
    const [first = 0, second = 0, third = 0, fourth] = Array.from({ length: 4 }, () => circuit.admit(now));
    assert.equal(fourth, 0);
    circuit.settle(first, "success", 5, now);
    circuit.settle(second, "success", 5, now);
    assert.deepEqual([circuit.state, circuit.admit(now)], ["half-open", 0]);
    circuit.settle(third, "failure", 5, now);
    assert.equal(circuit.state, "open");
  });

  test("lets another call pass when the client of its probe goes away", () => {
    const { circuit } = opened();
    call(circuit, "ignored", T + 30_000);
    assert.equal(circuit.state, "half-open");
    assert.ok(circuit.admit(T + 30_000) > 0);
    assert.equal(circuit.admit(T + 30_000), 0);
  });

  test("waits for a probe that says nothing for its lease, then lets another pass", () => {
    const { circuit } = opened();
    const lost = circuit.admit(T + 30_000);
    assert.equal(circuit.admit(T + 30_000 + LEASE - 1), 0);
    const next = circuit.admit(T + 30_000 + LEASE);
    assert.ok(next > 0 && next !== lost);
    circuit.settle(lost, "ignored", 5, T + 60_000);
    assert.equal(circuit.admit(T + 30_000 + LEASE + 1), 0, "the slot is the other one's");
    circuit.settle(next, "success", 5, T + 60_000);
    assert.equal(circuit.state, "closed");
  });

  test("is not stuck where a reload wants fewer probes than have succeeded", () => {
    const { circuit, shared } = opened({ probes: 5 });
    for (let i = 0; i < 3; i++) call(circuit, "success", T + 30_000);
    const reloaded = view({ probes: 2 }, shared).circuit;
    assert.equal(reloaded.state, "half-open");
    assert.ok(reloaded.passes(T + 30_000));
    assert.ok(reloaded.admit(T + 30_000) > 0);
    assert.equal(reloaded.state, "closed");
  });
});

describe("a circuit that is moved by hand", () => {
  test("lets nothing pass while it is forced open, and is not closed by calls on their way", () => {
    const { circuit } = view();
    const early = circuit.admit(T);
    circuit.forceOpen(T);
    circuit.settle(early, "success", 5, T);
    assert.deepEqual([circuit.admit(T + 86_400_000), circuit.state], [0, "forced-open"]);
    assert.equal(circuit.wait(T), 30_000);
  });

  test("lets everything pass while it is forced closed, whatever comes of it, and goes on counting", () => {
    const { circuit } = opened();
    circuit.forceClosed(T);
    calls(circuit, 100, "failure");
    assert.equal(circuit.state, "forced-closed");
    assert.equal(circuit.report(T).counts.failures, 100);
  });

  test("goes by itself again after a reset, with nothing counted", () => {
    const { circuit } = view();
    circuit.forceClosed(T);
    calls(circuit, 4, "failure");
    circuit.reset(T);
    calls(circuit, 4, "failure");
    assert.equal(circuit.state, "closed");
    call(circuit, "failure");
    assert.equal(circuit.state, "open");
    circuit.reset(T);
    assert.deepEqual([circuit.state, circuit.report(T).counts.calls], ["closed", 0]);
  });

  test("stays as it is under the next plan", () => {
    const { circuit, shared } = view();
    circuit.forceOpen(T);
    assert.equal(view({ openFor: 1, window: 100 }, shared).circuit.admit(T + 1_000_000), 0);
  });
});

describe("the circuit of several lanes", () => {
  test("opens by the failures of all of them, for all of them", () => {
    const shared = ownMemory();
    const lanes = [view({}, shared).circuit, view({}, shared).circuit] as const;
    calls(lanes[0], 3, "failure");
    calls(lanes[1], 2, "failure");
    assert.deepEqual([lanes[0].state, lanes[0].admit(T), lanes[1].admit(T)], ["open", 0, 0]);
  });

  test("stays open over a reload, and goes by the new numbers", () => {
    const { shared } = opened();
    const next = view({ openFor: 60_000, window: 5_000 }, shared).circuit;
    assert.deepEqual([next.state, next.wait(T + 10_000)], ["open", 50_000]);
  });

  test("has its changes logged once, by the lane that makes them, with why", () => {
    const one = opened();
    const other = view({}, one.shared);
    other.circuit.admit(T + 30_000);
    assert.deepEqual(one.lines, [
      {
        level: "warn",
        message: "the circuit of carrier is open: 5 calls in a row have failed",
        circuit: "carrier",
        from: "closed",
        to: "open",
        reason: "consecutive-failures",
        calls: 5,
        failures: 5,
        slow: 0,
        consecutive: 5,
      },
    ]);
    assert.deepEqual(
      other.lines.map(({ level, from, to, reason }) => [level, from, to, reason]),
      [["info", "open", "half-open", "time"]],
    );
  });
});
