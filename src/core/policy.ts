import type { output, ZodType } from "zod";
import type { ErrorCode } from "./errors.ts";
import type { Fact } from "./facts.ts";
import type { Policy } from "./handler.ts";
import type { Tools } from "./tools.ts";

export interface PolicyKind<Options extends ZodType = ZodType> {
  /** The key in a config. */
  readonly name: string;
  /** One sentence for docs and `turnpike explain`. */
  readonly summary: string;
  /** A `z.strictObject`, every field described. */
  readonly options: Options;
  /** Facts that an outer policy must have learnt: a wrong order is a config error. */
  readonly needs?: (options: output<Options>) => readonly Fact<unknown>[];
  readonly learns?: (options: output<Options>) => readonly Fact<unknown>[];
  readonly rejects: readonly ErrorCode[];
  readonly create: (options: output<Options>, tools: Tools) => Policy;
}

export function definePolicy<Options extends ZodType>(kind: PolicyKind<Options>): PolicyKind<Options> {
  return kind;
}
