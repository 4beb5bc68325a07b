/**
 * Metrics are counted where they happen, each lane for itself, in plain objects: that costs a few additions and
 * no atomics. Who looks at `/metrics` collects a snapshot from every lane and adds them up.
 */
import type {
  Counter,
  CounterSeries,
  Histogram,
  HistogramSeries,
  Metrics,
  StateReading,
} from "../core/metrics.ts";

/** Label values may come from outside; a scrape must stay small (OBS-8). */
const MAX_SERIES = 1_000;
const OVERFLOW = "other";

/** What can be sent from thread to thread. */
export interface MetricSnapshot {
  readonly name: string;
  readonly help: string;
  /** A `state` is a gauge that every thread reads alike. */
  readonly type: "counter" | "gauge" | "histogram" | "state";
  readonly labels: readonly string[];
  /** Upper ends of a histogram's buckets. */
  readonly bounds: readonly number[];
  readonly series: readonly SeriesSnapshot[];
}

export interface SeriesSnapshot {
  readonly values: readonly string[];
  /** One number; of a histogram the counts of its buckets, the last for all above, then the sum. */
  readonly numbers: readonly number[];
}

export class MetricRegistry implements Metrics {
  readonly #metrics = new Map<string, Metric>();
  readonly #gauges = new Map<string, { help: string; read: () => number }>();
  readonly #states = new Map<string, States>();

  counter<Label extends string>(name: string, help: string, labels: readonly Label[]): Counter<Label> {
    return this.#metric(name, () => new Metric(name, help, "counter", labels, []));
  }

  gauge(name: string, help: string, read: () => number): void {
    this.#gauges.set(name, { help, read });
  }

  states<Label extends string>(
    name: string,
    help: string,
    labels: readonly Label[],
    read: () => Iterable<StateReading<Label>>,
  ): () => void {
    const known = this.#states.get(name) ?? { help, labels, readers: new Set() };
    this.#states.set(name, known);
    known.readers.add(read);
    return () => known.readers.delete(read);
  }

  histogram<Label extends string>(
    name: string,
    help: string,
    labels: readonly Label[],
    bounds: readonly number[],
  ): Histogram<Label> {
    return this.#metric(name, () => new Metric(name, help, "histogram", labels, bounds));
  }

  snapshot(): MetricSnapshot[] {
    const gauges = [...this.#gauges].map(([name, { help, read }]): MetricSnapshot => {
      const series = [{ values: [], numbers: [read()] }];
      return { name, help, type: "gauge", labels: [], bounds: [], series };
    });
    const states = [...this.#states].map(([name, states]) => snapshotStates(name, states));
    return [...[...this.#metrics.values()].map((metric) => metric.snapshot()), ...gauges, ...states];
  }

  #metric(name: string, make: () => Metric): Metric {
    const known = this.#metrics.get(name);
    if (known !== undefined) return known;
    const made = make();
    this.#metrics.set(name, made);
    return made;
  }
}

interface States {
  readonly help: string;
  readonly labels: readonly string[];
  readonly readers: Set<() => Iterable<StateReading<string>>>;
}

function snapshotStates(name: string, { help, labels, readers }: States): MetricSnapshot {
  const readings = [...readers].flatMap((read) => [...read()]).slice(0, MAX_SERIES);
  const series = readings.map(([values, value]): SeriesSnapshot => {
    return { values: labels.map((label) => values[label] ?? ""), numbers: [value] };
  });
  return { name, help, type: "state", labels, bounds: [], series };
}

class Metric implements Counter<string>, Histogram<string> {
  readonly #name: string;
  readonly #help: string;
  readonly #type: "counter" | "histogram";
  readonly #labels: readonly string[];
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(
    name: string,
    help: string,
    type: "counter" | "histogram",
    labels: readonly string[],
    bounds: readonly number[],
  ) {
    this.#name = name;
    this.#help = help;
    this.#type = type;
    this.#labels = labels;
    this.#bounds = bounds;
  }

