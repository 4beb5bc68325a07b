import type { Fields } from "../../../core/json-schema/documents.ts";
import { type Change, Changes } from "./change.ts";
import { compareItems } from "./operations.ts";
import type { Comparison, Direction } from "./pair.ts";
import { compareSchemes } from "./security.ts";
import { fields, list, Source } from "./source.ts";
import { Unchanged } from "./unchanged.ts";

/** What has changed between two OpenAPI documents (3.0 or 3.1), as clients of the older one see it: what breaks comes first. */
export function compareDocuments(before: unknown, after: unknown): readonly Change[] {
  const sources = { before: new Source(before), after: new Source(after) };
  const unchanged = new Unchanged(sources.before, sources.after);
  const comparison = { ...sources, changes: new Changes(), unchanged };
  compareServers(comparison);
  comparePaths("paths", "request", comparison);
  comparePaths("webhooks", "response", comparison);
  compareSchemes(comparison);
  return comparison.changes.sorted();
}

function comparePaths(where: "paths" | "webhooks", sends: Direction, comparison: Comparison): void {
  const [old, now] = [pathsOf(comparison.before, where), pathsOf(comparison.after, where)];
  for (const [key, { path, item }] of old) {
    const other = now.get(key) ?? { path, item: {} };
    compareItems({ before: item, after: other.item, path, pathAfter: other.path, sends }, comparison);
  }
  for (const [key, { path, item }] of now) {
    if (!old.has(key)) compareItems({ before: {}, after: item, path, pathAfter: path, sends }, comparison);
  }
}

/** Nobody sees how the parameter of a path is called. */
function pathsOf(
  source: Source,
  where: string,
): Map<string, { readonly path: string; readonly item: Fields }> {
  const entries = Object.entries(fields(source.root[where])).filter(([path]) => !path.startsWith("x-"));
  return new Map(
    entries.map(([path, item]) => [path.replaceAll(/\{[^}]*\}/g, "{}"), { path, item: source.follow(item) }]),
  );
}

function compareServers({ before, after, changes }: Comparison): void {
  const [old, now] = [urlsOf(before), urlsOf(after)];
  for (const url of old.filter((one) => !now.includes(one))) {
    changes.add("breaking", "server-removed", `the server ${url}`, "is gone");
  }
  for (const url of now.filter((one) => !old.includes(one))) {
    changes.add("addition", "server-added", `the server ${url}`, "is new");
  }
}

/** Without any there is `/`. */
function urlsOf({ root }: Source): string[] {
  const urls = list(root["servers"]).map((server) => String(fields(server)["url"]));
  return urls.length === 0 ? ["/"] : urls;
}
