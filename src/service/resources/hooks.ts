import type {
  Action,
  Field,
  HookContext,
  Resource,
  ResourceEvent,
  Resources,
  Row,
} from "../../core/resource.ts";
import type { Log } from "../../core/tools.ts";
import { type Caller, scopesOf } from "./caller.ts";
import { asFunctionOf } from "./functions.ts";
import type { Inputs, Values } from "./input/types.ts";
import { type ObjectValues, shownObject, storedObject } from "./objects.ts";
import type { Owner, ResourceStore } from "./store.ts";
import { ownerOf } from "./tenancy.ts";

export interface HookParts {
  readonly resources: Resources;
  readonly store: Pick<ResourceStore, "get">;
  readonly log: Log;
  /** Milliseconds for which a function of the config is waited for. */
  readonly hookTimeout: number;
  /** Of the newest version, by resource. */
  readonly inputs: (resource: Resource) => Pick<Inputs, "id">;
  /** What a function has returned, checked: it may set what is read-only from outside. Throws a plain Error. */
  readonly trusted: (resource: Resource) => (given: unknown) => Values;
}

/** A moment of a caller's, for the functions that are asked in it. */
export interface Moment {
  readonly caller: Caller;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Asks the functions of the config. They get copies, and what they return is checked. */
export class Hooks {
  readonly #parts: HookParts;
  /** Behind the answers that they are about. */
  readonly #after = new Set<Promise<void>>();

  constructor(parts: HookParts) {
    this.#parts = parts;
  }

  /** What a new object is made of, given what the request and the defaults say. */
  beforeCreate(resource: Resource, draft: Row, moment: Moment): Promise<Values> {
    const hook = resource.hooks.beforeCreate as NonNullable<Resource["hooks"]["beforeCreate"]>;
    const input = without([...systemOf(resource), resource.owner], storedObject(resource, draft));
    return this.#ask(resource, () => hook(input, this.#context(resource, null, moment)), input);
  }

  /** What is changed, given what the request changes. */
  beforeUpdate(resource: Resource, before: Row, after: Row, moment: Moment): Promise<Values> {
    const hook = resource.hooks.beforeUpdate as NonNullable<Resource["hooks"]["beforeUpdate"]>;
    const object = storedObject(resource, after);
    const changes: ObjectValues = {};
    for (const field of resource.fields)
      if (field.name in object && before[field.at] !== after[field.at])
        changes[field.name] = object[field.name];
    return this.#ask(resource, () => hook(changes, this.#context(resource, before, moment)), changes);
  }

  run(resource: Resource, action: Action, input: ObjectValues, before: Row, moment: Moment): Promise<Values> {
    const run = action.run as NonNullable<Action["run"]>;
    return this.#ask(resource, () => run(input, this.#context(resource, before, moment)), {});
  }

  /** The change is on disk, and nobody waits for this. */
  afterCommit(resource: Resource, event: ResourceEvent, after: Row | null, moment: Moment): void {
    const hook = resource.hooks.afterCommit;
    if (hook === undefined) return;
    const context = this.#context(resource, after, moment);
    const asked = this.#within(resource, () => hook(structuredClone(event), context)).then(
      () => undefined,
      (cause: unknown) => {
        const fields = { id: moment.caller.requestId, resource: resource.name, event: event.id, cause };
        this.#parts.log.error(fields, "afterCommit has failed; the change stands");
      },
    );
    this.#after.add(asked);
    void asked.finally(() => this.#after.delete(asked));
  }

  /** Resolves when no afterCommit is running. */
  async settled(): Promise<void> {
    while (this.#after.size > 0) await Promise.all(this.#after);
  }

  /** `otherwise` stands for a function that has changed its argument and returns nothing. */
  async #ask(resource: Resource, ask: () => unknown, otherwise: ObjectValues): Promise<Values> {
    const returned = (await this.#within(resource, ask)) ?? otherwise;
    // Whoever spreads the object as it was means no harm: its id and times are left out.
    const given = isObject(returned) ? without(systemOf(resource), { ...returned }) : returned;
    return this.#parts.trusted(resource)(given);
  }

  async #within(resource: Resource, ask: () => unknown): Promise<unknown> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error(`a hook took longer than ${this.#parts.hookTimeout} ms`)),
      this.#parts.hookTimeout,
    );
    try {
      return await Promise.race([asFunctionOf(resource.name, ask), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #context(resource: Resource, row: Row | null, { caller, now }: Moment): HookContext {
    return {
      requestId: caller.requestId,
      consumer: caller.principal?.consumer ?? "",
      scopes: [...scopesOf(caller)],
      resource: resource.name,
      object: row === null ? null : storedObject(resource, row),
      now,
      find: (name, id) => this.#find(name, id, caller),
    };
  }

  async #find(name: string, text: string, caller: Caller): Promise<ObjectValues | null> {
    const resource = this.#parts.resources.get(name);
    if (resource === undefined) throw new Error(`a hook looks for "${name}", which is no resource`);
    const owner = visibleTo(resource, caller);
    const id = this.#parts.inputs(resource).id(text);
    if (owner === undefined || id === null) return null;
    const row = await this.#parts.store.get(resource, id, owner);
    return row === null ? null : shownObject(resource, row);
  }
}

/** Undefined where nothing is there for somebody who has not said who he is. */
function visibleTo(resource: Resource, caller: Caller): Owner | undefined {
  return resource.owner !== null && caller.principal === null ? undefined : ownerOf(resource, caller);
}

/** What the service sets whatever a function says, beside the owner. */
function systemOf({ id, idRule, createdAt, updatedAt }: Resource): (Field | null)[] {
  return [idRule.kind === "given" ? null : id, createdAt, updatedAt];
}

function without(fields: readonly (Field | null)[], object: ObjectValues): ObjectValues {
  for (const field of fields) if (field !== null) delete object[field.name];
  return object;
}

const isObject = (value: unknown): value is ObjectValues =>
  typeof value === "object" && value !== null && !Array.isArray(value);
