/** Columns as fields of a definition. */
import { type CheckRules, rulesOfCheck } from "./checks.ts";
import type { FoundCheck, FoundColumn } from "./found.ts";

/** What stands behind a field's name in a config. */
export type FieldConfig = Readonly<Record<string, unknown>>;

export type Told =
  | { readonly config: FieldConfig; readonly notes: readonly string[] }
  /** Why there is no field for it. */
  | { readonly left: string };

interface Kind {
  readonly config: FieldConfig;
  /** Of numbers: without fractions. */
  readonly whole?: boolean;
  readonly note?: string;
}

const INT2 = { type: "integer", minimum: -32_768, maximum: 32_767 };
const INT4 = { type: "integer", minimum: -2_147_483_648, maximum: 2_147_483_647 };
/** More digits than a double holds exactly are a text. */
const SAFE_DIGITS = 15;

const KINDS: Readonly<Record<string, (column: FoundColumn) => Kind>> = {
  text: () => ({ config: { type: "string" } }),
  citext: () => ({
    config: { type: "string" },
    note: "citext: upper and lower case are the same to the database",
  }),
  name: () => ({ config: { type: "string", maxLength: 63 } }),
  varchar: ({ length }) => ({
    config: { type: "string", ...(length === null ? {} : { maxLength: length }) },
  }),
  bpchar: ({ length }) => ({
    config: { type: "string", ...(length === null ? {} : { maxLength: length }) },
    note: "of fixed width: the database fills it up with blanks",
  }),
  uuid: () => ({ config: { type: "uuid" } }),
  int2: () => ({ config: INT2, whole: true }),
  int4: () => ({ config: INT4, whole: true }),
  int8: () => ({ config: { type: "bigint" }, whole: true }),
  float4: () => ({ config: { type: "number" }, note: "of single precision: about seven digits are kept" }),
  float8: () => ({ config: { type: "number" } }),
  numeric: decimal,
  bool: () => ({ config: { type: "boolean" } }),
  date: () => ({ config: { type: "date" } }),
  timestamptz: () => ({ config: { type: "datetime" } }),
  timestamp: () => ({ config: { type: "datetime" }, note: "without a time zone: read and written as UTC" }),
  json,
  jsonb: json,
};

function decimal({ precision, scale }: FoundColumn): Kind {
  if (precision === null || scale === null) return { config: { type: "decimal" } };
  const most = 10 ** (precision - scale);
  if (scale === 0 && precision <= SAFE_DIGITS)
    return { config: { type: "integer", minimum: 1 - most, maximum: most - 1 }, whole: true };
  const note = `${precision} digits, ${scale} of them behind the point: the database rounds others`;
  // The bounds of more digits cannot be written exactly.
  if (precision > SAFE_DIGITS || scale > precision) return { config: { type: "decimal" }, note };
  const limit = Number((most - 10 ** -scale).toFixed(scale));
  return { config: { type: "decimal", minimum: -limit, maximum: limit }, note };
}

function json({ kinds, default: given }: FoundColumn): Kind {
  const array = kinds.length === 0 ? /^'\[/.test(given ?? "") : kinds.every((kind) => kind === "array");
  const type = array ? "array" : "object";
  const others = kinds.filter((kind) => kind !== type);
  const seen = others.length === 0 ? "it may hold other values, too" : `it also holds: ${others.join(", ")}`;
  return { config: { type }, note: `JSON, written as ${type}s only; ${seen}, and shows them as they are` };
}

/** `checks` are those that are about this column alone. */
export function fieldOf(column: FoundColumn, checks: readonly FoundCheck[]): Told {
  const kind = kindOf(column);
  if (kind === undefined) return { left: `there is no type of field for ${column.declared}` };
  if (column.generated) return shownOnly(column, kind, "the database generates it");
  if (column.type.startsWith("_"))
    return shownOnly(column, kind, `${column.declared}: can be read, not written`);
  const notes = kind.note === undefined ? [] : [kind.note];
  const read = checks.map(({ expression }) => {
    const rules = rulesOfCheck(expression, column.name, kind.whole === true);
    return { expression, rules: rules !== null && fit(rules, kind.config) ? rules : null };
  });
  // A list of values is all that a field can say of them.
  const list = read.find(({ rules }) => rules?.enum !== undefined);
  const said = read.filter((one) => one.rules !== null && (list === undefined || one === list));
  for (const one of read)
    if (!said.includes(one)) notes.push(`the database also checks ${oneLine(one.expression)}`);
  let bounds = list === undefined ? kind.config : {};
  for (const { rules } of said) bounds = { ...bounds, ...tightened(bounds, rules ?? {}) };
  const summary = oneLine(column.comment);
  const { config, note } = presence(column, kind);
  return {
    config: { ...(summary === "" ? {} : { summary }), ...bounds, ...config },
    notes: note === "" ? notes : [...notes, note],
  };
}

