import type { Finding, Path } from "./problem.ts";

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A config as it was read, before anything is known about its shape. */
export interface Source {
  /** As the user named it: what messages show. */
  readonly file: string;
  /** Relative paths in the config start here. */
  readonly folder: string;
  readonly value: unknown;
  /** What reading alone has found: repeated keys, unset variables … */
  readonly findings: readonly Finding[];
  /** Where a value, or its key, is written; the nearest thing around it if it is missing. */
  place(path: Path, part: "key" | "value"): Place | undefined;
  /** The values that come from the environment. */
  readonly variables: readonly Variable[];
}

export interface Variable {
  readonly path: Path;
  /** The text with its `${NAME}`: messages show it, because the value may be a secret. */
  readonly written: string;
}

/** A config that is a value already: a TypeScript module's, or a test's. */
export function sourceOf(value: unknown, file = "turnpike.config.ts", folder = "."): Source {
  return { file, folder, value, findings: [], variables: [], place: () => undefined };
}
