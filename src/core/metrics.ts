/** What is counted, for `/metrics`. Registering the same name again gives the same metric. */
export interface Metrics {
  /** `name` ends in `_total`. */
  counter<Label extends string>(name: string, help: string, labels: readonly Label[]): Counter<Label>;
  /** A value that is read when somebody looks; the values of all lanes are added up. */
  gauge(name: string, help: string, read: () => number): void;
  /**
   * States that all lanes see alike: read when somebody looks, and of the lanes' values for a series one is shown. The
   * same name may be given several times; the returned function takes this one's series away again.
   */
  states<Label extends string>(
    name: string,
    help: string,
    labels: readonly Label[],
    read: () => Iterable<StateReading<Label>>,
  ): () => void;
  /** `bounds` are the upper ends of the buckets, ascending, in the unit of the name (`_seconds`). */
  histogram<Label extends string>(
    name: string,
    help: string,
    labels: readonly Label[],
    bounds: readonly number[],
  ): Histogram<Label>;
}

export type StateReading<Label extends string> = readonly [
  labels: Readonly<Record<Label, string>>,
  value: number,
];

/**
 * `with` gives the series of one set of label values: look it up once and keep it where calls pass often.
 * Label values from outside are unbounded, and a metric holds a bounded number of series (OBS-8): past it
 * every further one counts in the series whose values are all `other`.
 */
export interface Counter<Label extends string> {
  with(values: Readonly<Record<Label, string>>): CounterSeries;
}

export interface CounterSeries {
  add(amount?: number): void;
}

export interface Histogram<Label extends string> {
  with(values: Readonly<Record<Label, string>>): HistogramSeries;
}

export interface HistogramSeries {
  observe(value: number): void;
}

/** For plans that are only looked at. */
export const noMetrics: Metrics = {
  counter: () => ({ with: () => ({ add: () => {} }) }),
  gauge: () => {},
  states: () => () => {},
  histogram: () => ({ with: () => ({ observe: () => {} }) }),
};
