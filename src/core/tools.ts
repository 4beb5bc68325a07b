/** What a handler may know of the world outside a call. Injected, so that tests move the clock by hand. */
export interface Clock {
  /** Milliseconds, monotonic: for durations and deadlines. */
  now(): number;
  /** Milliseconds since the epoch: for what people read. */
  wall(): number;
}

/**
 * Deadlines are looked at a few times a second instead of each having a timer of its own:
 * a timer per connection and request costs more than the requests' own JavaScript.
 */
export interface Ticker {
  /** Calls `tick(now)` about every 100 ms until the returned function is called. */
  subscribe(tick: (now: number) => void): () => void;
}

export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface Tools {
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly log: Log;
}
