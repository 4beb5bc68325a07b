import type { Operations } from "../resources/operations.ts";
import type { ResourceStore } from "../resources/store.ts";
import type { InputsOf } from "./inputs-of.ts";
import type { Representations } from "./representations.ts";

/** What answers are made with. */
export interface RestTools {
  readonly operations: Operations;
  readonly store: ResourceStore;
  readonly inputs: InputsOf;
  readonly representations: Representations;
  /** The scopes that decide what callers see. */
  readonly sight: ReadonlySet<string>;
}
