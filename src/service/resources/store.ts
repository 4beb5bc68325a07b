/**
 * What the operations on resources ask of the database. Everything here is about one tenant: a row of another owner is
 * a row that is not there, in every statement, not in a check after it.
 */
import type { Field, FieldValue, Resource, ResourceEvent, Row, SortKey } from "../../core/resource.ts";

/** The value of `resource.owner` that rows must have; null for rows of everybody. */
export type Owner = string | null;

export type Comparison = "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "in" | "null";

/** Conditions are all to hold. */
export interface Filter {
  readonly field: Field;
  readonly comparison: Comparison;
  /** One for most; any number for `in`; `true` or `false` for `null`. Already of the field's type. */
  readonly values: readonly FieldValue[];
}

/** Which objects a list is of, and in what order. */
export interface Selection {
  readonly resource: Resource;
  readonly owner: Owner;
  readonly filters: readonly Filter[];
  /** The id is added as the last key. */
  readonly sort: readonly SortKey[];
}

export type Page =
  | { readonly kind: "offset"; readonly offset: number; readonly limit: number }
  /** Behind, or in front of, the object with these values of the sort keys and the id. Null for the first page. */
  | {
      readonly kind: "keyset";
      readonly position: readonly FieldValue[] | null;
      readonly backwards: boolean;
      readonly limit: number;
    };

export interface Found {
  /** In display order, also when read backwards. */
  readonly rows: readonly Row[];
  /** Whether there is more in the direction that was read. */
  readonly more: boolean;
}

/** A request with an `Idempotency-Key`: its record is written in the transaction of what it does. */
export interface Keyed {
  /** Of tenant, route, method and key, as in core/idempotency.ts. */
  readonly digest: Uint8Array;
  readonly fingerprint: Uint8Array;
  readonly id: string;
  readonly requestId: string;
  /** Milliseconds. */
  readonly keep: number;
}

/** What a key has been used for before. */
export type Repetition =
  | {
      readonly kind: "replay";
      readonly requestId: string;
      readonly status: number;
      readonly answer: Uint8Array;
    }
  /** For another request. */
  | { readonly kind: "reused"; readonly requestId: string }
  /** By a gateway that sent the same key elsewhere, and has no answer yet, or will never know (policies/idempotency). */
  | {
      readonly kind: "running" | "unknown";
      readonly requestId: string;
      readonly id: string;
      readonly since: number;
    }
  /** It was carried out; its answer is not there. */
  | { readonly kind: "unkept"; readonly requestId: string; readonly id: string; readonly status: number };

/** What is answered, for the record of the key; made before the transaction ends. */
export interface KeptAnswer {
  readonly status: number;
  /** Sealed: who reads the database alone reads no answer. */
  readonly answer: Uint8Array;
}

/** Another object that a row names: it must be there, of the same owner, when the row is written. */
export interface Referred {
  readonly field: Field;
  readonly resource: Resource;
  readonly id: string | number;
  /**
   * Whose it has to be where the row itself has no owner, and the object has: what the caller sees. Null for anybody's,
   * nobody's where it is left out. The object of a row with an owner has the same one.
   */
  readonly owner?: Owner;
}

/** What is said of a change. */
export interface Told<Result> {
  readonly event: ResourceEvent | null;
  readonly kept: KeptAnswer | null;
  readonly result: Result;
}

/** What a change comes to. */
export type Decision<Result> = {
  /** The whole row afterwards; null to delete it; the very same row where nothing changes. */
  readonly row: Row | null;
  readonly referred: readonly Referred[];
} & (
  | Told<Result>
  /** Where the database has its own mind about what is stored: asked in the transaction, about the row as it is then. */
  | { readonly told: (stored: Row) => Told<Result> }
);

/** What a deletion has done to another object: the row afterwards is null for one that went along. */
export interface Along {
  readonly resource: Resource;
  readonly row: Row | null;
  readonly event: ResourceEvent;
}

export type Written<Result> =
  | { readonly kind: "done"; readonly result: Result; readonly along: readonly Along[] }
  | { readonly kind: "repeated"; readonly repetition: Repetition }
  /** Somebody has the same value of these fields. */
  | { readonly kind: "taken"; readonly fields: readonly Field[] }
  /** These references name nothing that the caller may name. */
  | { readonly kind: "dangling"; readonly fields: readonly Field[] }
  /** Others refer to it (`onDelete: refuse`), or too many to go with it. Null for what is in no definition. */
  | { readonly kind: "referred"; readonly by: Resource | null }
  /** Somebody else's table does not take the values of these fields, or, where there are none, all of them together. */
  | { readonly kind: "unfit"; readonly fields: readonly Field[]; readonly cause: unknown };

export interface ResourceStore {
  get(resource: Resource, id: FieldValue, owner: Owner): Promise<Row | null>;
  /** Those that are there, in any order. For `expand`. */
  getMany(resource: Resource, ids: readonly FieldValue[], owner: Owner): Promise<readonly Row[]>;
  list(selection: Selection, page: Page): Promise<Found>;
  count(selection: Pick<Selection, "resource" | "owner" | "filters">): Promise<number>;
  /** What the key was used for; null where it is new. */
  repetition(keyed: Keyed): Promise<Repetition | null>;
  /** `decide` gets the id that a counting database has given, else null. May be called more than once. */
  create<Result>(
    resource: Resource,
    keyed: Keyed | null,
    decide: (counted: FieldValue) => Decision<Result> & { readonly row: Row },
  ): Promise<Written<Result>>;
  /**
   * Reads the row, and nobody changes it until what `decide` says of it is written. May be called more than once.
   * `decide` gets null for no such row; what it throws undoes everything.
   */
  change<Result>(
    resource: Resource,
    id: FieldValue,
    owner: Owner,
    keyed: Keyed | null,
    decide: (row: Row | null) => Decision<Result>,
  ): Promise<Written<Result>>;
}
