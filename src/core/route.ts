/** What is said of a route: in the log, in metrics, in errors. */
export interface Route {
  readonly name: string;
  /** The template as written in the config. */
  readonly path: string;
  /** Empty for every method. */
  readonly methods: readonly string[];
}
