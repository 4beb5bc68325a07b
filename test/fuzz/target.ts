import type { Random } from "./random.ts";

/** Something that is fuzzed: makes inputs, runs them, says what is wrong. */
export interface Target {
  readonly name: string;
  /** How many inputs are best run together. */
  readonly batch: number;
  /** The samples that are tried first, and spliced into others. */
  readonly corpus: readonly string[];
  generate(random: Random): string;
  /**
   * What is wrong with each input, in words; null where nothing is. `seed` decides how the bytes are cut into
   * packets, so that running an input again is running the same.
   */
  run(inputs: readonly Input[]): Promise<(string | null)[]>;
  close?(): Promise<void>;
}

export interface Input {
  readonly bytes: string;
  readonly seed: number;
}
