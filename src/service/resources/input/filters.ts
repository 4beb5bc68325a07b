/** Conditions of a list: `status=paid`, `created_at[gte]=…`, `status[in]=paid,shipped`, `paid_at[null]=true`. */
import { anyOf } from "../../../core/found.ts";
import type { Field, FieldValue, View } from "../../../core/resource.ts";
import type { Comparison, Filter } from "../store.ts";
import type { Issues } from "./issues.ts";
import { MOST_FILTERS, MOST_VALUES } from "./limits.ts";
import { onlyValue, type Parameter } from "./query.ts";
import { type TextReader, textReader, truth } from "./text-values.ts";

const ORDERED: readonly Comparison[] = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "null"];
/** Nobody knows whether false is less than true. */
const UNORDERED: readonly Comparison[] = ["eq", "ne", "in", "null"];

/** How the values of a field can be compared. */
export const comparisonsOf = ({ type }: Pick<Field, "type">): readonly Comparison[] =>
  type === "boolean" ? UNORDERED : ORDERED;

interface Filterable {
  readonly field: Field;
  readonly read: TextReader;
  readonly comparisons: readonly Comparison[];
}

export class Filters {
  readonly #fields = new Map<string, Filterable>();

  constructor(view: View) {
    for (const { name, field } of view.fields) {
      if (!field.filter || field.writeOnly) continue;
      const comparisons = comparisonsOf(field);
      this.#fields.set(name, { field, read: textReader(field), comparisons });
    }
  }

  /** What a caller may filter by: of everything else he learns nothing, not even that it is there. */
  names(scopes: ReadonlySet<string>): string[] {
    return [...this.#fields].filter(([, { field }]) => isReadable(field, scopes)).map(([name]) => name);
  }

  /** False where there is no such field for the caller. */
  add(parameter: Parameter, scopes: ReadonlySet<string>, into: Filter[], issues: Issues): boolean {
    const filterable = this.#fields.get(parameter.name);
    if (filterable === undefined || !isReadable(filterable.field, scopes)) return false;
    const filter = read(filterable, parameter, issues);
    if (filter === undefined) return true;
    if (into.length === MOST_FILTERS)
      issues.at([], "query").say(`must have at most ${MOST_FILTERS} conditions`);
    if (into.length <= MOST_FILTERS) into.push(filter);
    return true;
  }
}

export const isReadable = ({ readScope }: Pick<Field, "readScope">, scopes: ReadonlySet<string>): boolean =>
  readScope === "" || scopes.has(readScope);

function read({ field, read: readText, comparisons }: Filterable, parameter: Parameter, issues: Issues) {
  const { name, operator } = parameter;
  issues.at(operator === null ? [name] : [name, operator], "query");
  const comparison = comparisons.find((one) => one === (operator ?? "eq"));
  if (comparison === undefined) {
    issues.say(`is no comparison of this field; there are ${anyOf(comparisons)}`);
    return undefined;
  }
  const values =
    comparison === "in"
      ? listOf(parameter, readText, issues)
      : single(comparison, parameter, readText, issues);
  return values === undefined ? undefined : { field, comparison, values };
}

function single(
  comparison: Comparison,
  parameter: Parameter,
  readText: TextReader,
  issues: Issues,
): FieldValue[] | undefined {
  const text = onlyValue(parameter, issues);
  if (text === undefined) return undefined;
  const value = comparison === "null" ? truth(text, issues) : readText(text, issues);
  return value === undefined ? undefined : [value];
}

/** Between commas, or the parameter repeated; `\,` is a comma of a value. */
function listOf(
  { values: texts }: Parameter,
  readText: TextReader,
  issues: Issues,
): FieldValue[] | undefined {
  const pieces = texts.flatMap(splitList);
  if (pieces.length > MOST_VALUES) {
    issues.say(`must have at most ${MOST_VALUES} values`);
    return undefined;
  }
  const before = issues.count;
  const values: FieldValue[] = [];
  for (const piece of pieces) {
    const value = readText(piece, issues);
    // What is said of one value is not said of each.
    if (value === undefined && issues.count > before) return undefined;
    if (value !== undefined) values.push(value);
  }
  return [...new Set(values)];
}

/** At least one piece, which may be empty. */
export function splitList(text: string): string[] {
  const pieces = [""];
  for (let i = 0; i < text.length; i++) {
    const escaped = text[i] === "\\" && (text[i + 1] === "," || text[i + 1] === "\\");
    if (escaped) i++;
    if (text[i] === "," && !escaped) pieces.push("");
    else pieces[pieces.length - 1] += text[i] as string;
  }
  return pieces;
}
