import type { output, ZodType } from "zod";
import type { ErrorCode } from "./errors.ts";
import type { Fact } from "./facts.ts";
import type { Policy } from "./handler.ts";
import type { Reliability } from "./reliability.ts";
import type { PolicyTools } from "./tools.ts";

/** `records`: what is issued at run time (keys, revocations). */
export type Capability = "records";

/** Another kind that makes sense on one side of a policy only. */
export interface Neighbour {
  readonly kind: string;
  /** Where it belongs, seen from the policy; outer policies are before inner ones. */
  readonly belongs: "before" | "behind";
  /** What comes of the other order: "…, so that …". */
  readonly otherwise: string;
  /** The other order is an error, not only a warning. */
  readonly strict: boolean;
}

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
  /** It cannot be used where its stores are configured away. */
  readonly dependsOnStores?: boolean;
  readonly neighbours?: readonly Neighbour[];
  /** Two entries for the same method would stand in each other's way. */
  readonly once?: boolean;
  /**
   * Has a say in every answer, in preflights and refusals too: runs before all other kinds, wherever it is listed.
   * A route's own takes the place of the one for every route.
   */
  readonly outermost?: boolean;
  /** Runs behind the check of the version that the call asks for: it looks at what the version says (ERR-18). */
  readonly versioned?: boolean;
  /** For `turnpike explain`, and for finding what contradicts it; nothing for kinds that have no part in it. */
  readonly reliability?: (options: output<Options>) => Reliability;
  readonly rejects: readonly ErrorCode[];
  readonly create: (options: output<Options>, tools: PolicyTools) => Policy;
}

export function definePolicy<Options extends ZodType>(kind: PolicyKind<Options>): PolicyKind<Options> {
  return kind;
}