/** Nobody gives it a value, so that there is none until the object is stored: hence nullable. */
function shownOnly(column: FoundColumn, { config }: Kind, why: string): Told {
  const summary = oneLine(column.comment);
  return {
    config: {
      ...(summary === "" ? {} : { summary }),
      type: config["type"] ?? "string",
      readOnly: true,
      nullable: true,
    },
    notes: [why],
  };
}

/** The rules, but for bounds that are tighter already. */
function tightened(before: FieldConfig, rules: CheckRules): FieldConfig {
  const kept = Object.entries(rules).map(([rule, value]) => {
    const bound = before[rule];
    if (typeof bound !== "number" || typeof value !== "number") return [rule, value];
    return [rule, rule.startsWith("min") ? Math.max(bound, value) : Math.min(bound, value)];
  });
  return Object.fromEntries(kept) as FieldConfig;
}

function kindOf(column: FoundColumn): Kind | undefined {
  if (column.type.startsWith("_")) return { config: { type: "array" } };
  if (column.words !== null) return { config: { enum: column.words } };
  return KINDS[column.type]?.(column);
}

/** Whether rules are about values of the type; the bounds of a decimal may be given, its values not. */
function fit(rules: CheckRules, { type }: FieldConfig): boolean {
  const words = rules.enum ?? [];
  if (words.length > 0)
    return type === "string"
      ? words.every((word) => typeof word === "string")
      : type === "integer" && words.every(Number.isSafeInteger);
  const lengths = "minLength" in rules || "maxLength" in rules;
  const limits = "minimum" in rules || "maximum" in rules;
  return (!lengths || type === "string") && (!limits || (type !== "string" && type !== undefined));
}

/** Whether it has to be given, and what it is otherwise. */
function presence(column: FoundColumn, kind: Kind): { config: FieldConfig; note: string } {
  const given = column.default === null || column.counted ? undefined : defaultOf(column, kind);
  const nullable = column.nullable ? { nullable: true } : {};
  if (given !== undefined) return { config: { default: given, ...nullable }, note: "" };
  const note =
    column.default === null
      ? ""
      : `its default, ${oneLine(column.default)}, is the database's alone: Turnpike writes what it is given`;
  return { config: column.nullable ? {} : { required: true }, note };
}

const NOW =
  /^(?:now\(\)|CURRENT_TIMESTAMP|LOCALTIMESTAMP|transaction_timestamp\(\)|statement_timestamp\(\)|CURRENT_DATE)(?:\(\d\))?$/i;

/** As it stands in a config; undefined for what only the database can say. */
function defaultOf(column: FoundColumn, { config }: Kind): unknown {
  const text = withoutCasts(column.default ?? "");
  const { type } = config;
  if ((type === "datetime" || type === "date") && NOW.test(text)) return "now";
  const [, quoted] = /^'((?:[^']|'')*)'$/.exec(text) ?? [];
  const value = quoted?.replaceAll("''", "'") ?? text;
  if (type === "boolean") return text === "true" ? true : text === "false" ? false : undefined;
  if (type === "integer" || type === "number")
    return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
  if (type === "bigint" || type === "decimal") return /^-?\d+(\.\d+)?$/.test(value) ? value : undefined;
  if (quoted === undefined) return undefined;
  if (type === "object" || type === "array") return parsed(value);
  return type === "datetime" ? undefined : value;
}

function withoutCasts(expression: string): string {
  const plain = expression.replace(/::[\w ."]+(?:\(\d+(?:,\d+)?\))?(?:\[\])?$/, "");
  const inner = /^\((.*)\)$/.exec(plain)?.[1] ?? plain;
  return inner === expression ? inner : withoutCasts(inner);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();
