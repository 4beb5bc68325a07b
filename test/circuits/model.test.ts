/** The circuit breaker beside a naive model of it, step by step, over random options and histories. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { BreakerResult } from "../../src/backends/upstream/breaker/api.ts";
import { type Breaker, makeBreaker } from "../../src/backends/upstream/breaker/breaker.ts";
import { REASONS, STATES } from "../../src/backends/upstream/breaker/layout.ts";
import type { BreakerOptions } from "../../src/core/kinds.ts";
import { ownMemory } from "../../src/core/shared-memory.ts";
import type { Log } from "../../src/core/tools.ts";
import { CircuitModel, type Pass, SCALE } from "./model.ts";

/** With TURNPIKE_FULL=1 ten times as many. */
const STEPS = process.env["TURNPIKE_FULL"] === "1" ? 1_000_000 : 100_000;
const LEASE = 5_000;
const LANES = 2;

/** Two plans that overlap, as in a reload, each in two lanes, on one memory. */
interface World {
  readonly plans: readonly Plan[];
  readonly held: { readonly permit: number; readonly plan: Plan }[];
  now: number;
  steps: number;
  /** Why, of each change that was logged. */
  readonly told: string[];
}

interface Plan {
  readonly options: BreakerOptions;
  readonly lanes: readonly Breaker[];
}

/** The passes that belong to `World.held`, in the same order. */
interface Model {
  readonly circuit: CircuitModel;
  readonly held: Pass[];
}

type Step = fc.Command<Model, World>;

/** Made of a function, because the text of a step is what a failure shows. */
function step(text: string, act: (model: Model, world: World) => void): Step {
  return {
    check: () => true,
    run(model, world) {
      act(model, world);
      world.steps++;
      compare(model, world);
    },
    toString: () => text,
  };
}

function compare({ circuit }: Model, { plans, now, told }: World): void {
  for (const { options, lanes } of plans) {
    for (const lane of lanes) {
      const { state, counts, wait, refused, entered } = lane.report(now);
      const numbers = STATES.map((name) => circuit.entered[name]);
      const wanted = { state: circuit.state, wait: circuit.wait(options, now), refused: circuit.refused };
      assert.deepEqual({ state, wait, refused }, wanted);
      assert.deepEqual(counts, circuit.counts(options, now));
      assert.deepEqual(entered, numbers);
      assert.deepEqual([lane.wait(now), lane.passes(now)], [wanted.wait, wanted.wait === 0]);
      assert.equal(
        told.length,
        numbers.reduce((sum, number) => sum + number),
      );
    }
  }
}

const plan = fc.nat(1);
const lane = fc.nat(LANES - 1);
/** How much earlier the clock was read; most come at once. */
const behind = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.nat(50 * SCALE).map((parts) => parts / SCALE) },
);
const result = fc.oneof(
  { weight: 5, arbitrary: fc.constant<BreakerResult>("success") },
  { weight: 5, arbitrary: fc.constant<BreakerResult>("failure") },
  { weight: 1, arbitrary: fc.constant<BreakerResult>("ignored") },
);

const admit = fc.record({ plan, lane, behind }).map(({ plan, lane, behind }) =>
  step(`admit in plan ${plan}, lane ${lane}, ${behind} ms behind`, (model, world) => {
    const { options, lanes } = world.plans[plan] as Plan;
    const permit = (lanes[lane] as Breaker).admit(world.now - behind);
    const pass = model.circuit.admit(options, LEASE, world.now - behind);
    assert.equal(permit > 0, pass !== null, `permit ${permit}`);
    if (pass === null) return;
    world.held.push({ permit, plan: world.plans[plan] as Plan });
    model.held.push(pass);
  }),
);

/** In whatever order: `which` is taken modulo what is held. Early ones are preferred, so that not all come late. */
const settle = fc
  .record({ which: fc.nat(1000), lane, result, took: fc.constantFrom(1, 100, 100.5, 3_000), behind })
  .map(({ which, lane, result, took, behind }) =>
    step(
      `settle ${which}: ${result} after ${took} ms, in lane ${lane}, ${behind} ms behind`,
      (model, world) => {
        if (model.held.length === 0) return;
        const at = model.held.length - 1 - (which % model.held.length);
        const { permit, plan } = world.held.splice(at, 1)[0] as World["held"][number];
        const [pass] = model.held.splice(at, 1) as [Pass];
        (plan.lanes[lane] as Breaker).settle(permit, result, took, world.now - behind);
        model.circuit.settle(pass, result, took, plan.options, world.now - behind);
      },
    ),
  );

