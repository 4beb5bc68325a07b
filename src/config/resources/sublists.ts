import { anyOf, listOf, quoted } from "../../core/found.ts";
import type { Field, Resource, SubList } from "../../core/resource.ts";
import { didYouMean } from "../../core/suggest.ts";
import type { Path } from "../problem.ts";
import { checkActionPaths } from "./actions.ts";
import type { Draft, Scope } from "./scope.ts";

/** Lists of a resource inside the objects that it refers to: `/customers/{id}/orders`. */
export function sublistsOf(
  draft: Draft,
  fields: ReadonlyMap<string, Field>,
  scope: Scope,
): readonly SubList[] {
  const { within } = draft.config;
  const at = [...draft.at, "within"];
  const references = [...fields.values()].filter(({ reference }) => reference !== null);
  if (within === undefined) return byReference(references, draft.name);
  const wanted: (readonly [key: string, segment: string, place: Path])[] = Array.isArray(within)
    ? within.map((key, index) => [key, draft.name, [...at, index]] as const)
    : Object.entries(within).map(([key, segment]) => [key, segment, [...at, key]] as const);
  return wanted.flatMap(([key, segment, place]) => {
    const field = fieldMeant(key, references, place, draft, scope);
    return field?.reference == null ? [] : [{ parent: field.reference.resource, field, segment }];
  });
}

/** Where several lead to one resource, none of them is the obvious one. */
function byReference(references: readonly Field[], segment: string): SubList[] {
  const byParent = Map.groupBy(references, ({ reference }) => reference?.resource ?? "");
  return [...byParent].flatMap(([parent, [field, second]]) =>
    field === undefined || second !== undefined ? [] : [{ parent, field, segment }],
  );
}

/** By the name of the resource, or of the reference where there are several to it. */
function fieldMeant(
  key: string,
  references: readonly Field[],
  at: Path,
  { unread }: Draft,
  { report, complete }: Scope,
): Field | null {
  const byName = references.find(({ name }) => name === key);
  const toIt = references.filter(({ reference }) => reference?.resource === key);
  const [only, second] = toIt;
  if (second !== undefined && byName === undefined) {
    const names = toIt.map(({ name }) => name);
    report.error(
      at,
      `${listOf(names)} refer to ${key}; write { ${names.map((name) => `${name}: …`).join(", ")} } with a segment for each`,
    );
    return null;
  }
  const found = second === undefined ? (only ?? byName) : byName;
  if (found === undefined && complete && unread.size === 0) {
    const parents = [...new Set(references.map(({ reference }) => reference?.resource ?? ""))];
    const known = parents.length === 0 ? "; there are no references" : `; there is ${anyOf(parents)}`;
    report.error(at, `no reference leads to ${quoted(key)}${didYouMean(key, parents) || known}`);
  }
  return found ?? null;
}

/** Everything below an object has a path of its own. */
export function checkSublists(
  resources: readonly Resource[],
  pathOf: (resource: Resource) => Path,
  scope: Scope,
): void {
  for (const parent of resources) {
    const lists = new Map<string, string>();
    for (const child of resources) {
      for (const { parent: name, segment } of child.sublists) {
        if (name !== parent.name) continue;
        const other = lists.get(segment);
        if (other !== undefined)
          scope.report.error(
            [...pathOf(child), "within"],
            `${parent.path}/{id}/${segment} is a list of ${other} already; name another segment`,
          );
        lists.set(segment, child.name);
      }
    }
    checkActionPaths(parent, pathOf(parent), lists, scope);
  }
}
