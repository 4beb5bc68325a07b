/** The way to a value: keys of objects and indexes of lists. */
export type Path = readonly (string | number)[];

/** Something wrong with a config, before it is known where that is in the file. */
export interface Finding {
  readonly path: Path;
  /** Points at the key instead of the value: for keys that should not be there. */
  readonly key?: true;
  /** One sentence, without a full stop. */
  readonly message: string;
  /** The key that was probably meant by this one. */
  readonly meant?: string | undefined;
  /** There is nothing at the path. */
  readonly missing?: true;
}

export interface Problem {
  /** `routes[0].to.upstream`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  /** As the user named it. */
  readonly file: string;
  /** From 1; absent where the file has no positions to offer (TypeScript). */
  readonly line?: number;
  readonly column?: number;
}

/** A config that cannot be used. Its message has one line for each problem. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** `turnpike.yaml:12:5: routes[0].upstrem: unknown key; did you mean "upstream"?` */
export function formatProblem({ file, line, column, path, message }: Problem): string {
  const place = line === undefined ? file : `${file}:${line}${column === undefined ? "" : `:${column}`}`;
  return path === "" ? `${place}: ${message}` : `${place}: ${path}: ${message}`;
}

/** `routes[0].headers.request.set["x y"]` */
export function pathText(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[a-z_$][\w$-]*$/i.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}
