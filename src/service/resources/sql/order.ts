/**
 * Orders of lists, and which rows come behind a position. Values are in ascending or descending order, and objects without
 * a value come last in either; the id comes last and decides between equals.
 *
 * What comes behind a position is read in pieces, each of which is one range of an index that has the keys in this order.
 * Behind ($1, $2, $3) of (a, b, id), with a descending and the others ascending:
 *
 *     a < $1
 *     a IS NULL                              where a may have no value
 *     a = $1 AND (b, id) > ($2, $3)          keys of one direction are compared as one
 *
 * One condition with OR would be an index scan over everything that equals the first key, or no index scan at all.
 */
import type { Parameter } from "../../../core/database.ts";
import type { FieldValue, Resource, SortKey } from "../../../core/resource.ts";
import type { Column, Dialect } from "./columns.ts";
import type { Parameters } from "./parameters.ts";
import type { Table } from "./table.ts";

export interface Key {
  readonly column: Column;
  readonly descending: boolean;
  readonly nullable: boolean;
}

/** Where the list is read from. Null for its beginning, or backwards its end. */
export type Position = readonly FieldValue[] | null;

/** The keys that decide, the id last. `of` gives a field's column. */
export function keysOf(resource: Resource, sort: readonly SortKey[], of: Table): readonly Key[] {
  const end = sort.findIndex(({ field }) => field === resource.id);
  const given = end < 0 ? sort : sort.slice(0, end + 1);
  const last = { field: resource.id, descending: given.at(-1)?.descending ?? false };
  const keys = end < 0 ? [...given, last] : given;
  return keys.map(({ field, descending }) => ({
    column: of.column(field),
    descending,
    nullable: field.nullable && field !== resource.id,
  }));
}

/** As text behind ORDER BY, or between the brackets of an index (`indexed`). */
export class Order {
  readonly keys: readonly Key[];
  readonly #dialect: Dialect;
  readonly #backwards: boolean;

  constructor(keys: readonly Key[], dialect: Dialect, backwards = false) {
    this.keys = keys;
    this.#dialect = dialect;
    this.#backwards = backwards;
  }

  /** Of rows in one piece: they have a value of the first key, or none of them has. */
  get ofPiece(): string {
    return this.#terms(
      ({ column }) => column.sorted,
      (_, at) => at > 0,
    );
  }

  get ofAll(): string {
    return this.#terms(
      ({ column }) => column.sorted,
      () => true,
    );
  }

  get ofIndex(): string {
    return this.#terms(
      ({ column }) => column.indexed,
      (_, at) => at > 0,
    );
  }

  #terms(textOf: (key: Key) => string, placesNulls: (key: Key, at: number) => boolean): string {
    return this.keys
      .flatMap((key, at) => this.#term(key, textOf(key), key.nullable && placesNulls(key, at)))
      .join(", ");
  }

  #term(key: Key, text: string, placesNulls: boolean): readonly string[] {
    const direction = this.#descends(key) ? " DESC" : "";
    if (!placesNulls) return [`${text}${direction}`];
    if (this.#dialect === "postgres")
      return [`${text}${direction} NULLS ${this.#backwards ? "FIRST" : "LAST"}`];
    return [`(${text} IS NULL)${this.#backwards ? " DESC" : ""}`, `${text}${direction}`];
  }

  #descends({ descending }: Key): boolean {
    return descending !== this.#backwards;
  }

  /** The conditions of each piece of what comes behind the position. */
  pieces(position: Position, parameters: Parameters): readonly (readonly string[])[] {
    if (position !== null) return this.#behind(position, parameters);
    const first = this.keys[0] as Key;
    return first.nullable ? [[this.#hasValue(first, 0)], [this.#hasNone(first, 0)]] : [[]];
  }

  #behind(position: readonly FieldValue[], parameters: Parameters): string[][] {
    const values = this.keys.map(({ column }, at) => column.toSorted(position[at] ?? null));
    const pieces: string[][] = [];
    const same: string[] = [];
    for (let at = 0; at < this.keys.length; ) {
      const end = this.#endOfRun(at, values);
      const further = this.#further(at, values.slice(at, end), parameters);
      pieces.push(...further.map((condition) => [...same, condition]));
      // Nothing stands behind the id.
      const passed = end < this.keys.length ? this.keys.slice(at, end) : [];
      same.push(
        ...passed.map((key, index) => this.#equals(key, at + index, values[at + index] ?? null, parameters)),
      );
      at = end;
    }
    return pieces;
  }

  /** Keys from here on that can be compared as one: of one direction, and none behind the first may have no value. */
  #endOfRun(start: number, values: readonly Parameter[]): number {
    let end = start + 1;
    if (values[start] === null) return end;
    const { descending } = this.keys[start] as Key;
    for (; end < this.keys.length; end++) {
      const key = this.keys[end] as Key;
      if (key.nullable || key.descending !== descending) break;
    }
    return end;
  }

  /** What comes behind these values of the keys from `at` on, if those before are equal. */
  #further(at: number, values: readonly Parameter[], parameters: Parameters): string[] {
    const first = this.keys[at] as Key;
    // Whoever has no value comes last, or backwards first.
    if (values[0] === null) return this.#backwards ? [this.#hasValue(first, at)] : [];
    const run = this.keys.slice(at, at + values.length);
    const behind = [...this.#valued(first, at), this.#compared(run, values, parameters)].join(" AND ");
    return first.nullable && !this.#backwards ? [behind, this.#hasNone(first, at)] : [behind];
  }

  #compared(run: readonly Key[], values: readonly Parameter[], parameters: Parameters): string {
    const left = run.map(({ column }) => column.sorted);
    const right = run.map(({ column }, index) => column.typed(parameters.put(values[index] as Parameter)));
    const operator = this.#descends(run[0] as Key) ? "<" : ">";
    if (run.length === 1) return `${left[0]} ${operator} ${right[0]}`;
    return `(${left.join(", ")}) ${operator} (${right.join(", ")})`;
  }

  #equals(key: Key, at: number, value: Parameter, parameters: Parameters): string {
    if (value === null) return this.#hasNone(key, at);
    const { sorted, typed } = key.column;
    return [...this.#valued(key, at), `${sorted} = ${typed(parameters.put(value))}`].join(" AND ");
  }

  #hasNone({ column }: Key, at: number): string {
    return this.#isSplit(at) ? `(${column.sorted} IS NULL) = 1` : `${column.sorted} IS NULL`;
  }

  #hasValue({ column }: Key, at: number): string {
    return this.#isSplit(at) ? `(${column.sorted} IS NULL) = 0` : `${column.sorted} IS NOT NULL`;
  }

  /** What is said of a value in so many words, so that SQLite finds the place in its index (`#term`). */
  #valued(key: Key, at: number): string[] {
    return key.nullable && this.#isSplit(at) ? [this.#hasValue(key, at)] : [];
  }

  /** SQLite knows no NULLS LAST in an index: there a key that may have no value is two, but for the first. */
  #isSplit(at: number): boolean {
    return this.#dialect === "sqlite" && at > 0;
  }
}
