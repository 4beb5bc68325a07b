import { listOf, quoted } from "../core/found.ts";
import { didYouMean } from "../core/suggest.ts";
import { canonicalVersion } from "../core/version.ts";
import type { Parts } from "./examine.ts";
import type { Path } from "./problem.ts";
import type { Report } from "./report.ts";
import type { RouteConfig } from "./schema.ts";
import type { VersionsConfig } from "./schema-versions.ts";
import { canonical, destinations, oldestFirst } from "./versions.ts";

/** What the versions of a config say of each other, and routes of them. */
export function checkVersions(parts: Parts, routeNames: readonly string[], report: Report): void {
  const { versions, routes } = parts;
  routes.forEach((route, index) => {
    if (route !== undefined) checkRoute(route, ["routes", index], versions, report);
  });
  if (versions === null || versions === undefined) return;
  const names = Object.keys(versions.list);
  if (names.length === 0)
    report.error(["versions", "list"], 'there are no versions; one such as "1": {} is needed');
  checkSpelling(names, ["versions", "list"], report);
  checkDefault(versions, report);
  for (const [consumer, name] of Object.entries(versions.pinned.consumers))
    checkKnown(name, versions, ["versions", "pinned", "consumers", consumer], report);
  for (const name of names) checkDates(name, versions, report);
  const alone = routeNames.filter((_, index) => isDivided(routes[index]));
  checkChanges(versions, routeNames, alone, report);
}

const isDivided = (route: RouteConfig | undefined): boolean =>
  route !== undefined && destinations(route.to).some(({ version }) => version !== null);

/** `1` and `v1` are one version. */
function checkSpelling(names: readonly string[], at: Path, report: Report): void {
  for (const same of Map.groupBy(names, canonical).values()) {
    const [first = "", second] = same;
    if (second !== undefined)
      report.keyError([...at, second], `${quoted(first)} and ${quoted(second)} are the same version`);
  }
}

function checkKnown(name: string, versions: VersionsConfig, at: Path, report: Report): boolean {
  const known = Object.keys(versions.list);
  if (known.some((other) => canonical(other) === canonical(name))) return true;
  const list = known.length === 0 ? "" : `; there is ${listOf(oldestFirst(known))}`;
  report.error(at, `there is no version ${quoted(name)}${didYouMean(name, known) || list}`);
  return false;
}

function checkDefault(versions: VersionsConfig, report: Report): void {
  const { default: standard, required, list } = versions;
  const at = ["versions", "default"];
  if (standard === undefined) {
    if (!required)
      report.keyWarn(
        ["versions"],
        "requests that name no version get 400; write default and a version, or required: true if that is meant",
      );
    return;
  }
  if (required) report.keyWarn(at, "has no effect: required is true, so every request names a version");
  if (standard === "oldest" || standard === "newest" || !checkKnown(standard, versions, at, report)) return;
  const version = list[standard] ?? list[`v${canonical(standard)}`] ?? list[canonical(standard)];
  if (version?.retired === true) report.error(at, `version ${standard} is retired; name one that is not`);
  else if (version?.sunset !== undefined)
    report.warn(
      at,
      `requests that name no version get 410 when version ${standard} retires; oldest would move on then`,
    );
}

/** VER-10: clients need half a year to move. */
const NOTICE = 182 * 86_400_000;

function checkDates(name: string, { list }: VersionsConfig, report: Report): void {
  const { deprecated, sunset } = list[name] ?? {};
  const at = ["versions", "list", name, "sunset"];
  if (sunset === undefined) return;
  if (deprecated === undefined)
    report.keyWarn(at, "comes without warning: nothing says that this version is deprecated");
  else if (sunset < deprecated) report.error(at, "lies before deprecated; a version retires after that");
  else if (sunset - deprecated < NOTICE)
    report.warn(at, "gives clients less than six months from deprecated on");
}

/** `divided`: the routes with a backend for each version. */
function checkChanges(
  { list }: VersionsConfig,
  routeNames: readonly string[],
  divided: readonly string[],
  report: Report,
): void {
  const [oldest] = oldestFirst(Object.keys(list));
  for (const [name, { changes }] of Object.entries(list)) {
    const at = ["versions", "list", name, "changes"];
    if (name === oldest && changes.length > 0)
      report.keyError(at, "changes nothing: there is no older version than this one");
    changes.forEach(({ routes }, index) => {
      routes?.forEach((route, place) => {
        if (divided.includes(route))
          report.warn(
            [...at, index, "routes", place],
            `has no effect on ${route}: it has a backend for each version`,
          );
        if (routeNames.includes(route)) return;
        const message = `there is no route ${quoted(route)}${didYouMean(route, routeNames)}`;
        report.error([...at, index, "routes", place], message);
      });
    });
  }
}

function checkRoute({ path, to }: RouteConfig, at: Path, versions: Parts["versions"], report: Report): void {
  const named = destinations(to).flatMap(({ version }) => version ?? []);
  if (versions === undefined) return;
  if (versions === null) {
    if (named.length > 0)
      report.error([...at, "to"], 'answers by version, and the config has no "versions" that lists them');
    return;
  }
  checkSpelling(named, [...at, "to"], report);
  for (const name of named) checkKnown(name, versions, [...at, "to", name], report);
  const [, first = ""] = path.split("/");
  if (versions.from.includes("path") && /^v/i.test(first) && canonicalVersion(first) !== null)
    report.error(
      [...at, "path"],
      `/${first} is read as a version and taken off before routes are looked at; write the path without it`,
    );
}