const pause = fc
  .oneof(
    { weight: 300, arbitrary: fc.nat(300 * SCALE).map((parts) => () => parts / SCALE) },
    { weight: 100, arbitrary: plan.map((plan) => (world: World) => optionsOf(world, plan).openFor) },
    { weight: 100, arbitrary: plan.map((plan) => (world: World) => toNextBucket(world, plan)) },
    { weight: 50, arbitrary: plan.map((plan) => (world: World) => optionsOf(world, plan).window) },
    { weight: 50, arbitrary: fc.constant(() => LEASE) },
    { weight: 50, arbitrary: fc.constant(() => 1 / SCALE) },
    // Past what 32 bits of milliseconds hold, twice.
    { weight: 1, arbitrary: fc.constant(() => 2 ** 32 + 5) },
  )
  .map((pause) =>
    step("pause", (_, world) => {
      world.now += pause(world);
    }),
  );

const byHand = fc
  .record({ plan, lane, to: fc.constantFrom("forced-open", "forced-closed", "closed", "closed", "closed") })
  .map(({ plan, lane, to }) =>
    step(`by hand ${to}`, (model, world) => {
      const breaker = world.plans[plan]?.lanes[lane] as Breaker;
      if (to === "forced-open") breaker.forceOpen(world.now);
      else if (to === "forced-closed") breaker.forceClosed(world.now);
      else breaker.reset(world.now);
      model.circuit.force(to as "closed", world.now);
    }),
  );

const optionsOf = ({ plans }: World, plan: number): BreakerOptions => (plans[plan] as Plan).options;

function toNextBucket(world: World, plan: number): number {
  const length = optionsOf(world, plan).window;
  const next = (Math.floor((world.now * 10) / length) + 1) * (length / 10);
  return Math.ceil((next - world.now) * SCALE) / SCALE;
}

const percent = fc.integer({ min: 1, max: 100 }).map((percent) => percent / 100);
const options: fc.Arbitrary<BreakerOptions> = fc.record({
  failureRate: percent,
  minimumCalls: fc.integer({ min: 1, max: 30 }),
  window: fc.constantFrom(100, 101, 333, 1000, 10_000),
  consecutiveFailures: fc.constantFrom(1, 2, 3, 5, 8, Number.POSITIVE_INFINITY),
  slowCall: fc.constantFrom(100, 1_000, Number.POSITIVE_INFINITY),
  slowRate: percent,
  openFor: fc.constantFrom(1, 250, 1_000, 1_000, 30_000),
  probes: fc.constantFrom(1, 1, 1, 2, 3, 10),
  failures: fc.constant([500]),
});

/** Calls, mostly; half of them settled before the next one begins. */
const steps = fc.commands([...times(8, admit), ...times(8, settle), ...times(3, pause), byHand], {
  maxCommands: 600,
  size: "max",
});

function times<Item>(count: number, item: Item): Item[] {
  return new Array<Item>(count).fill(item);
}

function makeWorld(options: readonly BreakerOptions[], start: number): World {
  const told: string[] = [];
  const tell: Log["info"] = ({ reason }) => void told.push(String(reason));
  const tools = { shared: ownMemory(), log: { info: tell, warn: tell, error: tell } };
  const lanesOf = (one: BreakerOptions) =>
    Array.from({ length: LANES }, () => makeBreaker({ name: "carrier", options: one, lease: LEASE }, tools));
  const plans = options.map((one): Plan => ({ options: one, lanes: lanesOf(one) }));
  return { plans, held: [], now: start, steps: 0, told };
}

describe("a circuit breaker", () => {
  test(`does what a naive model of it does, in ${STEPS} steps of two lanes and two plans`, () => {
    let done = 0;
    const changes: string[] = [];
    const property = fc.property(fc.tuple(options, options), fc.nat(2 ** 40), steps, (both, start, steps) => {
      const world = makeWorld(both, start / SCALE);
      const model = { circuit: new CircuitModel(), held: [] };
      fc.modelRun(() => ({ model, real: world }), steps);
      done += world.steps;
      changes.push(...world.told);
    });
    while (done < STEPS) fc.assert(property, { numRuns: 50 });
    for (const reason of REASONS.slice(1)) {
      const times = changes.filter((change) => change === reason).length;
      assert.ok(times > 50, `${reason}: ${times}`);
    }
  });
});
