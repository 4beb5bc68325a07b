/**
 * How one algorithm counts in a cell. Made for one rule; `open` turns to a cell and brings it up to now, what
 * follows is about that cell. Times are monotonic milliseconds, and never go back within a cell.
 */
export interface Meter {
  /** Bytes of a cell; a multiple of 8. */
  readonly cellBytes: number;
  /** `cell` is an index into the doubles; `fresh` if nothing is known of the key. */
  open(cell: number, fresh: boolean, now: number): void;
  /** Whole units that can be had at once. */
  remaining(): number;
  spend(cost: number): void;
  /** Undoes what was spent at `at`. */
  giveBack(cost: number, at: number): void;
  /** When nothing will be left to remember. */
  expiry(): number;
  /** Milliseconds until `remaining` grows; 0 where nothing is used. */
  reset(): number;
  /** Milliseconds until `cost` can be had. */
  wait(cost: number): number;
}
