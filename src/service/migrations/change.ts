/** One difference between what a database has and what it is to have. */
import type { FieldType } from "../../core/resource.ts";
import type { Conversion } from "./columns.ts";
import type { ForeignKey } from "./picture.ts";
import type { Place } from "./registry.ts";
import type { WantedColumn, WantedIndex, WantedKey, WantedTable } from "./wanted.ts";

export type Severity = "safe" | "destructive" | "impossible";

export type Alteration =
  | { readonly kind: "create schema"; readonly schema: string }
  /** With its columns; indexes and keys follow. */
  | { readonly kind: "create table"; readonly wanted: WantedTable }
  /** An empty one whose id is to be of another kind. */
  | { readonly kind: "replace table"; readonly wanted: WantedTable }
  | { readonly kind: "drop table" }
  | {
      readonly kind: "rename column";
      readonly from: string;
      readonly to: string;
      readonly field: FieldType;
    }
  | { readonly kind: "add column"; readonly column: WantedColumn }
  /** Without a conversion where there are no values. */
  | { readonly kind: "change type"; readonly column: WantedColumn; readonly conversion: Conversion | null }
  | { readonly kind: "allow null"; readonly column: string }
  | { readonly kind: "refuse null"; readonly column: WantedColumn; readonly nulls: number }
  | { readonly kind: "drop column"; readonly column: string }
  /** `concurrently`: writes go on meanwhile (PostgreSQL). `again`: one that is not valid has to go first. */
  | {
      readonly kind: "create index";
      readonly index: WantedIndex;
      readonly concurrently: boolean;
      readonly again: boolean;
    }
  | { readonly kind: "drop index"; readonly name: string }
  | { readonly kind: "add key"; readonly key: WantedKey }
  | { readonly kind: "drop key"; readonly key: ForeignKey }
  | { readonly kind: "nothing" };

export type Change = Alteration & {
  readonly table: Place;
  readonly severity: Severity;
  /** For people, as what is to be done: `add the column orders.size`; of an impossible one, what stands in the way. */
  readonly sentence: string;
};

/** What others need comes first. What a copy of a SQLite table does stands together: behind new names, before new indexes. */
const ORDER: readonly Alteration["kind"][] = [
  "nothing",
  "create schema",
  "drop index",
  "rename column",
  "drop key",
  "replace table",
  "create table",
  "change type",
  "allow null",
  "add column",
  "refuse null",
  "drop column",
  "add key",
  "create index",
  "drop table",
];

export const inOrder = (changes: readonly Change[]): readonly Change[] =>
  changes.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
