import type { ComputedField, Field, FieldType, Reference } from "../../core/resource.ts";
import type { Path } from "../problem.ts";
import type { OwnColumns } from "./columns.ts";
import { type History, historyOf, type Placed } from "./history.ts";
import type { Identity } from "./identity.ts";
import { OF_THE_WHOLE_TABLE } from "./lists.ts";
import { referenceOf } from "./references.ts";
import { refuseName } from "./reserved.ts";
import type { FieldConfig } from "./schema-field.ts";
import type { Draft, Scope } from "./scope.ts";
import { stored } from "./stored.ts";
import { article, rulesOf, typeOf } from "./types.ts";
import { boundedRules } from "./unique.ts";
import { readValue } from "./values.ts";

export interface DeclaredFields {
  /** In the order of the config. `at` of each is still −1. */
  readonly stored: readonly Placed<Field>[];
  readonly computed: readonly Placed<ComputedField>[];
}

/** The fields that the config of a resource names. */
export function declaredFields(
  draft: Draft,
  own: OwnColumns,
  identities: ReadonlyMap<string, Identity>,
  scope: Scope,
): DeclaredFields {
  const shown = [own.owner, own.createdAt, own.updatedAt].filter((one) => one?.field.sort === true);
  const taken = new Set(shown.map((one) => one?.field.name));
  const storedFields: Placed<Field>[] = [];
  const computed: Placed<ComputedField>[] = [];
  for (const [name, config] of Object.entries(draft.config.fields)) {
    const at = [...draft.at, "fields", name];
    const filtered = config.computed === undefined || name === "id";
    const reserved = filtered ? refuseName(name, scope) : undefined;
    if (reserved !== undefined) scope.report.keyError(at, reserved);
    if (taken.has(name)) {
      scope.report.keyError(
        at,
        "is there anyway, by timestamps or owner of the resource; leave it out here, or say otherwise there",
      );
      continue;
    }
    const history = historyOf(name, config, at, scope);
    const one = { name, config, at, history, draft, scope };
    if (config.computed === undefined)
      storedFields.push({ field: storedField(one, identities), history, at });
    else computed.push({ field: computedField(one, config.computed), history, at });
  }
  return { stored: storedFields, computed };
}

interface Declared {
  readonly name: string;
  readonly config: FieldConfig;
  readonly at: Path;
  readonly history: History;
  readonly draft: Draft;
  readonly scope: Scope;
}

function storedField(declared: Declared, identities: ReadonlyMap<string, Identity>): Field {
  const { name, config, at, history, draft, scope } = declared;
  const { reference, type } = typed(declared, identities);
  const said = reference === null ? rulesOf(config, type, at, scope.report) : {};
  const rules =
    reference === null ? boundedRules(said, type, { name, unique: config.unique, draft, at }, scope) : said;
  const nullable = config.nullable ?? (!config.required && config.default === undefined);
  checkDialect(type, [...at, config.type === undefined ? "enum" : "type"], scope);
  checkSwitches(declared, type);
  const switches = config.writeOnly || type === "object" || type === "array";
  const field = stored({
    name,
    column: config.column ?? history.oldest,
    type,
    summary: config.summary ?? "",
    nullable,
    required: config.required,
    default: defaultOf(config, { type, rules, nullable }, at, scope),
    readOnly: config.readOnly,
    writeOnly: config.writeOnly,
    immutable: config.immutable,
    rules,
    unique: config.unique,
    reference,
    filter: !switches && config.filter !== false,
    sort: !switches && config.sort !== false,
    readScope: config.read ?? "",
    writeScope: config.write ?? "",
  });
  checkFilled(field, declared);
  return field;
}

function typed(
  { config, at, scope }: Declared,
  identities: ReadonlyMap<string, Identity>,
): { reference: Reference | null; type: FieldType } {
  if (config.ref !== undefined) return referenceOf(config, config.ref, at, identities, scope);
  if (config.onDelete !== undefined)
    scope.report.keyError([...at, "onDelete"], "is about references; this field has no ref");
  return { reference: null, type: typeOf(config, at, scope.report) };
}

