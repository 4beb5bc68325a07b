import type { Parameter, Query, Rows } from "../../../core/database.ts";
import type { Field, FieldValue, Resource, Row } from "../../../core/resource.ts";
import { identifier, qualified } from "../../migrations/quote.ts";
import type { Owner } from "../store.ts";
import { type Column, columnOf, type Dialect } from "./columns.ts";
import { Parameters } from "./parameters.ts";

/** How a row that is read is kept as it is until the transaction ends. */
export type Lock =
  /** Nobody changes it. */
  | "change"
  /** Nobody changes it, and nothing comes to refer to it. */
  | "delete"
  /** Nobody deletes it. */
  | "refer";

/** The statements about single rows of a resource. */
export class Table {
  readonly resource: Resource;
  readonly dialect: Dialect;
  /** By `Field.at`. */
  readonly columns: readonly Column[];
  /** Quoted, as it stands behind FROM: `"orders" AS o`. */
  readonly from: string;
  /** Quoted, without another name. */
  readonly place: string;
  /** What is selected of a row, in the order of its fields. */
  readonly selected: string;
  readonly #readers: readonly (readonly [at: number, read: (value: Parameter) => FieldValue])[];

  constructor(resource: Resource, dialect: Dialect) {
    this.resource = resource;
    this.dialect = dialect;
    this.columns = resource.fields.map((field) => columnOf(resource, field, dialect));
    const name =
      dialect === "sqlite"
        ? identifier(resource.table)
        : qualified({ schema: resource.schema, name: resource.table });
    this.place = name;
    this.from = `${name} AS o`;
    this.selected = this.columns.map(({ selected }) => selected).join(", ");
    this.#readers = this.columns.flatMap(({ fromParameter }, at) =>
      fromParameter === null ? [] : [[at, fromParameter] as const],
    );
  }

  column({ at }: Field): Column {
    return this.columns[at] as Column;
  }

  rows(rows: Rows): readonly Row[] {
    for (const row of rows) this.#read(row as Parameter[]);
    return rows as unknown as readonly Row[];
  }

  /** In place: nobody else has it. */
  #read(row: Parameter[]): void {
    for (const [at, read] of this.#readers) {
      const value = row[at] as Parameter;
      if (value !== null) row[at] = read(value);
    }
  }

  /** Whose rows are there at all, for everything that is asked. */
  base(owner: Owner, parameters: Parameters): string[] {
    const { resource } = this;
    const conditions: string[] = [];
    if (resource.owner !== null && owner !== null)
      conditions.push(this.#equals(resource.owner, owner, parameters));
    if (resource.deletedAt !== null) conditions.push(`${this.column(resource.deletedAt).compared} IS NULL`);
    return conditions;
  }

  #equals(field: Field, value: FieldValue, parameters: Parameters): string {
    const { compared, typed, toParameter } = this.column(field);
    return `${compared} = ${typed(parameters.put(toParameter(value)))}`;
  }

  #where(id: FieldValue, owner: Owner, parameters: Parameters): string {
    const conditions = [this.#equals(this.resource.id, id, parameters), ...this.base(owner, parameters)];
    return `WHERE ${conditions.join(" AND ")}`;
  }

  #named(what: string, owner: Owner): string {
    return `${this.resource.name}-${what}${owner === null ? "-of-all" : ""}`;
  }

  get(id: FieldValue, owner: Owner, lock: Lock | null = null): Query {
    const parameters = new Parameters();
    const where = this.#where(id, owner, parameters);
    const text = `SELECT ${this.selected} FROM ${this.from} ${where}${this.#locking(lock)}`;
    return { statement: { name: this.#named(lock ?? "get", owner), text }, values: parameters.values };
  }

  /** Whether it is there, and remains so. */
  there(id: FieldValue, owner: Owner): Query {
    const parameters = new Parameters();
    const text = this.thereText(id, owner, parameters);
    return { statement: { name: this.#named("there", owner), text }, values: parameters.values };
  }

  thereText(id: FieldValue, owner: Owner, parameters: Parameters): string {
    return `SELECT 1 FROM ${this.from} ${this.#where(id, owner, parameters)}${this.#locking("refer")}`;
  }

  /** Those that are there. */
  getMany(ids: readonly FieldValue[], owner: Owner): Query {
    const parameters = new Parameters();
    const conditions = [this.isOneOf(this.resource.id, ids, parameters), ...this.base(owner, parameters)];
    const text = `SELECT ${this.selected} FROM ${this.from} WHERE ${conditions.join(" AND ")}`;
    return { statement: { text }, values: parameters.values };
  }

  /** As few texts as can be: there are as many places as the next power of two, and the last value fills them. */
  isOneOf(field: Field, values: readonly FieldValue[], parameters: Parameters): string {
    const { compared, typed, toParameter } = this.column(field);
    const places = 2 ** Math.ceil(Math.log2(values.length));
    const list = Array.from({ length: places }, (_, at) => values[Math.min(at, values.length - 1)] ?? null);
    return `${compared} IN (${list.map((value) => typed(parameters.put(toParameter(value)))).join(", ")})`;
  }

  /** Of somebody else's table those that have a value: the others get what it says itself. */
  insertText(
    row: Row,
    parameters: Parameters,
    from: (values: string) => string = (values) => `VALUES (${values})`,
  ): string {
    const given = this.resource.external
      ? this.columns.filter((_, at) => (row[at] ?? null) !== null)
      : this.columns;
    const values = given.map(({ field, stored, toParameter }) =>
      stored(parameters.put(toParameter(row[field.at] ?? null))),
    );
    // An identity that is GENERATED ALWAYS takes its own next number only so.
    const { external, idRule } = this.resource;
    const counted = external && idRule.kind === "counted" && this.dialect === "postgres";
    const how = counted ? " OVERRIDING SYSTEM VALUE" : "";
    return `INSERT INTO ${this.place} (${given.map(({ name }) => name).join(", ")})${how} ${from(values.join(", "))}`;
  }

  /** Of somebody else's table it answers the id: a trigger may give another. */
  insert(row: Row): Query {
    const { id, external } = this.resource;
    const parameters = new Parameters();
    const insert = this.insertText(row, parameters);
    const text = external ? `${insert} RETURNING ${identifier(id.column)}` : insert;
    return { statement: this.#own("insert", text), values: parameters.values };
  }

  /** Every column but the id; of somebody else's table those that have changed. */
  update(before: Row, after: Row, owner: Owner): Query {
    const { id, external } = this.resource;
    const parameters = new Parameters();
    const changed = this.columns.filter(
      ({ field }) => field !== id && (!external || before[field.at] !== after[field.at]),
    );
    const set = changed.map(
      ({ field, name, stored, toParameter }) =>
        `${name} = ${stored(parameters.put(toParameter(after[field.at] ?? null)))}`,
    );
    const text = `UPDATE ${this.from} SET ${set.join(", ")} ${this.#where(before[id.at] ?? null, owner, parameters)}`;
    return { statement: this.#own(this.#named("update", owner), text), values: parameters.values };
  }

  /** Changes nothing, and fails as a change would where the column of somebody else's table does not take the value. */
  trial({ at }: Field, value: FieldValue): Query {
    const { name, stored, toParameter } = this.columns[at] as Column;
    const parameters = new Parameters();
    const given = stored(parameters.put(toParameter(value)));
    return {
      statement: { text: `UPDATE ${this.place} SET ${name} = ${given} WHERE false` },
      values: parameters.values,
    };
  }

  delete(id: FieldValue, owner: Owner): Query {
    const parameters = new Parameters();
    const text = `DELETE FROM ${this.from} ${this.#where(id, owner, parameters)}`;
    return { statement: { name: this.#named("delete", owner), text }, values: parameters.values };
  }

  /** Whatever their owner: who refers to an object is in the way of its end, whoever sees it. */
  referring(field: Field, id: FieldValue, limit: number): Query {
    const parameters = new Parameters();
    const conditions = [this.#equals(field, id, parameters), ...this.base(null, parameters)];
    const text = `SELECT ${this.selected} FROM ${this.from} WHERE ${conditions.join(" AND ")} ORDER BY ${this.column(this.resource.id).compared} LIMIT ${parameters.put(limit)}${this.#locking("delete")}`;
    return { statement: { name: `${this.resource.name}-by-${field.name}`, text }, values: parameters.values };
  }

  /** A name for what has one text only. */
  #own(name: string, text: string): Query["statement"] {
    return this.resource.external ? { text } : { name, text };
  }

  /**
   * https://www.postgresql.org/docs/current/explicit-locking.html, 13.3.2. SQLite has one writer. What is deleted softly is
   * only changed, so that whoever refers to it keeps it from being changed.
   */
  #locking(lock: Lock | null): string {
    if (lock === null || this.dialect === "sqlite") return "";
    if (lock === "refer") return this.resource.deletedAt === null ? " FOR KEY SHARE" : " FOR SHARE";
    return lock === "change" ? " FOR NO KEY UPDATE" : " FOR UPDATE";
  }
}
