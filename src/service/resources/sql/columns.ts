/** How a field's values are in its column: the names in statements, and both ways between rows of either database. */
import type { Database, Parameter } from "../../../core/database.ts";
import type { Field, FieldType, FieldValue, Resource } from "../../../core/resource.ts";
import { identifier } from "../../migrations/quote.ts";
import { mayBeLong, SORTED_BY, shortened } from "./long-texts.ts";

export type Dialect = Database["dialect"];

export interface Column {
  readonly field: Field;
  /** Quoted. */
  readonly name: string;
  /** What is selected, with its name. */
  readonly selected: string;
  /** What is compared with values. The table is called `o` in every statement. */
  readonly compared: string;
  /** What is sorted by, and its form in an index. */
  readonly sorted: string;
  readonly indexed: string;
  /** A parameter that is compared: `$1` with its type. */
  readonly typed: (parameter: string) => string;
  /** A parameter that is written. */
  readonly stored: (parameter: string) => string;
  readonly toParameter: (value: FieldValue) => Parameter;
  /** As `toParameter`, of what is sorted by. */
  readonly toSorted: (value: FieldValue) => Parameter;
  /** Of what is not null; null where the database's own is good as it is. */
  readonly fromParameter: ((value: Parameter) => FieldValue) | null;
}

export function columnOf(resource: Resource, field: Field, dialect: Dialect): Column {
  const name = identifier(field.column);
  const isKey = field === resource.id || field.reference !== null;
  const foreign = resource.external && dialect === "postgres";
  const here = `o.${name}`;
  const compared = foreign && !isKey ? as(here, COMPARED_AS[field.type]) : here;
  const selected = foreign ? selectedOf(here, field.type) : here;
  const isLong = mayBeLong(field) && field !== resource.owner;
  const toParameter = dialect === "sqlite" && field.type === "datetime" ? fixedWidth : asItIs;
  return {
    field,
    name,
    selected: selected === here ? here : `${selected} AS ${name}`,
    compared,
    sorted: isLong ? beginningOf(compared) : compared,
    indexed: isLong ? beginningOf(name) : name,
    typed: (parameter) => (dialect === "postgres" ? as(parameter, COMPARED_WITH[field.type]) : parameter),
    stored: (parameter) =>
      dialect === "postgres" && !resource.external ? as(parameter, STORED_AS[field.type]) : parameter,
    toParameter,
    toSorted: isLong ? (value) => shortened(field, value) : toParameter,
    fromParameter: (dialect === "sqlite" ? FROM_SQLITE : FROM_POSTGRES)[field.type] ?? null,
  };
}

const as = (text: string, type: string | undefined): string =>
  type === undefined ? text : `${text}::${type}`;
const beginningOf = (text: string): string => `substr(${text}, 1, ${SORTED_BY})`;

/** `json` and arrays of the database become JSON of one form. */
const selectedOf = (here: string, type: FieldType): string =>
  type === "object" || type === "array" ? `to_jsonb(${here})` : as(here, SELECTED_AS[type]);

type Types = Readonly<Partial<Record<FieldType, string>>>;

/**
 * The columns of tables that others have made are of many types, and the field's is not always theirs. An enumeration is
 * compared as text; a `real` has digits as a double that it does not show.
 */
const COMPARED_AS: Types = { string: "text", number: "double precision" };
const SELECTED_AS: Types = { ...COMPARED_AS, integer: "bigint", datetime: "timestamptz" };

/** Too large a number for the column's own type is a number that no row has, not a mistake. */
const COMPARED_WITH: Types = {
  integer: "bigint",
  bigint: "bigint",
  number: "double precision",
  decimal: "numeric",
  boolean: "boolean",
  datetime: "timestamptz",
  date: "date",
};
/** As migrations make them (service/migrations/columns.ts). */
const STORED_AS: Types = { ...COMPARED_WITH, string: "text", uuid: "uuid", object: "jsonb", array: "jsonb" };

type Readers = Readonly<Partial<Record<FieldType, (value: Parameter) => FieldValue>>>;

const FROM_POSTGRES: Readers = {
  integer: Number,
  bigint: String,
  number: Number,
  decimal: String,
  datetime: (value) => fromTimestamp(String(value)),
  object: (value) => JSON.stringify(JSON.parse(String(value))),
  array: (value) => JSON.stringify(JSON.parse(String(value))),
};

const FROM_SQLITE: Readers = {
  boolean: (value) => value === 1,
  datetime: (value) => fromFixedWidth(String(value)),
};

const asItIs = (value: FieldValue): Parameter => value;

const MILLISECONDS = "2026-11-22T15:30:18.123Z".length;
const MICROSECONDS = "2026-11-22T15:30:18.123456Z".length;

/** SQLite sorts times as texts: all of them have six digits of a second. */
function fixedWidth(value: FieldValue): Parameter {
  return typeof value === "string" && value.length === MILLISECONDS ? `${value.slice(0, -1)}000Z` : value;
}

function fromFixedWidth(text: string): string {
  return text.length === MICROSECONDS && text.endsWith("000Z") ? `${text.slice(0, -4)}Z` : text;
}

/** `2026-11-22 15:30:18.1+00`, which has as many digits as it needs. */
function fromTimestamp(text: string): string {
  if (text[10] !== " " || !text.endsWith("+00")) return text;
  const fraction = text.slice(20, -3);
  const digits = fraction.padEnd(fraction.length > 3 ? 6 : 3, "0");
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${digits}Z`;
}