  with(values: Readonly<Record<string, string>>): Series {
    const ordered = this.#labels.map((label) => values[label] ?? "");
    const key = ordered.join("\0");
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= MAX_SERIES && !ordered.every((value) => value === OVERFLOW)) {
      return this.with(Object.fromEntries(this.#labels.map((label) => [label, OVERFLOW])));
    }
    const made = new Series(ordered, this.#bounds);
    this.#series.set(key, made);
    return made;
  }

  snapshot(): MetricSnapshot {
    return {
      name: this.#name,
      help: this.#help,
      type: this.#type,
      labels: this.#labels,
      bounds: this.#bounds,
      series: [...this.#series.values()].map(({ values, numbers }) => ({ values, numbers: [...numbers] })),
    };
  }
}

/** Of a counter: one number. Of a histogram: one for each bucket, one for what is above them all, the sum. */
class Series implements CounterSeries, HistogramSeries {
  readonly values: readonly string[];
  readonly numbers: number[];
  readonly #bounds: readonly number[];

  constructor(values: readonly string[], bounds: readonly number[]) {
    this.values = values;
    this.#bounds = bounds;
    this.numbers = new Array<number>(bounds.length === 0 ? 1 : bounds.length + 2).fill(0);
  }

  add(amount = 1): void {
    this.numbers[0] = (this.numbers[0] as number) + amount;
  }

  observe(value: number): void {
    const { numbers } = this;
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    numbers[bucket] = (numbers[bucket] as number) + 1;
    const sum = bounds.length + 1;
    numbers[sum] = (numbers[sum] as number) + value;
  }
}

/** What all threads have counted together. */
export function mergeSnapshots(all: readonly (readonly MetricSnapshot[])[]): MetricSnapshot[] {
  const byName = Map.groupBy(all.flat(), ({ name }) => name);
  return [...byName.values()].map((same): MetricSnapshot => {
    const bySeries = Map.groupBy(
      same.flatMap(({ series }) => series),
      ({ values }) => values.join("\0"),
    );
    const series = [...bySeries.values()].map((parts): SeriesSnapshot => {
      const [first, ...more] = parts as [SeriesSnapshot, ...SeriesSnapshot[]];
      if (same[0]?.type === "state") return first;
      const numbers = first.numbers.map((number, index) =>
        more.reduce((sum, part) => sum + (part.numbers[index] ?? 0), number),
      );
      return { values: first.values, numbers };
    });
    return { ...(same[0] as MetricSnapshot), series };
  });
}

/** The Prometheus text format, version 0.0.4. */
export function renderMetrics(snapshots: readonly MetricSnapshot[]): string {
  const sorted = [...snapshots].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.map(renderMetric).join("");
}

function renderMetric(metric: MetricSnapshot): string {
  const { name, help, type, labels, series } = metric;
  const shown = type === "state" ? "gauge" : type;
  const head = `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${shown}\n`;
  const lines = series.map(({ values, numbers }) => {
    const pairs = labels.map((label, index) => `${label}="${escapeValue(values[index] ?? "")}"`);
    return type === "histogram" ? histogramLines(metric, pairs, numbers) : line(name, pairs, numbers[0] ?? 0);
  });
  return head + lines.join("");
}

function histogramLines(
  { name, bounds }: MetricSnapshot,
  pairs: readonly string[],
  numbers: readonly number[],
): string {
  let count = 0;
  const buckets = [...bounds, "+Inf"].map((bound, index) => {
    count += numbers[index] ?? 0;
    return line(`${name}_bucket`, [...pairs, `le="${bound}"`], count);
  });
  const sum = numbers[bounds.length + 1] ?? 0;
  return `${buckets.join("")}${line(`${name}_sum`, pairs, sum)}${line(`${name}_count`, pairs, count)}`;
}

function line(name: string, pairs: readonly string[], value: number): string {
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
}

const escapeValue = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
