/**
 * A resource: what a config's `resources` says of a kind of object, checked, with everything looked up once. Everything
 * that shows it (REST, GraphQL, gRPC, OpenAPI) or keeps it (SQL, migrations) is derived from this.
 */
import type { ApiVersion } from "./version.ts";

/**
 * What a field holds, on the wire and in a row:
 *
 *   string, uuid      text
 *   integer           a number without fraction, at most 2^53 − 1 away from 0
 *   bigint            64 bits, as a string of digits; PostgreSQL only
 *   number            a finite double
 *   decimal           exact, as a string such as "12.50"; PostgreSQL only
 *   boolean
 *   datetime          RFC 3339 in UTC, microseconds at most: 2026-11-22T15:30:18.123Z
 *   date              2026-11-22
 *   object, array     JSON; in a row it is its text
 */
export type FieldType =
  | "string"
  | "uuid"
  | "integer"
  | "bigint"
  | "number"
  | "decimal"
  | "boolean"
  | "datetime"
  | "date"
  | "object"
  | "array";

/** A value in a row. See `FieldType`: datetimes, decimals and bigints are strings, JSON is its text. */
export type FieldValue = string | number | boolean | null;

/** What is stored of one object: its values by `Field.at`. */
export type Row = readonly FieldValue[];

/** What a value has to be beside its type. */
export interface FieldRules {
  /** Characters (code points) of a string; items of an array; undefined for any number. */
  readonly minLength?: number;
  readonly maxLength?: number;
  /** Without anchors of its own; linear time, checked when the config is. */
  readonly pattern?: string;
  readonly format?: FieldFormat;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly (string | number)[];
  /** Of an object or array: a JSON Schema (2020-12, internal references only) for the whole value. */
  readonly schema?: Readonly<Record<string, unknown>>;
}

export type FieldFormat =
  | "email"
  | "uri"
  | "uuid"
  | "hostname"
  | "ipv4"
  | "ipv6"
  | "phone"
  | "currency"
  | "country";

export interface Reference {
  /** Name of the resource that the value is the id of. */
  readonly resource: string;
  /** What becomes of this object when that one is deleted. */
  readonly onDelete: "refuse" | "delete" | "clear";
}

export interface Field {
  /** In the newest version. */
  readonly name: string;
  readonly column: string;
  /** Place in a row. */
  readonly at: number;
  readonly type: FieldType;
  /** One sentence for the documentation; may be empty. */
  readonly summary: string;
  /** May be null. */
  readonly nullable: boolean;
  /** Has to be given when an object is created. */
  readonly required: boolean;
  /** For objects that are created without it. `now` is the time of the creation, of a datetime or date. */
  readonly default: { readonly value: FieldValue } | "now" | null;
  /** Nobody sets it from outside. Ids, timestamps, the owner and what hooks or actions write. */
  readonly readOnly: boolean;
  /** Never answered, filtered or sorted by. */
  readonly writeOnly: boolean;
  /** Given once, when the object is created. */
  readonly immutable: boolean;
  readonly rules: FieldRules;
  /** No two objects have the same; of one owner where the resource has owners. Nulls are all different. */
  readonly unique: boolean;
  readonly reference: Reference | null;
  readonly filter: boolean;
  readonly sort: boolean;
  /** Scope that a caller needs to see it, or to set it; empty for whoever may see or change the object. */
  readonly readScope: string;
  readonly writeScope: string;
}

/** Made of the others each time it is shown; not stored, not filtered by. */
export interface ComputedField {
  readonly name: string;
  readonly type: FieldType;
  readonly summary: string;
  readonly rules: FieldRules;
  readonly nullable: boolean;
  readonly readScope: string;
  /** Gets the object by the names of its fields, JSON as values; returns a value of `type`. */
  readonly compute: (object: Readonly<Record<string, unknown>>) => unknown;
}

/** How ids are made. `prefix`: `ord_` and 26 characters that sort by time. */
export type IdRule =
  | { readonly kind: "prefix"; readonly prefix: string }
  | { readonly kind: "uuid" }
  /** The database counts; integer and bigint. */
  | { readonly kind: "counted" }
  /** The client gives it: POST with the id in the body, or PUT to a new one. */
  | { readonly kind: "given" };

export const VERBS = ["list", "get", "create", "replace", "update", "delete"] as const;
/** `replace` is PUT, `update` PATCH. */
export type Verb = (typeof VERBS)[number];

/** Who may: anybody, whoever has proved who he is, or whoever has one of these scopes. */
export type Access = "public" | "authenticated" | { readonly scopes: readonly string[] };

/** `POST /orders/{id}/cancel`: a change of one object that is more than its fields. */
export interface Action {
  readonly name: string;
  readonly summary: string;
  readonly access: Access;
  /** Values that the object must have, any of each, or 409. */
  readonly from: ReadonlyMap<Field, readonly FieldValue[]>;
  /** Values that it gets. */
  readonly set: ReadonlyMap<Field, FieldValue | "now">;
  /** What the request's body may hold, in the form of fields without a column (`at` is −1). */
  readonly input: readonly Field[];
  /** Decides about the rest: returns the fields to change. */
  readonly run: ((input: Readonly<Record<string, unknown>>, context: HookContext) => unknown) | null;
}

