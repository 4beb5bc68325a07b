import type { Resources, View } from "../../core/resource.ts";
import { type Inputs, makeInputs } from "../resources/input/index.ts";

/** What requests may say, for each resource in each version: all of it made when the plan is. */
export class InputsOf {
  readonly #known = new Map<View, Inputs>();

  constructor(resources: Resources) {
    for (const resource of resources.values())
      for (const view of resource.views.values())
        this.#known.set(view, makeInputs(resource, view, resources));
  }

  of(view: View): Inputs {
    return this.#known.get(view) as Inputs;
  }
}
