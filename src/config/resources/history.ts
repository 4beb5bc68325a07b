import { listOf, quoted } from "../../core/found.ts";
import type { ComputedField, Field } from "../../core/resource.ts";
import { didYouMean } from "../../core/suggest.ts";
import type { ApiVersion } from "../../core/version.ts";
import type { Path } from "../problem.ts";
import { canonical } from "../versions.ts";
import { refuseName } from "./reserved.ts";
import type { FieldConfig } from "./schema-field.ts";
import type { Scope } from "./scope.ts";

/** What a field is called in each version that has it. */
export interface History {
  /** Null in a version that does not have it; null for the only version of an API without. */
  nameIn(version: ApiVersion | null): string | null;
  /** Of the oldest version that has it: what its column is called. */
  readonly oldest: string;
  /** Not in all versions. */
  readonly partial: boolean;
}

/** A field with what versions call it, and where the config says so. */
export interface Placed<One extends Field | ComputedField> {
  readonly field: One;
  readonly history: History;
  readonly at: Path;
}

/** For fields that every version has, under one name. */
export const always = (name: string): History => ({ nameIn: () => name, oldest: name, partial: false });

export function historyOf(name: string, config: FieldConfig, at: Path, scope: Scope): History {
  const { since, until, was = {} } = config;
  const from = since === undefined ? 0 : placeOf(since, [...at, "since"], scope);
  const last = until === undefined ? Infinity : placeOf(until, [...at, "until"], scope);
  const names = Object.entries(was)
    .map(([version, old]) => ({ place: placeOf(version, [...at, "was", version], scope), old, version }))
    .toSorted((a, b) => a.place - b.place);
  for (const { old, version } of names) checkOldName(old, name, [...at, "was", version], scope);
  checkSpan({ from, last, names, at, config }, scope);
  const nameAt = (place: number): string => names.find((one) => place <= one.place)?.old ?? name;
  return {
    nameIn: (version) => {
      if (version === null) return name;
      return version.place < from || version.place > last ? null : nameAt(version.place);
    },
    oldest: nameAt(from),
    partial: from > 0 || last < scope.versions.length - 1,
  };
}

/** Of the version in the list. Reports one that is not there, and takes it for the oldest. */
function placeOf(name: string, at: Path, { versions, versionsKnown, report }: Scope): number {
  const found = versions.find((version) => canonical(version.name) === canonical(name));
  if (found !== undefined) return found.place;
  if (!versionsKnown) return 0;
  const known = versions.map((version) => version.name);
  const list =
    known.length === 0 ? '; the config has no "versions" that lists any' : `; there is ${listOf(known)}`;
  report.error(at, `there is no version ${quoted(name)}${didYouMean(name, known) || list}`);
  return 0;
}

function checkOldName(old: string, name: string, at: Path, scope: Scope): void {
  if (old === name) scope.report.error(at, `is what the field is called anyway`);
  const reserved = refuseName(old, scope);
  if (reserved !== undefined) scope.report.error(at, reserved);
}

interface Span {
  readonly from: number;
  readonly last: number;
  readonly names: readonly { readonly place: number; readonly version: string }[];
  readonly at: Path;
  readonly config: FieldConfig;
}

function checkSpan({ from, last, names, at, config }: Span, { versions, report }: Scope): void {
  // What is wrong with a version has been said.
  if (versions.length === 0) return;
  const newest = versions.length - 1;
  const ofNewest = versions[newest]?.name;
  if (config.since !== undefined && from === 0 && isKnown(config.since, versions))
    report.warn([...at, "since"], `has no effect: ${versions[0]?.name} is the oldest version`);
  if (config.until !== undefined && last === newest && isKnown(config.until, versions))
    report.warn([...at, "until"], `has no effect: ${ofNewest} is the newest version`);
  if (from > last) report.error([...at, "until"], "lies before since: no version has this field");
  for (const { place, version } of names) {
    if (!isKnown(version, versions)) continue;
    if (place === newest)
      report.keyError(
        [...at, "was", version],
        `${ofNewest} is the newest version: call the field so, or name an older one`,
      );
    else if (place < from)
      report.keyError([...at, "was", version], "no version up to this one has the field");
  }
}

const isKnown = (name: string, versions: readonly ApiVersion[]): boolean =>
  versions.some((version) => canonical(version.name) === canonical(name));
