/** How fields are kept in columns, and which kinds of column may become which others. */
import type { FieldType } from "../../core/resource.ts";
import type { Column } from "./picture.ts";
import type { Dialect } from "./quote.ts";

const POSTGRES: Readonly<Record<FieldType, string>> = {
  // By bytes: the order is the same on every machine, and that of the index is that of comparisons.
  string: 'text COLLATE "C"',
  uuid: "uuid",
  integer: "bigint",
  bigint: "bigint",
  number: "double precision",
  decimal: "numeric",
  boolean: "boolean",
  datetime: "timestamp with time zone",
  date: "date",
  object: "jsonb",
  array: "jsonb",
};

const SQLITE: Readonly<Record<FieldType, string>> = {
  string: "TEXT",
  uuid: "TEXT",
  integer: "INTEGER",
  bigint: "INTEGER",
  number: "REAL",
  decimal: "TEXT",
  boolean: "INTEGER",
  datetime: "TEXT",
  date: "TEXT",
  object: "TEXT",
  array: "TEXT",
};

export const columnType = (field: FieldType, dialect: Dialect): string =>
  (dialect === "sqlite" ? SQLITE : POSTGRES)[field];

/** Whether a column that somebody else made can hold the field. */
export function fits(column: Column, field: FieldType, dialect: Dialect): boolean {
  return dialect === "sqlite"
    ? SQLITE_FITS[field].test(column.type.toUpperCase())
    : POSTGRES_FITS[field].test(column.type.toLowerCase());
}

const TEXT =
  /^(?!smallint|integer|bigint|real|double|numeric|boolean|bytea|json|timestamp|date\b|time|.*\[\]$)/;
const JSON_TYPE = /^jsonb?$/;

const POSTGRES_FITS: Readonly<Record<FieldType, RegExp>> = {
  // Enumerations and domains have any name.
  string: TEXT,
  uuid: /^(uuid|text|character)/,
  integer: /^(smallint|integer|bigint|numeric\(\d+,0\))$/,
  bigint: /^(smallint|integer|bigint|numeric)/,
  number: /^(real|double precision|numeric|smallint|integer|bigint)/,
  decimal: /^(numeric|smallint|integer|bigint)/,
  boolean: /^boolean$/,
  datetime: /^timestamp/,
  date: /^date$/,
  object: JSON_TYPE,
  array: /^jsonb?$|\[\]$/,
};

/** By what the declared type makes SQLite do with values: https://sqlite.org/datatype3.html, 3.1. */
const NOT_A_NUMBER = /^(?!.*INT|REAL|FLOA|DOUB)/;
const NOT_TEXT = /^(?!.*(CHAR|CLOB|TEXT))/;
const SQLITE_FITS: Readonly<Record<FieldType, RegExp>> = {
  string: NOT_A_NUMBER,
  uuid: NOT_A_NUMBER,
  integer: NOT_TEXT,
  bigint: NOT_TEXT,
  number: NOT_TEXT,
  decimal: /^/,
  boolean: NOT_TEXT,
  datetime: NOT_A_NUMBER,
  date: NOT_A_NUMBER,
  object: NOT_A_NUMBER,
  array: NOT_A_NUMBER,
};

/** A change of type that loses nothing where no value `misfits`; `§` stands for the column. */
export interface Conversion {
  readonly using: string;
  /** Condition that finds values that cannot be converted; empty where all can. */
  readonly misfits: string;
}

const AS_IT_IS: Conversion = { using: "§", misfits: "" };
const AS_TEXT: Conversion = { using: "CAST(§ AS text)", misfits: "" };
/** Of integers: 2^53 − 1. */
const SAFE = "NOT BETWEEN -9007199254740991 AND 9007199254740991";
const HEX = "[0-9a-f]";
const UUID_GLOB = [8, 4, 4, 4, 12].map((length) => HEX.repeat(length)).join("-");

type Conversions = Readonly<Partial<Record<`${FieldType} ${FieldType}`, Conversion>>>;

const ANYWHERE: Conversions = {
  "integer bigint": AS_IT_IS,
  "bigint integer": { using: "§", misfits: `§ ${SAFE}` },
  "uuid string": AS_TEXT,
  "date string": AS_TEXT,
  "integer string": AS_TEXT,
  "bigint string": AS_TEXT,
  "decimal string": AS_TEXT,
};

const OF_POSTGRES: Conversions = {
  ...ANYWHERE,
  "integer number": { using: "CAST(§ AS double precision)", misfits: "" },
  "number integer": { using: "CAST(§ AS bigint)", misfits: `§ <> trunc(§) OR § ${SAFE}` },
  "integer decimal": { using: "CAST(§ AS numeric)", misfits: "" },
  "bigint decimal": { using: "CAST(§ AS numeric)", misfits: "" },
  "string uuid": {
    using: "CAST(§ AS uuid)",
    misfits: "§ !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'",
  },
  "string integer": { using: "CAST(§ AS bigint)", misfits: "§ !~ '^(0|-?[1-9][0-9]{0,14})$'" },
  "object array": { using: "§", misfits: "jsonb_typeof(§) <> 'array'" },
  "array object": { using: "§", misfits: "jsonb_typeof(§) <> 'object'" },
};

const OF_SQLITE: Conversions = {
  ...ANYWHERE,
  "integer number": { using: "CAST(§ AS REAL)", misfits: "" },
  "number integer": { using: "CAST(§ AS INTEGER)", misfits: `§ <> CAST(§ AS INTEGER) OR § ${SAFE}` },
  "string uuid": { using: "§", misfits: `§ NOT GLOB '${UUID_GLOB}'` },
  "string integer": {
    using: "CAST(§ AS INTEGER)",
    misfits: "CAST(CAST(§ AS INTEGER) AS TEXT) <> § OR length(§) > 15",
  },
  "object array": { using: "§", misfits: "json_type(§) <> 'array'" },
  "array object": { using: "§", misfits: "json_type(§) <> 'object'" },
};

/** Undefined where there is none that keeps what the values say. */
export const conversion = (from: FieldType, to: FieldType, dialect: Dialect): Conversion | undefined =>
  (dialect === "sqlite" ? OF_SQLITE : OF_POSTGRES)[`${from} ${to}`];
