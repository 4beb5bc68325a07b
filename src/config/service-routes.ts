import type { Caller } from "../core/route.ts";
import { type ApiVersion, changesFor, pinnedVersion, type VersionsPlan } from "../core/version.ts";
import type { RouteConfig } from "./schema.ts";
import { destinations, versionNamed } from "./versions.ts";

/** Which calls of a route the resources answer: all, or those in some versions; nothing where none. */
export function reachesService(
  to: RouteConfig["to"],
  versions: VersionsPlan | null,
): { readonly reachesService?: (call: Caller) => boolean } {
  const all = destinations(to);
  const theirs = all.filter((one) => "service" in one.to);
  if (theirs.length === 0) return {};
  if (theirs.length === all.length || versions === null) return { reachesService: () => true };
  const names = new Set(theirs.map(({ version }) => versionNamed(versions.list, version ?? "")));
  const pinnedOf = pinnedVersion(versions);
  return {
    // Policies ask before the version step has put the caller's own version into the call.
    reachesService: ({ principal, version, versionNamed: named }) => {
      const actual = (named ? undefined : pinnedOf(principal)) ?? version;
      return actual !== null && names.has(actual);
    },
  };
}

/**
 * The versions that resources speak by themselves, so that no body is converted on the way: all of them, unless the
 * config has functions (`changes`) for the route. Those get what the resources say in the version, and may change it.
 */
export function spokenByResources(
  versions: VersionsPlan | null,
  route: string,
): readonly ApiVersion[] | null {
  return versions === null || changesFor(versions.list, route).length > 0 ? null : versions.list;
}
