/** From the versions of a config to those of a plan. */
import { formatSize } from "../core/values.ts";
import {
  type ApiVersion,
  canonicalVersion,
  changesFor,
  compareVersions,
  type DefaultVersion,
  isPreview,
  type VersionsPlan,
} from "../core/version.ts";
import { SEPARATOR } from "./describe.ts";
import type { RouteConfig } from "./schema.ts";
import type { VersionsConfig } from "./schema-versions.ts";

export const canonical = (name: string): string => canonicalVersion(name) ?? name;

/** Names of a config's versions, oldest first. */
export const oldestFirst = (names: readonly string[]): string[] =>
  names.toSorted((a, b) => compareVersions(canonical(a), canonical(b)));

export function versionsPlan(config: VersionsConfig | undefined): VersionsPlan | null {
  if (config === undefined) return null;
  const { from, header, query, required, pinned, forward, maxBody, list } = config;
  const names = oldestFirst(Object.keys(list));
  const versions = names.map((name, place): ApiVersion => {
    const { deprecated, sunset, retired, brownouts, link, changes } = list[
      name
    ] as VersionsConfig["list"][string];
    return {
      name,
      place,
      deprecated: deprecated ?? null,
      sunset: sunset ?? null,
      retired,
      brownouts,
      link: link ?? "",
      successor: successorOf(names.slice(place + 1), list),
      changes: changes as ApiVersion["changes"],
    };
  });
  const consumers = Object.entries(pinned.consumers).map(
    ([consumer, name]) => [consumer, versionNamed(versions, name)] as const,
  );
  return {
    list: versions,
    from,
    header,
    query,
    default: required ? null : defaultOf(config.default, versions),
    pinned: { consumers: new Map(consumers), claim: pinned.claim ?? "" },
    forward,
    maxBody,
  };
}

/** The next version that is here to stay, or else the next that is left at all. */
function successorOf(newer: readonly string[], list: VersionsConfig["list"]): string | null {
  const open = newer.filter((name) => list[name]?.retired === false);
  const staying = open.filter((name) => {
    const { deprecated, sunset } = list[name] ?? {};
    return deprecated === undefined && sunset === undefined && !isPreview(canonical(name));
  });
  return staying[0] ?? open[0] ?? null;
}

function defaultOf(name: string | undefined, versions: readonly ApiVersion[]): DefaultVersion | null {
  if (name === undefined || name === "oldest" || name === "newest") return name ?? null;
  return versionNamed(versions, name);
}

/** The config has been checked: there is one. */
export function versionNamed(versions: readonly ApiVersion[], name: string): ApiVersion {
  return versions.find((version) => canonical(version.name) === canonical(name)) as ApiVersion;
}

type To = RouteConfig["to"];
type OneTo = Extract<To, { upstream: string } | { fixed: unknown } | { service: true }>;

export type FallbackConfig = NonNullable<Extract<OneTo, { upstream: string }>["fallback"]>;

export interface Destination {
  /** As the config writes it; null where all versions go there. */
  readonly version: string | null;
  readonly to: OneTo;
}

/** Where a route leads: one backend for all, or one for each of its versions. */
export function destinations(to: To): Destination[] {
  if (isOne(to)) return [{ version: null, to }];
  return Object.entries(to).map(([version, one]) => ({ version, to: one }));
}

/** An upstream that a destination names, and the path to where it does. */
export interface UpstreamReference {
  readonly upstream: string;
  readonly rewrite?: string | undefined;
  readonly at: readonly string[];
}

/** The upstream of a destination and the one that it falls back to, as far as there are such. */
export function upstreamsOf(to: OneTo): UpstreamReference[] {
  if (!("upstream" in to)) return [];
  const { upstream, rewrite, fallback } = to;
  const first = { upstream, rewrite, at: [] };
  if (fallback === undefined || !("upstream" in fallback)) return [first];
  return [first, { upstream: fallback.upstream, rewrite: fallback.rewrite, at: ["fallback"] }];
}

// None of these words is a version.
const isOne = (to: To): to is OneTo => "upstream" in to || "fixed" in to || "service" in to;

// ---------------------------------------------------------------- for people

/** `1 (deprecated 2026-06-01, retires 2027-03-01), 2 (default)` */
export function describeVersions({ list, default: standard }: VersionsPlan): string {
  return list
    .map((version) => {
      const notes = [
        ...(standard === version ? ["default"] : []),
        ...(version.deprecated === null ? [] : [`deprecated ${when(version.deprecated)}`]),
        ...(version.retired
          ? ["retired"]
          : version.sunset === null
            ? []
            : [`retires ${when(version.sunset)}`]),
      ];
      return notes.length === 0 ? version.name : `${version.name} (${notes.join(", ")})`;
    })
    .join(", ");
}

const when = (epoch: number): string =>
  new Date(epoch).toISOString().replace(/(?:T00:00:00)?\.000Z$/, (end) => (end.startsWith("T") ? "" : "Z"));

/** Where versions are named, and what is done about it, in one line. */
export function describeSelection({ from, header, query, default: standard }: VersionsPlan): string {
  const ways = from.map((selector) => {
    if (selector === "path") return "the path (/v1/…)";
    return selector === "header" ? `the header ${header}` : `the parameter ${query}`;
  });
  const moving = typeof standard === "string" ? `; the ${standard} where none is named` : "";
  return `named in ${ways.join(", ")}${standard === null ? "; every request names one" : moving}`;
}

/** What the version step of a route does. */
export function describeVersionStep(
  plan: VersionsPlan,
  route: string,
  offered: readonly ApiVersion[] | null,
): string {
  if (offered !== null) {
    const missing = plan.list.filter((version) => !offered.includes(version)).map(({ name }) => name);
    const names = offered.map(({ name }) => name).join(", ");
    return missing.length === 0 ? names : `${names}${SEPARATOR}404 in ${missing.join(", ")}`;
  }
  const changes = changesFor(plan.list, route).map(({ change, of }) => `changed in ${of}: ${change.summary}`);
  const converted = changes.length === 0 ? [] : [`bodies up to ${formatSize(plan.maxBody)} are converted`];
  return [plan.list.map(({ name }) => name).join(", "), ...changes, ...converted].join(SEPARATOR);
}
