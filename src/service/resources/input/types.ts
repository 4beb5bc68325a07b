/**
 * What a request says, once it has been checked. One `Inputs` is made for each resource and version, when the plan is;
 * its methods throw one GatewayError with everything that is wrong: first what no reader could make sense of (400), then
 * every failing place of query, headers and body together (422, ERR-4).
 */
import type { Headers } from "../../../core/headers.ts";
import type { Field, FieldValue, Resource, Row, SortKey } from "../../../core/resource.ts";
import type { Filter } from "../store.ts";

/** A request without its path and body. */
export interface Asked {
  /** As `call.request.query`: with its `?`, or empty. */
  readonly query: string;
  readonly headers: Headers;
  /** Of the caller: fields may need one to be seen or set. */
  readonly scopes: ReadonlySet<string>;
}

/** By `Field.at`; undefined for what was not given. */
export type Values = readonly (FieldValue | undefined)[];

export interface Inputs {
  /** The id that a segment of a path, decoded, stands for; null for one that no object can have. */
  id(text: string): string | number | null;
  list(asked: Asked): ListInput;
  /** GET of one object. */
  item(asked: Asked): ItemInput;
  /** DELETE, and whatever else takes no parameters. */
  remove(asked: Asked): ConditionInput;
  /** `fixed` is a reference that the path has given already: the body may leave it out, or say the same. */
  create(asked: Asked, body: Buffer, fixed: Fixed | null): CreateInput;
  /** `id` as the path has it, decoded: a new object has to be able to have it. */
  replace(asked: Asked, body: Buffer, id: string): ReplaceInput;
  /** A merge patch (RFC 7396). */
  update(asked: Asked, body: Buffer): ChangeInput;
  /** `name` is that of one of the resource's actions. */
  action(name: string, asked: Asked, body: Buffer): ActionInput;
}

export interface Fixed {
  readonly field: Field;
  readonly value: FieldValue;
}

/** `If-Match` and `If-None-Match`; null for none. */
export interface Conditions {
  readonly match: EntityTags | null;
  readonly noneMatch: EntityTags | null;
}

/** `any` is `*`. */
export type EntityTags = "any" | readonly EntityTag[];

export interface EntityTag {
  readonly weak: boolean;
  /** With its quotes. */
  readonly text: string;
}

export interface ConditionInput {
  readonly conditions: Conditions;
}

export interface ItemInput extends ConditionInput {
  readonly shown: Shown;
}

/** `fields` and `expand`. */
export interface Shown {
  /** Names of the view, the id's and those of what is expanded among them; null for all that the caller may see. */
  readonly fields: ReadonlySet<string> | null;
  /** The same text for the same fields; empty for all. */
  readonly key: string;
  readonly expand: readonly Expansion[];
}

/** An object instead of its id. */
export interface Expansion {
  /** In the view. */
  readonly name: string;
  readonly field: Field;
  /** What it refers to. */
  readonly resource: Resource;
  /** References of that one. */
  readonly expand: readonly Expansion[];
}

export interface ListInput extends ItemInput {
  readonly filters: readonly Filter[];
  /** As asked for, or the resource's own; without the id that every order ends with. */
  readonly sort: readonly SortKey[];
  /** Lowered to the resource's largest. */
  readonly limit: number;
  /** From 1, and not beyond the depth at which pages end; null for a list that is read by cursor. */
  readonly page: number | null;
  /** As received, unread; null for the first page. */
  readonly cursor: string | null;
  /** Whether the objects are to be counted. */
  readonly total: boolean;
}

export interface CreateInput extends ItemInput {
  /** Checked, with everything that is required; defaults are not in it. */
  readonly values: Values;
}

/** A change; some of what may be wrong with it can be told only beside the object. */
export interface ChangeInput extends ItemInput {
  /**
   * The row afterwards: the very same one where nothing changes. Null for no row, unless the request is wrong anyway.
   *
   * @throws GatewayError VALIDATION_ERROR with everything that is wrong, among it a read-only or immutable field with
   *   another value than it has, and what is not valid once it is merged.
   */
  over(row: Row): Row;
  over(row: Row | null): Row | null;
}

export interface ReplaceInput extends ChangeInput {
  /**
   * The same body for an object that is not there yet.
   *
   * @throws GatewayError VALIDATION_ERROR for what a new object lacks, or may not be given.
   */
  fresh(): Values;
}

export interface ActionInput extends ItemInput {
  /** JSON by the names of the action's input, with defaults. */
  readonly input: Readonly<Record<string, unknown>>;
}
