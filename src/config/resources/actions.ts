import { quoted } from "../../core/found.ts";
import type { Access, Action, Field, FieldValue, Resource } from "../../core/resource.ts";
import type { Path } from "../problem.ts";
import { NOBODY, readAccess } from "./access.ts";
import { fieldNamed, type Known } from "./lists.ts";
import type { ActionConfig } from "./schema.ts";
import type { InputFieldConfig } from "./schema-field.ts";
import type { Draft, Scope } from "./scope.ts";
import { stored } from "./stored.ts";
import { rulesOf, typeOf } from "./types.ts";
import { readValue } from "./values.ts";

/** `own` are those of the fields that the program itself writes. */
export function actionsOf(
  draft: Draft,
  known: Known,
  own: ReadonlySet<Field>,
  standard: Access | null,
  scope: Scope,
): readonly Action[] {
  return Object.entries(draft.config.actions).map(([name, config]): Action => {
    const at = [...draft.at, "actions", name];
    const made = { config, at, known, scope };
    checkDoes(config, at, scope);
    if (config.access === "nobody")
      scope.report.error([...at, "access"], "lets nobody do it; leave the action out");
    if (config.access === undefined && standard === null)
      scope.report.error([...at, "access"], "is missing: nobody may write, so say who may do this");
    return {
      name,
      summary: config.summary ?? "",
      access: config.access === undefined ? (standard ?? NOBODY) : readAccess(config.access),
      from: fromOf(made),
      set: setOf(made, own),
      input: inputsOf(config, at, scope),
      run: config.run ?? null,
    };
  });
}

interface Made {
  readonly config: ActionConfig;
  readonly at: Path;
  readonly known: Known;
  readonly scope: Scope;
}

function checkDoes({ set, run, input }: ActionConfig, at: Path, { report }: Scope): void {
  if (run !== undefined) return;
  if (Object.keys(set).length === 0)
    report.error(at, "changes nothing; give it set, or run in a TypeScript config (turnpike.config.ts)");
  if (Object.keys(input).length > 0)
    report.keyWarn([...at, "input"], "is read by nobody: without run nothing is done with it");
}

function fromOf({ config, at, known, scope }: Made): Action["from"] {
  const from = new Map<Field, readonly FieldValue[]>();
  for (const [name, wanted] of Object.entries(config.from)) {
    const place = [...at, "from", name];
    const field = fieldNamed(name, known, place, scope);
    if (field === null) continue;
    const values = Array.isArray(wanted) ? wanted : [wanted];
    const read = values.map((value, index) =>
      checkedValue(field, value, Array.isArray(wanted) ? [...place, index] : place, scope),
    );
    from.set(field, read);
  }
  return from;
}

function setOf({ config, at, known, scope }: Made, own: ReadonlySet<Field>): Action["set"] {
  const set = new Map<Field, FieldValue | "now">();
  for (const [name, value] of Object.entries(config.set)) {
    const place = [...at, "set", name];
    const field = fieldNamed(name, known, place, scope);
    if (field === null) continue;
    if (own.has(field)) scope.report.keyError(place, `${quoted(name)} is written by Turnpike itself`);
    else if (field.immutable) scope.report.keyError(place, `${quoted(name)} is immutable: it never changes`);
    const now = value === "now" && (field.type === "datetime" || field.type === "date");
    set.set(field, now ? "now" : checkedValue(field, value, place, scope));
  }
  return set;
}

function checkedValue(field: Field, value: unknown, at: Path, { report }: Scope): FieldValue {
  const read = readValue(field, value);
  if ("value" in read) return read.value;
  report.error(at, read.problem);
  return null;
}

function inputsOf({ input }: ActionConfig, at: Path, scope: Scope): Field[] {
  return Object.entries(input).map(([name, config]) =>
    inputField(name, config, [...at, "input", name], scope),
  );
}

function inputField(name: string, config: InputFieldConfig, at: Path, scope: Scope): Field {
  const type = typeOf(config, at, scope.report);
  const rules = rulesOf(config, type, at, scope.report);
  const { required, default: standard, summary = "" } = config;
  const nullable = config.nullable ?? (!required && standard === undefined);
  const now = standard === "now" && (type === "datetime" || type === "date");
  const value =
    standard === undefined || now
      ? null
      : { value: checkedValue(stored({ name, type, rules, nullable }), standard, [...at, "default"], scope) };
  return stored({
    name,
    type,
    rules,
    summary,
    required,
    nullable,
    default: now ? "now" : value,
    filter: false,
    sort: false,
  });
}

/** Actions and lists inside an object share a place: `/customers/{id}/…`. */
export function checkActionPaths(
  resource: Pick<Resource, "name" | "actions">,
  at: Path,
  lists: ReadonlyMap<string, string>,
  { report }: Scope,
): void {
  for (const { name } of resource.actions) {
    const other = lists.get(name);
    if (other !== undefined)
      report.keyError(
        [...at, "actions", name],
        `the list of ${other} inside ${resource.name} is at the same path; name the action otherwise, or that list with within`,
      );
  }
}
