import type { Call } from "../core/call.ts";
import { catalogue } from "../core/errors.ts";
import { METHODS } from "../core/methods.ts";
import type { CounterSeries, Histogram, HistogramSeries, Metrics } from "../core/metrics.ts";
import type { Route } from "../core/route.ts";

/** Seconds: from a cached answer in the same rack to a report that takes its time. */
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Methods have no series of their own beyond these: a client may make up any number. */
const KNOWN: ReadonlySet<string> = new Set(METHODS);
const NO_ROUTE = "";

/** Counts a call that is over. `now` in milliseconds of the monotonic clock. */
export type CallMeter = (call: Call, now: number) => void;

export function makeCallMeter(metrics: Metrics): CallMeter {
  const requests = metrics.counter("turnpike_requests_total", "Calls, by route, method and status.", [
    "route",
    "method",
    "status",
  ]);
  const errors = metrics.counter(
    "turnpike_errors_total",
    "Answers that the gateway made because something went wrong, by code and whose fault it was.",
    ["code", "blame"],
  );
  const duration = metrics.histogram(
    "turnpike_request_duration_seconds",
    "From the head of a request to the last byte of its answer.",
    ["route"],
    DURATIONS,
  );
  const upstream = metrics.histogram(
    "turnpike_upstream_duration_seconds",
    "From sending a request upstream to the head of its answer.",
    ["route"],
    DURATIONS,
  );
  const received = metrics.counter("turnpike_request_body_bytes_total", "Bytes of request bodies.", [
    "route",
  ]);
  const sent = metrics.counter("turnpike_response_body_bytes_total", "Bytes of answer bodies.", ["route"]);

  const known = new WeakMap<Route, RouteSeries>();
  const unrouted = seriesOf(NO_ROUTE);

  function seriesOf(route: string): RouteSeries {
    return {
      duration: duration.with({ route }),
      upstream: lazily(upstream, route),
      received: received.with({ route }),
      sent: sent.with({ route }),
      byStatus: new Map(),
    };
  }

  function seriesFor(route: Route | null): RouteSeries {
    if (route === null) return unrouted;
    let series = known.get(route);
    if (series === undefined) {
      series = seriesOf(route.name);
      known.set(route, series);
    }
    return series;
  }

  return (call, now) => {
    const { outcome, request } = call;
    const series = seriesFor(call.route);
    count(series, outcome.status, request.method, call.route?.name ?? NO_ROUTE);
    series.duration.observe((now - call.startedAt) / 1000);
    if (call.upstreamTime > 0) series.upstream().observe(call.upstreamTime / 1000);
    if (outcome.bytesIn > 0) series.received.add(outcome.bytesIn);
    series.sent.add(outcome.bytesOut);
    const code = call.errorCode;
    if (code !== null) errors.with({ code, blame: catalogue[code].blame }).add();
  };

  function count({ byStatus }: RouteSeries, status: number, given: string, route: string): void {
    const method = KNOWN.has(given) ? given : "other";
    let byMethod = byStatus.get(status);
    if (byMethod === undefined) {
      byMethod = new Map();
      byStatus.set(status, byMethod);
    }
    let series = byMethod.get(method);
    if (series === undefined) {
      series = requests.with({ route, method, status: String(status) });
      byMethod.set(method, series);
    }
    series.add();
  }
}

/** Looked up once for each route of a plan, because a call must not pay for finding them. */
interface RouteSeries {
  readonly duration: HistogramSeries;
  readonly upstream: () => HistogramSeries;
  readonly received: CounterSeries;
  readonly sent: CounterSeries;
  readonly byStatus: Map<number, Map<string, CounterSeries>>;
}

/** A route without an upstream has no series of one. */
function lazily(histogram: Histogram<"route">, route: string): () => HistogramSeries {
  let series: HistogramSeries | undefined;
  return () => {
    series ??= histogram.with({ route });
    return series;
  };
}
