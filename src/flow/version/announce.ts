/** What every answer says of its version, refusals and 304 included (VER-4, VER-9, VER-10). */
import type { Call } from "../../core/call.ts";
import { type FieldName, fieldName } from "../../core/headers.ts";
import { type ApiVersion, canonicalVersion, type VersionsPlan } from "../../core/version.ts";

/** Writes the fields of the call's version into its answer. May be called again when the version has changed. */
export type Announce = (call: Call) => void;

type Field = readonly [name: FieldName, value: string];

export function makeAnnouncer(plan: VersionsPlan): Announce {
  const { header, from } = plan;
  const echo = fieldName(header);
  const varies = from.includes("header");
  const said = plan.list.map((version) => fieldsOf(version, echo));
  const successor = successorLink(plan);
  return (call) => {
    const { answer, version } = call;
    if (varies) answer.vary(header);
    if (version === null) return;
    if (answer.has(echo.lower)) for (const lower of [echo.lower, ...MIGRATION]) answer.delete(lower);
    for (const [name, value] of said[version.place] as readonly Field[]) answer.received(name, value);
    if (isLeaving(version) && version.successor !== null) {
      answer.received(LINK, successor(call.request.path, version.successor));
    }
  };
}

/** What a version on its way out says, and no other. */
export const MIGRATION = ["deprecation", "sunset", "link"] as const;

const LINK = fieldName("Link");

const isLeaving = ({ deprecated, sunset, retired }: ApiVersion): boolean =>
  deprecated !== null || sunset !== null || retired;

function fieldsOf(version: ApiVersion, echo: FieldName): Field[] {
  const { name, deprecated, sunset, link } = version;
  const fields: Field[] = [[echo, name]];
  // RFC 9745 §2.1: a structured-field Date, in whole seconds.
  if (deprecated !== null) fields.push([fieldName("Deprecation"), `@${Math.floor(deprecated / 1000)}`]);
  // RFC 8594 §3: an HTTP-date.
  if (sunset !== null) fields.push([fieldName("Sunset"), new Date(sunset).toUTCString()]);
  const relations = [
    ...(deprecated === null ? [] : [`<${link}>; rel="deprecation"; type="text/html"`]),
    ...(sunset === null ? [] : [`<${link}>; rel="sunset"; type="text/html"`]),
  ];
  if (link !== "" && relations.length > 0) fields.push([LINK, relations.join(", ")]);
  return fields;
}

/** The same resource in a newer version (RFC 5829 §3.2): under the same URL where only the header names versions. */
function successorLink({ from, query }: VersionsPlan): (path: string, successor: string) => string {
  const rel = '; rel="successor-version"';
  if (from.includes("path")) {
    return (path, successor) => `</v${canonicalVersion(successor)}${path === "/" ? "" : path}>${rel}`;
  }
  if (from.includes("query")) {
    return (path, successor) => `<${path}?${encodeURIComponent(query)}=${canonicalVersion(successor)}>${rel}`;
  }
  return (path) => `<${path}>${rel}`;
}
