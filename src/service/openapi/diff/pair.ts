/** Two of the same kind, one in each document. */
import type { Changes } from "./change.ts";
import type { Shape } from "./shape.ts";
import type { Source } from "./source.ts";
import type { Unchanged } from "./unchanged.ts";

/** To the service, or from it. */
export type Direction = "request" | "response";

export interface Comparison {
  readonly before: Source;
  readonly after: Source;
  readonly changes: Changes;
  readonly unchanged: Unchanged;
}

/** Schemas. */
export interface Pair {
  readonly before: unknown;
  readonly after: unknown;
  /** What they are of. */
  readonly subject: string;
  readonly direction: Direction;
}

export interface Shapes {
  readonly before: Shape;
  readonly after: Shape;
  readonly subject: string;
  readonly direction: Direction;
}

/** For sentences: what is said of a request is not said of an answer. */
export const where = (direction: Direction): string =>
  direction === "request" ? "in requests" : "in answers";
