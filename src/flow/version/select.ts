/**
 * Which version of the API a call gets (VER-1 … VER-6): read before routing, because the path may name it, and known to
 * everybody from then on. What is wrong with it is only said behind authentication and limits (ERR-18), by `step.ts`;
 * all but an unknown version in the path, which makes a path that does not exist.
 */
import type { Call, Request } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Headers } from "../../core/headers.ts";
import type { Plan } from "../../core/plan.ts";
import type { Clock } from "../../core/tools.ts";
import {
  type ApiVersion,
  canonicalVersion,
  isPreview,
  isRetired,
  type VersionsPlan,
} from "../../core/version.ts";
import { foldPath, foldPathDecoded } from "../path.ts";
import { makeAnnouncer } from "./announce.ts";
import { takeParameter } from "./query.ts";
import {
  contradiction,
  MALFORMED,
  type Named,
  notFound,
  refusalOf,
  required,
  unsupported,
} from "./refusals.ts";

/**
 * Sets the version of a call, and takes what named it off the path and the query.
 *
 * @throws GatewayError VERSION_NOT_FOUND for an unknown version in the path.
 */
export type SelectVersion = (call: Call) => void;

/** For an API without versions. */
const noVersions: SelectVersion = () => {};

export function selectVersionOf({ versions }: Pick<Plan, "versions">, clock: Clock): SelectVersion {
  return versions === null ? noVersions : makeSelectVersion(versions, clock);
}

export function makeSelectVersion(plan: VersionsPlan, clock: Clock): SelectVersion {
  const { from, list } = plan;
  const fromPath = from.includes("path");
  const fromHeader = from.includes("header");
  const fromQuery = from.includes("query");
  const header = plan.header.toLowerCase();
  const announce = makeAnnouncer(plan);
  // A map, because names like `constructor` are no versions.
  const byText = new Map(list.map((version) => [canonicalVersion(version.name) ?? "", version]));

  return (call) => {
    const { request } = call;
    const prefix = fromPath ? versionPrefix(request.path) : "";
    if (prefix !== "") {
      call.versionPrefix = prefix;
      request.path = request.path.slice(prefix.length) || "/";
    }
    const named: Named = {
      path: prefix === "" ? null : read(prefix.slice(1)),
      header: fromHeader ? readHeader(request.headers, header) : null,
      query: fromQuery ? readQuery(request, plan) : null,
    };
    if (named.query !== null)
      call.versionQuery = `${encodeURIComponent(plan.query)}=${encodeURIComponent(named.query)}`;
    const text = named.path ?? named.header ?? named.query;
    call.versionNamed = text !== null;
    const choice = text === null ? unnamed() : chosen(named, text);
    if (choice instanceof GatewayError) {
      call.versionRefusal = choice;
    } else {
      call.version = choice;
      call.versionRefusal = refusalOf(choice, plan, clock);
    }
    announce(call);
    // A path that does not exist, whatever else is wrong.
    if (named.path !== null && !byText.has(named.path)) throw notFound(plan, clock);
  };

  function unnamed(): ApiVersion | GatewayError {
    return byDefault(plan, clock) ?? required(plan, clock);
  }

  function chosen(named: Named, text: string): ApiVersion | GatewayError {
    if (!agree(named, text)) return contradiction(named, plan);
    return byText.get(text) ?? unsupported(text, named, plan, clock);
  }
}

/** What nearly every call does. */
function agree({ path, header, query }: Named, text: string): boolean {
  return (
    text !== MALFORMED &&
    (path === null || path === text) &&
    (header === null || header === text) &&
    (query === null || query === text)
  );
}

const read = (text: string): string => canonicalVersion(text) ?? MALFORMED;

/**
 * The first segment of a path with its slash, if it is `v` and a version; else nothing.
 *
 * @throws GatewayError ROUTE_NOT_FOUND for one that is a version to some and none to others.
 */
export function versionPrefix(path: string): string {
  const prefix = versionSegment(path);
  if (prefix !== "" || (!path.startsWith("/v") && !path.startsWith("/V") && !path.startsWith("/%")))
    return prefix;
  // What an origin may read as a version, we must not read as something else (P-02).
  if (versionSegment(foldPathDecoded(path) ?? foldPath(path)) !== "")
    throw new GatewayError("ROUTE_NOT_FOUND");
  return "";
}

function versionSegment(path: string): string {
  const letter = path.charCodeAt(1);
  if (letter !== LOWER_V && letter !== UPPER_V) return "";
  const slash = path.indexOf("/", 1);
  const end = slash === -1 ? path.length : slash;
  return canonicalVersion(path.slice(1, end)) === null ? "" : path.slice(0, end);
}

const LOWER_V = 0x76;
const UPPER_V = 0x56;

function readHeader(headers: Headers, lower: string): string | null {
  const value = headers.get(lower);
  if (value === undefined) return null;
  return headers.all(lower).length > 1 ? MALFORMED : read(value);
}

function readQuery(request: Request, { query: name, forward }: VersionsPlan): string | null {
  if (request.query === "") return null;
  const { values, rest } = takeParameter(request.query, name);
  const [value] = values;
  if (value === undefined) return null;
  if (!forward.query) request.query = rest;
  return values.length > 1 ? MALFORMED : read(value);
}

/** VER-2. */
function byDefault({ default: choice, list }: VersionsPlan, clock: Clock): ApiVersion | null {
  if (typeof choice === "object") return choice;
  const wall = clock.wall();
  const open = list.filter((version) => !isRetired(version, wall));
  const released = open.filter(({ name }) => !isPreview(canonicalVersion(name) ?? ""));
  const candidates = released.length > 0 ? released : open;
  return (choice === "oldest" ? candidates[0] : candidates.at(-1)) ?? list.at(-1) ?? null;
}
