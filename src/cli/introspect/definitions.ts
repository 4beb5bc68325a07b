/** Tables as definitions of resources. */
import { type FieldConfig, fieldOf, oneLine, type Told } from "./fields.ts";
import type { FoundColumn, FoundReference, FoundTable } from "./found.ts";
import { fieldNameOf, type Nouns, nounsOf, unused } from "./names.ts";

/** Begins the reason why a column has no field that may not be empty: without it nothing can be created. */
export const NEEDED = "may not be empty, and ";

export interface Definition {
  readonly name: string;
  /** Lines about the whole. */
  readonly notes: string[];
  /** Without `fields`. */
  readonly config: Record<string, unknown>;
  readonly fields: Map<string, FieldLine>;
  /** Columns without a field, and why. */
  readonly left: Map<string, string>;
}

export interface FieldLine {
  config: FieldConfig;
  readonly notes: string[];
  readonly column: FoundColumn;
}

export interface Definitions {
  readonly definitions: readonly Definition[];
  /** Tables without a resource, and why. */
  readonly left: ReadonlyMap<string, string>;
}

interface Usable {
  readonly table: FoundTable;
  readonly nouns: Nouns;
  readonly id: FoundColumn;
  readonly idConfig: Record<string, unknown>;
}

/** `standard` is the schema in which tables are found without its name. */
export function definitionsOf(tables: readonly FoundTable[], standard: string): Definitions {
  const left = new Map<string, string>();
  const usable = new Map<string, Usable>();
  const taken = new Set<string>();
  for (const table of tables) {
    const id = idOf(table);
    if (typeof id === "string") left.set(table.name, id);
    else {
      const nouns = nounsOf(table.name);
      const plural = unused(nouns.plural, taken);
      const singular = unused(nouns.singular, new Set([...taken, plural]));
      taken.add(plural).add(singular);
      usable.set(table.name, { table, nouns: { plural, singular }, ...id });
    }
  }
  return { definitions: [...usable.values()].map((one) => definitionOf(one, usable, standard)), left };
}

/** The column of the ids and what makes them; or why there can be no resource. */
function idOf(table: FoundTable): { id: FoundColumn; idConfig: Record<string, unknown> } | string {
  const [name, second] = table.primaryKey;
  if (table.name.includes(".")) return "its name has a dot in it";
  if (name === undefined) return "it has no primary key: nothing says which object is meant";
  if (second !== undefined)
    return `its primary key has several columns (${table.primaryKey.join(", ")}), and an id is one`;
  const id = table.columns.find((column) => column.name === name) as FoundColumn;
  const place = id.name === "id" ? {} : { column: id.name };
  if (id.type === "uuid") return { id, idConfig: { type: "uuid", ...place } };
  if (/^int[248]$/.test(id.type)) {
    const type = id.type === "int8" ? "bigint" : "integer";
    return { id, idConfig: { type, ...(id.counted ? {} : { given: true }), ...place } };
  }
  if (!["text", "varchar", "bpchar", "citext"].includes(id.type))
    return `its primary key is of the type ${id.declared}, which no id can be`;
  const length = id.length === null || id.length > 255 ? {} : { maxLength: id.length };
  return { id, idConfig: { type: "string", given: true, ...length, ...place } };
}

function definitionOf(
  { table, nouns, id, idConfig }: Usable,
  usable: ReadonlyMap<string, Usable>,
  standard: string,
): Definition {
  const place = table.schema === standard ? table.name : `${table.schema}.${table.name}`;
  const summary = oneLine(table.comment);
  const times = timesOf(table);
  const definition: Definition = {
    name: nouns.plural,
    notes: tableNotes(table),
    config: {
      singular: nouns.singular,
      ...(summary === "" ? {} : { summary }),
      ...(place === nouns.plural ? {} : { table: place }),
      external: true,
      id: idConfig,
      ...(Object.keys(times).length === 0 ? {} : { timestamps: times }),
    },
    fields: new Map(),
    left: new Map(),
  };
  const names = new Set<string>(["id", ...Object.values(times)]);
  for (const column of table.columns) {
    if (column === id || Object.values(times).includes(column.name)) continue;
    const told = toldOf(table, column, usable);
    if ("left" in told) {
      definition.left.set(column.name, `${isNeeded(column) ? NEEDED : ""}${told.left}`);
      continue;
    }
    const name = fieldNameOf(column.name, names);
    names.add(name);
    const config = name === column.name ? told.config : { ...told.config, column: column.name };
    definition.fields.set(name, { config, notes: [...told.notes], column });
  }
  const groups = uniqueGroups(table, definition);
  if (groups.length > 0) definition.config["unique"] = groups;
  return definition;
}

