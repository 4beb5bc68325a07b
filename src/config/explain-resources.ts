import { listOf } from "../core/found.ts";
import type { Field, Resource, Resources, View } from "../core/resource.ts";
import { describeAccess } from "./resources/access.ts";
import { type Operation, operationAt, operationsOf } from "./resources/operations.ts";

/** What the resources of a plan are, for people. */

/** Who may do what, whose the objects are, how they look in each version. */
export function explainResource(resource: Resource, resources: Resources): string {
  return [
    `${resource.name}${resource.summary === "" ? "" : `: ${resource.summary}`}`,
    ...operationLines(operationsOf(resource, resources)),
    line("table", tableText(resource)),
    line("ids", idText(resource)),
    line("owner", ownerText(resource)),
    line("lists", listText(resource)),
    ...[...resource.views.values()].flatMap((view) => versionLines(view, resource)),
    ...notes(resource),
    "",
  ].join("\n");
}

const line = (name: string, text: string): string => `  ${name.padEnd(10)} ${text}`;

/** One line for what the same callers may do at the same path. */
function operationLines(operations: readonly Operation[]): string[] {
  const groups = Map.groupBy(operations, ({ path, access }) => `${path} ${describeAccess(access)}`);
  const rows = [...groups.values()].map((some) => {
    const [first] = some as [Operation, ...Operation[]];
    const methods = some.map(({ method }) => method).join(", ");
    return { what: `${methods} ${first.path}`, who: describeAccess(first.access) };
  });
  const width = Math.max(...rows.map(({ what }) => what.length));
  return rows.map(({ what, who }) => `  ${what.padEnd(width)}  ${who}`);
}

/** What a request to a resource asks for, and what its caller needs. */
export function explainOperation(resources: Resources, method: string, path: string): string {
  const found = operationAt(resources, method, path);
  if (found === null) return "  resource  none offers this method at this path: 404 or 405\n";
  const { resource, operation } = found;
  const who = describeAccess(operation.access);
  const needs =
    who === "public"
      ? "for anybody"
      : who === "authenticated"
        ? "for whoever has proved who he is"
        : `takes the scope ${who}`;
  const owned = resource.owner === null ? "" : "; objects of other owners are not there (404)";
  return `  resource  ${operation.name} of ${resource.name}, ${needs}${owned}\n`;
}

function tableText({ schema, table, external, deletedAt, events }: Resource): string {
  const parts = [
    `${schema === "" ? "" : `${schema}.`}${table}${external ? ", which is somebody else's: never migrated" : ""}`,
    ...(deletedAt === null ? [] : [`deleted objects stay, with ${deletedAt.name}`]),
    ...(events ? ["each change writes an event"] : ["changes write no events"]),
  ];
  return parts.join("; ");
}

function idText({ idRule, id }: Resource): string {
  switch (idRule.kind) {
    case "prefix":
      return `${idRule.prefix}_…, ordered by time`;
    case "uuid":
      return "a UUID, made here";
    case "counted":
      return `${id.type}, counted by the database`;
    case "given":
      return `${id.type}, given by the client`;
  }
}

function ownerText({ owner, everybodyScope }: Resource): string {
  if (owner === null) return "nobody: all callers share all objects";
  const shown = owner.filter ? `, shown in ${owner.name}` : "";
  const scope = everybodyScope === "" ? "" : `; ${everybodyScope} sees everybody's`;
  return `the consumer who created it${shown}; to others it is not there (404)${scope}`;
}

function listText({ sort, limits, uniques, fields }: Resource): string {
  const order = sort.map(({ field, descending }) => `${descending ? "-" : ""}${field.name}`).join(",");
  const alone = fields.filter(({ unique }) => unique).map((field) => [field]);
  const together = [...alone, ...uniques].map((group: readonly Field[]) =>
    group.map(({ name }) => name).join(" + "),
  );
  const unique = together.length === 0 ? "" : `; unique: ${together.join(", ")}`;
  return `${limits.default} objects a page, ${limits.most} at most, sorted by ${order}; page numbers end at ${limits.deepest} objects${unique}`;
}

/** What a version does not have, or calls otherwise. */
function versionLines(view: View, resource: Resource): string[] {
  if (view.version === null) return [];
  const named = [...view.fields, ...view.computed];
  const there = new Set<unknown>(named.map(({ field }) => field));
  const missing = [...resource.byName.values(), ...resource.computed].filter((field) => !there.has(field));
  const renamed = named.filter(({ name, field }) => name !== field.name);
  const parts = [
    ...(missing.length === 0 ? [] : [`without ${listOf(missing.map(({ name }) => name))}`]),
    ...renamed.map(({ name, field }) => `${field.name} is called ${name}`),
  ];
  return parts.length === 0 ? [] : [line(`in ${view.version.name}`, parts.join("; "))];
}

function notes({ hooks, preconditions, computed }: Resource): string[] {
  const names = Object.keys(hooks);
  return [
    ...(computed.length === 0 ? [] : [line("computed", computed.map(({ name }) => name).join(", "))]),
    ...(names.length === 0 ? [] : [line("hooks", names.join(", "))]),
    ...(preconditions === "required"
      ? [line("changes", "say which state they mean (If-Match), or get 428")]
      : []),
  ];
}
