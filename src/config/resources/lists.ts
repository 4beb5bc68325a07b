import { quoted } from "../../core/found.ts";
import type { Field, Resource, SortKey } from "../../core/resource.ts";
import { didYouMean, suggest } from "../../core/suggest.ts";
import type { Path } from "../problem.ts";
import type { Draft, Scope } from "./scope.ts";
import { article } from "./types.ts";
import { checkGroupLength } from "./unique.ts";

/** Lists, their order and what makes it quick. */

const MOST_KEYS = 4;

/** Why nothing of an external table can be unique where objects have owners: its indexes know none. */
export const OF_THE_WHOLE_TABLE =
  "is of the whole table, of all owners: that a value is taken (409) would tell strangers of it; leave it out";

/** The fields of a resource that can be named. */
export interface Known {
  readonly byName: ReadonlyMap<string, Field>;
  /** Are there, and cannot be read. */
  readonly unread: ReadonlySet<string>;
}

/** The field of this name. Reports one that is not there. */
export function fieldNamed(
  name: string,
  { byName, unread }: Known,
  at: Path,
  { report }: Scope,
): Field | null {
  const field = byName.get(name);
  if (field === undefined && suggest(name, unread) === undefined)
    report.error(at, `there is no field ${quoted(name)}${didYouMean(name, byName.keys())}`);
  return field ?? null;
}

/** The order of lists whose request names none. */
export function sortOf(
  { config, at }: Draft,
  known: Known,
  { id, createdAt }: Pick<Resource, "id" | "createdAt">,
  scope: Scope,
): readonly SortKey[] {
  const { sort } = config.list;
  if (sort === undefined)
    return [createdAt === null ? { field: id, descending: false } : { field: createdAt, descending: true }];
  const place = [...at, "list", "sort"];
  const words = typeof sort === "string" ? sort.split(",").map((word) => word.trim()) : sort;
  if (words.length > MOST_KEYS) scope.report.error(place, `an order has at most ${MOST_KEYS} fields`);
  return words.flatMap((word, index): SortKey[] => {
    const key = sortKey(word, known, typeof sort === "string" ? place : [...place, index], scope);
    if (key?.field === id && index < words.length - 1)
      scope.report.error(place, "what stands behind the id has no effect: no two objects have the same");
    return key === null ? [] : [key];
  });
}

function sortKey(word: string, known: Known, at: Path, scope: Scope): SortKey | null {
  const descending = word.startsWith("-");
  const field = fieldNamed(descending ? word.slice(1) : word, known, at, scope);
  if (field === null) return null;
  if (!field.sort) {
    scope.report.error(at, `nothing can be sorted by ${field.name}: ${whyNot(field)}`);
    return null;
  }
  if (field.readScope !== "")
    scope.report.warn(at, `shows the order of ${field.name} to callers without the scope ${field.readScope}`);
  return { field, descending };
}

function whyNot(field: Field): string {
  if (field.writeOnly) return "it is write-only";
  return field.type === "object" || field.type === "array"
    ? `it is ${article(field.type)}`
    : "its sort is false";
}

/** `unique` and `indexes`. */
export function groupsOf(key: "unique" | "indexes", draft: Draft, known: Known, scope: Scope): Field[][] {
  const { config, at } = draft;
  return config[key].map((names, index) => {
    const place = [...at, key, index];
    const fields = names.flatMap((name, position): Field[] => {
      const field = fieldNamed(name, known, [...place, position], scope);
      if (field === null) return [];
      if (field.type === "object" || field.type === "array")
        scope.report.error([...place, position], `${name} is ${article(field.type)}, which has no order`);
      if (names.indexOf(name) !== position)
        scope.report.error([...place, position], `${quoted(name)} is listed twice`);
      return [field];
    });
    if (key === "unique") checkUnique(names, fields, draft, place, scope);
    return fields;
  });
}

function checkUnique(
  names: readonly string[],
  fields: readonly Field[],
  { config: { external, owner } }: Draft,
  at: Path,
  scope: Scope,
): void {
  const { report } = scope;
  if (names.length === 1) report.error(at, `is one field; write unique: true at ${names[0]}`);
  else if (!external) checkGroupLength(fields, at, scope);
  else if (owner !== false) report.error(at, OF_THE_WHOLE_TABLE);
}

export function limitsOf({ config, at }: Draft, { report }: Scope): Resource["limits"] {
  const { limit, maxLimit, deepest } = config.list;
  if (limit > maxLimit) report.error([...at, "list", "limit"], `is more than maxLimit (${maxLimit})`);
  if (maxLimit > deepest)
    report.error([...at, "list", "deepest"], `is less than maxLimit (${maxLimit}): not even one page`);
  return { default: limit, most: maxLimit, deepest };
}
