/** A table of somebody else, as a catalogue describes it. */

export interface FoundTable {
  readonly schema: string;
  readonly name: string;
  readonly comment: string;
  readonly columns: readonly FoundColumn[];
  /** Empty for none. */
  readonly primaryKey: readonly string[];
  /** Beside the primary key; without conditions and expressions. */
  readonly uniques: readonly (readonly string[])[];
  readonly references: readonly FoundReference[];
  readonly checks: readonly FoundCheck[];
}

export interface FoundColumn {
  readonly name: string;
  /** Without length and precision, of a domain the type below it: `varchar`, `int4`; of an array `_text`. */
  readonly type: string;
  /** As it stands in the table: `character varying(20)`. */
  readonly declared: string;
  /** Most characters; null for any number. */
  readonly length: number | null;
  readonly precision: number | null;
  readonly scale: number | null;
  /** Values of an enumeration. */
  readonly words: readonly string[] | null;
  readonly nullable: boolean;
  /** As an expression; null for none. */
  readonly default: string | null;
  /** The database counts. */
  readonly counted: boolean;
  /** No statement may write it. */
  readonly generated: boolean;
  readonly comment: string;
  /** Of JSON: what the values are, of those that were looked at: `object`, `array`, `string` … */
  readonly kinds: readonly string[];
}

export interface FoundReference {
  readonly columns: readonly string[];
  readonly schema: string;
  readonly table: string;
  readonly targets: readonly string[];
  readonly onDelete: "refuse" | "delete" | "clear" | "other";
}

export interface FoundCheck {
  /** Names of the columns that it is about. */
  readonly columns: readonly string[];
  readonly expression: string;
}
