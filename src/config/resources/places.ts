import { quoted } from "../../core/found.ts";
import type { Field } from "../../core/resource.ts";
import { canonicalVersion } from "../../core/version.ts";
import type { Path } from "../problem.ts";
import { OWN_SCHEMA, OWN_TABLES } from "./reserved.ts";
import type { Draft, Scope } from "./scope.ts";

/** Where a resource is: its path, its table, the columns of that. */

export const pathOf = ({ name, config }: Pick<Draft, "name" | "config">): string => config.path ?? `/${name}`;

const OF_GATEWAY: readonly string[] = ["/openapi.json"];

export function checkPaths(
  drafts: readonly Draft[],
  { versionPaths, report }: Scope & { versionPaths: boolean },
): void {
  for (const draft of drafts) {
    const path = pathOf(draft);
    const at = [...draft.at, "path"];
    const [, first = ""] = path.split("/");
    if (OF_GATEWAY.includes(path))
      report.error(at, `${path} is the description of the API; write another path`);
    if (versionPaths && /^v/i.test(first) && canonicalVersion(first) !== null)
      report.error(
        at,
        `/${first} is read as a version and taken off before resources are looked for; write another path`,
      );
    for (const other of drafts) {
      if (other === draft) continue;
      const above = pathOf(other);
      if (path === above && drafts.indexOf(other) < drafts.indexOf(draft))
        report.error(at, `${path} is the path of ${other.name} already; write path: with another`);
      if (path.startsWith(`${above}/`))
        report.error(at, `lies below ${above}, where the objects of ${other.name} are; write another path`);
    }
  }
}

export interface TablePlace {
  readonly schema: string;
  readonly table: string;
}

export function tableOf({ name, config, at }: Draft, { dialect, report }: Scope): TablePlace {
  const place = [...at, "table"];
  const parts = (config.table ?? name).split(".");
  const [schema, table = ""] = parts.length === 2 ? parts : ["", parts[0]];
  const otherwise = config.table === undefined ? "write table: with another name" : "take another name";
  if (dialect === "sqlite" && schema !== "") report.error(place, "names a schema, and SQLite has none");
  if (dialect === "sqlite" && (OWN_TABLES.has(table.toLowerCase()) || /^(?:sqlite|turnpike)_/i.test(table)))
    report.error(place, `${quoted(table)} is a table of Turnpike's own in this file; ${otherwise}`);
  if (schema === OWN_SCHEMA || /^pg_/i.test(schema))
    report.error(place, `the schema ${quoted(schema ?? "")} is not for resources; take another name`);
  return { schema: schema ?? "", table };
}

/** Two definitions of one table would not know of each other's rules. */
export function checkTables(places: ReadonlyMap<Draft, TablePlace>, { report }: Scope): void {
  const first = new Map<string, Draft>();
  for (const [draft, { schema, table }] of places) {
    // SQLite sees no difference in case.
    const key = `${schema}.${table}`.toLowerCase();
    const other = first.get(key);
    if (other === undefined) first.set(key, draft);
    else if (!(other.config.external && draft.config.external))
      report.error([...draft.at, "table"], `${quoted(table)} is the table of ${other.name} already`);
  }
}

/** Of the stored fields, the id and those behind the `declared` ones are Turnpike's, and were there first. */
export function checkColumns(
  fields: readonly { readonly field: Field; readonly at: Path }[],
  declared: number,
  { dialect, report }: Scope,
): void {
  const own = [...fields.slice(0, 1), ...fields.slice(1 + declared)];
  const first = new Map<string, string>();
  const label = (field: Field): string =>
    own.some((one) => one.field === field) ? `Turnpike's own ${field.name}` : field.name;
  for (const { field, at } of [...own, ...fields.slice(1, 1 + declared)]) {
    // SQLite sees no difference in case.
    const key = dialect === "postgres" ? field.column : field.column.toLowerCase();
    const other = first.get(key);
    if (other === undefined) first.set(key, label(field));
    else
      report.error(
        at,
        `its column ${quoted(field.column)} is that of ${other} already; write column: with another name`,
      );
  }
}
