import type { z } from "zod";
import type { HookContext, ResourceEvent } from "../../core/resource.ts";
import type { resource } from "./schema.ts";
import type { field } from "./schema-field.ts";

/** What people write of one resource. */
export type ResourceInput = z.input<typeof resource>;
type FieldInput = z.input<typeof field>;
type ActionInput = NonNullable<ResourceInput["actions"]>[string];

/** `HookContext` where the objects have a type. */
export interface TypedContext<Stored> extends Omit<HookContext, "object"> {
  readonly object: Readonly<Stored> | null;
}

interface TypedField<Stored> extends Omit<Exclude<FieldInput, string>, "computed"> {
  computed?(object: Readonly<Stored>): unknown;
}

interface TypedAction<Stored> extends Omit<ActionInput, "run"> {
  run?(
    input: Readonly<Record<string, unknown>>,
    context: TypedContext<Stored>,
  ): Partial<Stored> | undefined | Promise<Partial<Stored> | undefined>;
}

/** What a hook returns: nothing where it has changed what it got. */
type Returned<Stored> = Partial<Stored> | undefined | Promise<Partial<Stored> | undefined>;

interface TypedHooks<Stored> {
  beforeCreate?(input: Partial<Stored>, context: TypedContext<Stored>): Returned<Stored>;
  beforeUpdate?(changes: Partial<Stored>, context: TypedContext<Stored>): Returned<Stored>;
  afterCommit?(event: ResourceEvent, context: TypedContext<Stored>): unknown;
}

export interface TypedResource<Stored> extends Omit<ResourceInput, "fields" | "actions" | "hooks"> {
  fields?: Record<string, Extract<FieldInput, string> | TypedField<Stored>>;
  actions?: Record<string, TypedAction<Stored>>;
  hooks?: TypedHooks<Stored>;
}

/** One of the `resources`, with the type that its objects have in hooks, actions and computed fields: checks nothing by itself. */
export function defineResource<Stored extends object>(definition: TypedResource<Stored>): ResourceInput {
  return definition as ResourceInput;
}