/** What hooks know of the request. */
export interface HookContext {
  readonly requestId: string;
  /** Empty where nobody has proved who he is. */
  readonly consumer: string;
  readonly scopes: readonly string[];
  readonly resource: string;
  /** The object as it is, by the names of its fields; null while it is created. */
  readonly object: Readonly<Record<string, unknown>> | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Another object as the caller sees it, by the names of its fields; null where there is none for him. */
  readonly find: (resource: string, id: string) => Promise<Readonly<Record<string, unknown>> | null>;
}

export interface Hooks {
  /** Gets the checked input; returns it, changed or not, or throws a GatewayError. Also for what is read-only from outside. */
  readonly beforeCreate?: (input: Record<string, unknown>, context: HookContext) => unknown;
  readonly beforeUpdate?: (changes: Record<string, unknown>, context: HookContext) => unknown;
  /** After the change is on disk; what it throws is logged and changes nothing. */
  readonly afterCommit?: (event: ResourceEvent, context: HookContext) => unknown;
}

/** What is written beside every change, in its transaction: what webhooks send. */
export interface ResourceEvent {
  readonly id: string;
  /** `order.created`, `order.updated`, `order.deleted`, or `order.` and the name of an action. */
  readonly type: string;
  readonly resource: string;
  readonly objectId: string;
  /** Whose the object is; empty for nobody's. */
  readonly owner: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The object afterwards (before, when it was deleted), in the newest version, without what is write-only. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Of an update: the values that were there before, of what has changed. */
  readonly previous: Readonly<Record<string, unknown>> | null;
}

/** A list inside another object: `/customers/{id}/orders`. */
export interface SubList {
  /** Name of the resource that it is inside of. */
  readonly parent: string;
  /** The reference of this resource to it. */
  readonly field: Field;
  /** Last segment of the path: the plural name of this resource unless the config says otherwise. */
  readonly segment: string;
}

export interface SortKey {
  readonly field: Field;
  readonly descending: boolean;
}

/** How the resource looks in one version. */
export interface View {
  /** Null for the only one of an API without versions. */
  readonly version: ApiVersion | null;
  /** In the order in which they are shown. The wire's name of each. */
  readonly fields: readonly { readonly name: string; readonly field: Field }[];
  readonly computed: readonly { readonly name: string; readonly field: ComputedField }[];
}

export interface Resource {
  /** Plural, lower-case: `orders`. Names it in paths, scopes and metrics. */
  readonly name: string;
  readonly singular: string;
  readonly summary: string;
  /** `/orders`. */
  readonly path: string;
  /** Of PostgreSQL; empty for the first of the search path. SQLite has none. */
  readonly schema: string;
  readonly table: string;
  /** The table is somebody else's: migrations leave it as it is. */
  readonly external: boolean;
  readonly idRule: IdRule;
  readonly id: Field;
  /** Stored ones, `id` first; `fields[n].at === n`. */
  readonly fields: readonly Field[];
  readonly computed: readonly ComputedField[];
  /** By name in the newest version. */
  readonly byName: ReadonlyMap<string, Field>;
  /** Who sees and changes an object: see `ownerOf` in service/resources/tenancy.ts. Null where all callers share all objects. */
  readonly owner: Field | null;
  /** Scope with which a caller sees and changes everybody's; empty for none. */
  readonly everybodyScope: string;
  /** Counts changes, for ETags; null in external tables that have none. */
  readonly revision: Field | null;
  readonly createdAt: Field | null;
  readonly updatedAt: Field | null;
  /** Set instead of deleting; whoever has it is not there. */
  readonly deletedAt: Field | null;
  /** Beside the fields that are `unique` by themselves. */
  readonly uniques: readonly (readonly Field[])[];
  readonly indexes: readonly (readonly Field[])[];
  readonly verbs: ReadonlySet<Verb>;
  readonly access: Readonly<Record<Verb, Access>>;
  readonly actions: readonly Action[];
  readonly sublists: readonly SubList[];
  /** The order of a list whose request names none. The id comes last in every order, in the direction of the last key. */
  readonly sort: readonly SortKey[];
  readonly limits: {
    readonly default: number;
    readonly most: number /** Of `page × limit`. */;
    readonly deepest: number;
  };
  /** Whether a change has to say which revision it means (428). */
  readonly preconditions: "optional" | "required";
  /** Whether changes are written to the outbox. */
  readonly events: boolean;
  readonly hooks: Hooks;
  /** By version; one for `null` in an API without. */
  readonly views: ReadonlyMap<ApiVersion | null, View>;
}

export type Resources = ReadonlyMap<string, Resource>;
