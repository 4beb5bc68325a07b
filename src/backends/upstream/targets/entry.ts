import type { Member } from "./member.ts";

/** A target that takes calls. */
export interface Entry {
  readonly member: Member;
  /** Its place among the members. */
  readonly index: number;
  /** Its share now, in proportion to the others': a tenth of the configured weight is 1. */
  readonly weight: number;
  /** Nothing speaks against it; others are used because too few are left. */
  readonly sound: boolean;
}

/** The targets that take calls now; never empty. */
export interface Rotation {
  readonly entries: readonly Entry[];
  /** In which order they take turns. */
  readonly turns: readonly Entry[];
}
