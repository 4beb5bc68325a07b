import type { Parameter } from "../../../core/database.ts";

/** The values of one statement, in the order of their numbers. */
export class Parameters {
  readonly values: Parameter[] = [];

  /** `$1`, `$2` … */
  put(value: Parameter): string {
    return `$${this.values.push(value)}`;
  }
}
