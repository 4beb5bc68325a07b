/** The circuits of the plan in force, as the service sees them: in the memory of the lanes, for people. */
import type { Circuit, CircuitView, CountsView } from "../admin/circuits.ts";
import { type Breaker, makeBreaker } from "../backends/upstream/breaker/breaker.ts";
import { STATES, type State } from "../backends/upstream/breaker/layout.ts";
import type { CircuitPlan } from "../backends/upstream/breaker/name.ts";
import type { CircuitReport, Counts } from "../backends/upstream/breaker/report.ts";
import { openSharedMemory } from "../core/shared-memory.ts";
import type { Clock } from "../core/tools.ts";
import type { MetricSnapshot } from "../observe/metrics.ts";
import type { World } from "./api.ts";

/** What a gauge shows: more is worse, and by hand is above all that happens by itself. */
const GAUGE: Readonly<Record<State, number>> = {
  closed: 0,
  "half-open": 1,
  open: 2,
  "forced-open": 3,
  "forced-closed": 4,
};

export class Circuits {
  readonly list: readonly Circuit[];
  readonly #breakers: readonly Breaker[];
  readonly #clock: Clock;

  constructor(plans: readonly CircuitPlan[], memory: SharedArrayBuffer, { clock, log }: World) {
    const shared = openSharedMemory(memory);
    // The service lets no call pass, so nothing is ever waited for here.
    const made = plans.map((plan) => ({
      plan,
      breaker: makeBreaker({ ...plan, lease: Number.POSITIVE_INFINITY }, { shared, log }),
    }));
    this.#clock = clock;
    this.#breakers = made.map(({ breaker }) => breaker);
    this.list = made.map(({ plan, breaker }) => ({
      name: plan.name,
      view: () => viewOf(plan, breaker.report(clock.now()), clock),
      forceOpen: () => breaker.forceOpen(clock.now()),
      forceClosed: () => breaker.forceClosed(clock.now()),
      reset: () => breaker.reset(clock.now()),
    }));
  }

  /** Once for the process: every lane sees, and has counted in, the same memory. */
  metrics(): MetricSnapshot[] {
    if (this.#breakers.length === 0) return [];
    const now = this.#clock.now();
    const reports = this.#breakers.map((breaker) => ({ name: breaker.name, report: breaker.report(now) }));
    const metric = (
      type: "counter" | "gauge",
      name: string,
      help: string,
      labels: string[],
      series: MetricSnapshot["series"],
    ): MetricSnapshot => ({ name, help, type, labels, bounds: [], series });
    return [
      metric(
        "gauge",
        "turnpike_circuit_state",
        "0 closed, 1 half-open, 2 open, 3 forced open, 4 forced closed.",
        ["circuit"],
        reports.map(({ name, report }) => ({ values: [name], numbers: [GAUGE[report.state]] })),
      ),
      metric(
        "counter",
        "turnpike_circuit_transitions_total",
        "How often a circuit has entered a state.",
        ["circuit", "to"],
        reports.flatMap(({ name, report }) =>
          STATES.map((to, state) => ({ values: [name, to], numbers: [report.entered[state] ?? 0] })),
        ),
      ),
      metric(
        "counter",
        "turnpike_circuit_refused_total",
        "Calls that a circuit has not let pass.",
        ["circuit"],
        reports.map(({ name, report }) => ({ values: [name], numbers: [report.refused] })),
      ),
    ];
  }
}

function viewOf(plan: CircuitPlan, report: CircuitReport, clock: Clock): CircuitView {
  const { name, upstream, target, options } = plan;
  const { state, since, reason, seen, counts, wait, refused } = report;
  const now = clock.now();
  const at = (moment: number): string => new Date(clock.wall() + moment - now).toISOString();
  return {
    name,
    upstream,
    target,
    state,
    since: since === null ? null : at(since),
    reason,
    seen: countsView(seen),
    window: { length: options.window, ...countsView(counts) },
    next_call_at: state === "open" && wait > 0 ? at(now + wait) : null,
    refused,
  };
}

const countsView = ({ calls, failures, slow, consecutive }: Counts): CountsView => ({
  calls,
  failures,
  slow,
  consecutive_failures: consecutive,
});
