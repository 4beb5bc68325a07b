/** Counts that many calls, threads and processes share. */
export interface Counters {
  /** Closes connections and timers. */
  close(): void;
}
