/** What can be done with resources, whichever face it is asked through. */
import type { Resource, Resources } from "../../core/resource.ts";
import type { Clock, Log } from "../../core/tools.ts";
import type { Cursors } from "./cursor.ts";
import { Hooks } from "./hooks.ts";
import type { Ids } from "./ids.ts";
import { type Inputs, makeInputs, makeTrusted } from "./input/index.ts";
import type { Values } from "./input/types.ts";
import { newestView } from "./objects.ts";
import { Reads } from "./operations-read.ts";
import { Writes } from "./operations-write.ts";
import type { ResourceStore } from "./store.ts";

export interface OperationParts {
  readonly resources: Resources;
  readonly store: ResourceStore;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly log: Log;
  readonly ids: Ids;
  /** Milliseconds for which a function of the config is waited for. */
  readonly hookTimeout: number;
}

export class Operations {
  readonly reads: Reads;
  readonly writes: Writes;
  readonly #hooks: Hooks;

  constructor(parts: OperationParts) {
    const { resources, store, cursors, clock, ids } = parts;
    const inputs = new Map<Resource, Inputs>();
    const trusted = new Map<Resource, (given: unknown) => Values>();
    for (const resource of resources.values()) {
      inputs.set(resource, makeInputs(resource, newestView(resource), resources));
      trusted.set(resource, makeTrusted(resource));
    }
    this.#hooks = new Hooks({
      ...parts,
      inputs: (resource) => inputs.get(resource) as Inputs,
      trusted: (resource) => trusted.get(resource) as (given: unknown) => Values,
    });
    this.reads = new Reads({ store, cursors });
    this.writes = new Writes({ store, resources, clock, ids, hooks: this.#hooks });
  }

  /** Resolves when nothing is going on behind answers that have been given. */
  settled(): Promise<void> {
    return this.#hooks.settled();
  }
}