/** Nothing can be created without a value for it. */
export const isNeeded = ({ nullable, default: given, generated, counted }: FoundColumn): boolean =>
  !nullable && given === null && !generated && !counted;

/** A column with its reference, where there is a resource for what it refers to. */
function toldOf(table: FoundTable, column: FoundColumn, usable: ReadonlyMap<string, Usable>): Told {
  const checks = table.checks.filter(({ columns }) => columns.length === 1 && columns[0] === column.name);
  const told = fieldOf(column, checks);
  if ("left" in told) return told;
  const unique = table.uniques.some((columns) => columns.length === 1 && columns[0] === column.name);
  const config = unique ? { ...told.config, unique: true } : told.config;
  const key = table.references.find(({ columns }) => columns.length === 1 && columns[0] === column.name);
  if (key === undefined) return { ...told, config };
  const target = usable.get(key.table);
  if (target === undefined || target.table.schema !== key.schema || key.targets[0] !== target.id.name)
    return {
      config,
      notes: [...told.notes, `refers to ${key.table}.${key.targets.join(", ")}, which is no id here`],
    };
  return { config: asReference(config, key, target.nouns.plural), notes: told.notes };
}

const OF_REFERENCES = ["summary", "required", "nullable", "unique"];

function asReference(config: FieldConfig, { onDelete }: FoundReference, ref: string): FieldConfig {
  const kept = Object.entries(config).filter(([key]) => OF_REFERENCES.includes(key));
  const action = onDelete === "other" || onDelete === "refuse" ? {} : { onDelete };
  return { ref, ...Object.fromEntries(kept), ...action };
}

const CREATED = /^(?:created|creation|create|inserted)(?:_?(?:at|on|time|timestamp|date))?$/i;
const UPDATED =
  /^(?:updated|modified|changed|last_?(?:update|updated|modified|change|changed))(?:_?(?:at|on|time|timestamp|date))?$/i;

/** Times that the database fills in at a creation, by what they are usually called. */
function timesOf(table: FoundTable): Record<string, string> {
  const named = (pattern: RegExp): string | undefined =>
    table.columns.find(
      (column) =>
        pattern.test(column.name) &&
        /^[a-z][a-z0-9_]{0,62}$/.test(column.name) &&
        /^timestamp(tz)?$/.test(column.type) &&
        !column.nullable &&
        !column.generated,
    )?.name;
  const [created, updated] = [named(CREATED), named(UPDATED)];
  return {
    ...(created === undefined ? {} : { created }),
    ...(updated === undefined ? {} : { updated }),
  };
}

function uniqueGroups(table: FoundTable, { fields }: Definition): readonly (readonly string[])[] {
  const nameOf = new Map([...fields].map(([name, { column }]) => [column.name, name]));
  return table.uniques
    .filter((columns) => columns.length > 1 && columns.every((column) => nameOf.has(column)))
    .map((columns) => columns.map((column) => nameOf.get(column) as string));
}

function tableNotes(table: FoundTable): string[] {
  const checks = table.checks
    .filter(({ columns }) => columns.length !== 1)
    .map(({ expression }) => `the database also checks ${oneLine(expression)}`);
  const keys = table.references
    .filter(({ columns }) => columns.length > 1)
    .map((key) => `${key.columns.join(", ")} refer to ${key.table} together, which no reference can`);
  return [...checks, ...keys];
}