function checkDialect(type: FieldType, at: Path, { dialect, report }: Scope): void {
  if (dialect !== "sqlite" || (type !== "bigint" && type !== "decimal")) return;
  const instead = type === "bigint" ? "integer, or string" : "integer (cents), or string";
  report.error(at, `${type} takes PostgreSQL, and store.records is a SQLite file; write ${instead}`);
}

/** Options that say the same, or the opposite, or nothing. */
function checkSwitches({ config, at, draft, scope: { report } }: Declared, type: FieldType): void {
  const json = type === "object" || type === "array";
  if (config.readOnly && config.writeOnly)
    report.keyError(
      [...at, "writeOnly"],
      "does not go together with readOnly: nobody could set it, and nobody see it",
    );
  if (config.readOnly && config.required)
    report.keyError([...at, "required"], "does not go together with readOnly: nobody can give it");
  if (config.readOnly && config.immutable)
    report.keyWarn([...at, "immutable"], "has no effect: nobody sets what is read-only");
  if (config.readOnly && config.write !== undefined)
    report.keyWarn([...at, "write"], "has no effect: nobody sets what is read-only");
  if (config.writeOnly && config.read !== undefined)
    report.keyWarn([...at, "read"], "has no effect: nobody sees what is write-only");
  for (const name of ["filter", "sort"] as const)
    if (config[name] === true && (json || config.writeOnly))
      report.keyError(
        [...at, name],
        `${json ? article(type) : "a write-only field"} cannot be ${name === "filter" ? "filtered" : "sorted"} by`,
      );
  if (config.unique && json) report.keyError([...at, "unique"], `${article(type)} cannot be unique`);
  if (config.unique && draft.config.external && draft.config.owner !== false)
    report.keyError([...at, "unique"], OF_THE_WHOLE_TABLE);
}

function defaultOf(
  config: FieldConfig,
  valued: Pick<Field, "type" | "rules" | "nullable">,
  at: Path,
  { report }: Scope,
): Field["default"] {
  const { default: value } = config;
  if (value === undefined) return null;
  const place = [...at, "default"];
  if (value === "now" && (valued.type === "datetime" || valued.type === "date")) return "now";
  if (value === null && config.nullable !== false) return null;
  const read = readValue(valued, value);
  if ("value" in read) return read;
  report.error(place, read.problem);
  return null;
}

/** Whoever creates an object has to be able to, in every version. */
function checkFilled(
  field: Field,
  { config, at, history, draft, scope: { report, versions } }: Declared,
): void {
  if (field.nullable || config.default !== undefined) return;
  if (!field.required && draft.config.hooks.beforeCreate === undefined) {
    const remedy = field.readOnly
      ? "a default, nullable: true, or a hook beforeCreate"
      : "required: true or a default";
    report.error(
      at,
      `has no value for an object that is created without it, and cannot be null; write ${remedy}`,
    );
  } else if (field.required && history.partial && versions.length > 1) {
    const key = config.since === undefined ? "until" : "since";
    report.error(
      [...at, key],
      "is required, and not in every version: clients of the others could create nothing; add a default",
    );
  }
}

/** What a field that is not stored may say of itself. */
const OF_COMPUTED: readonly string[] = [
  "computed",
  "type",
  "summary",
  "format",
  "enum",
  "nullable",
  "read",
  "schema",
].concat(["minLength", "maxLength", "pattern", "minimum", "maximum", "since", "until", "was"]);

function computedField(
  { name, config, at, scope }: Declared,
  compute: ComputedField["compute"],
): ComputedField {
  for (const [key, value] of Object.entries(config)) {
    if (OF_COMPUTED.includes(key) || value === undefined || value === false) continue;
    scope.report.keyError([...at, key], `a computed field is not stored, and has no ${key}`);
  }
  const type = typeOf(config, at, scope.report);
  return {
    name,
    type,
    summary: config.summary ?? "",
    rules: rulesOf(config, type, at, scope.report),
    nullable: config.nullable ?? false,
    readScope: config.read ?? "",
    compute,
  };
}
