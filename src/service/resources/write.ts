import { GatewayError } from "../../core/errors.ts";
import type { Field, Row } from "../../core/resource.ts";
import type { Expanded, Expander } from "./expand.ts";
import type { Permit } from "./permit.ts";
import type { KeptAnswer, Keyed, Repetition, ResourceStore } from "./store.ts";

/** How a face wants a change made and told. */
export interface Write<Result> {
  /** Null where the caller has given no key. */
  readonly keyed: Keyed | null;
  readonly expander: Expander | null;
  /** Throws where the object is not what the caller takes it for. */
  expects(row: Row | null): void;
  /** Made before the transaction ends, so that it can be kept in it. `row` is null for what is deleted. */
  answer(
    row: Row | null,
    expanded: Expanded,
    isNew: boolean,
  ): { readonly result: Result; readonly kept: KeptAnswer | null };
}

export type Outcome<Result> =
  | { readonly kind: "done"; readonly result: Result }
  | { readonly kind: "repeated"; readonly repetition: Repetition };

/** What a path has named before the id: the new object refers to it. */
export interface Inside {
  readonly field: Field;
  readonly permit: Permit;
}

/**
 * What a key was used for before comes first, whatever would be said of its request now: it may have made the very object
 * that is in its way. Looked up only where something is wrong, because the transaction of a change looks by itself.
 */
export async function orRepeated<Result>(
  keyed: Keyed | null,
  store: Pick<ResourceStore, "repetition">,
  attempt: () => Promise<Outcome<Result>>,
): Promise<Outcome<Result>> {
  try {
    return await attempt();
  } catch (thrown) {
    if (keyed === null || !(thrown instanceof GatewayError) || thrown.status >= 500) throw thrown;
    const repetition = await store.repetition(keyed);
    if (repetition === null) throw thrown;
    return { kind: "repeated", repetition };
  }
}
