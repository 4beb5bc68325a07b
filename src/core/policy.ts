import type { output, ZodType } from "zod";
import type { ErrorCode } from "./errors.ts";
import type { Fact } from "./facts.ts";
import type { Policy } from "./handler.ts";
import type { PolicyTools } from "./tools.ts";

/** `records`: what is issued at run time (keys, revocations). */
export type Capability = "records";

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
  /** Facts that are learnt of some calls only: several policies of a route may, and it is enough for who needs one. */
  readonly mayLearn?: (options: output<Options>) => readonly Fact<unknown>[];
  /** The stores that have to be there. A gateway opens no database that nothing uses. */
  readonly uses?: readonly Capability[];
  /**
   * Has a say in every answer, in preflights and refusals too: runs before all other kinds, wherever it is listed.
   * A route's own takes the place of the one for every route.
   */
  readonly outermost?: boolean;
  /** Runs behind the check of the version that the call asks for: it looks at what the version says (ERR-18). */
  readonly versioned?: boolean;
  readonly rejects: readonly ErrorCode[];
  readonly create: (options: output<Options>, tools: PolicyTools) => Policy;
}

export function definePolicy<Options extends ZodType>(kind: PolicyKind<Options>): PolicyKind<Options> {
  return kind;
}
