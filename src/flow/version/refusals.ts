/** Why a call gets no answer in the version that it asks for (VER-1, VER-3, VER-11). */
import { type ErrorDetail, GatewayError } from "../../core/errors.ts";
import { anyOf, listOf } from "../../core/found.ts";
import type { Clock } from "../../core/tools.ts";
import {
  type ApiVersion,
  isRetired,
  type Selector,
  supported,
  type VersionsPlan,
} from "../../core/version.ts";

/** The canonical version that each selector names; null where it names none. */
export type Named = Readonly<Record<Selector, string | null>>;

/** Named, but not as a version is written. */
export const MALFORMED = "";

/** Selectors of one request that cannot both be right, or one that is not right by itself. */
export function contradiction(named: Named, plan: VersionsPlan): GatewayError {
  const said = plan.from.filter((selector) => named[selector] !== null);
  const malformed = said.filter((selector) => named[selector] === MALFORMED);
  if (malformed.length > 0) {
    return new GatewayError("VERSION_MALFORMED", {
      details: malformed.map((selector) => detail(selector, plan, "is not one version")),
    });
  }
  const claims = said.map((selector) => `${NOUN[selector](plan)} asks for version ${named[selector]}`);
  return new GatewayError("VERSION_CONFLICT", {
    message: `${upperFirst(listOf(claims))}: name one version.`,
    details: said.map((selector) => detail(selector, plan, `asks for version ${named[selector]}`)),
  });
}

export function unsupported(text: string, named: Named, plan: VersionsPlan, clock: Clock): GatewayError {
  const said = plan.from.filter((selector) => named[selector] !== null);
  return new GatewayError("UNSUPPORTED_VERSION", {
    message: `Version ${text} does not exist. ${offer(plan, clock)}`,
    details: said.map((selector) => detail(selector, plan, "is not a version of this API")),
  });
}

export function notFound(plan: VersionsPlan, clock: Clock): GatewayError {
  return new GatewayError("VERSION_NOT_FOUND", {
    message: `The version in the path does not exist. ${offer(plan, clock)}`,
  });
}

export function required(plan: VersionsPlan, clock: Clock): GatewayError {
  const ways = anyOf(plan.from.map((selector) => NOUN[selector](plan)));
  return new GatewayError("VERSION_REQUIRED", {
    message: `Name a version of the API, in ${ways}. ${offer(plan, clock)}`,
  });
}

/** Why nobody is served this version at the moment; null where it is. */
export function refusalOf(version: ApiVersion, plan: VersionsPlan, clock: Clock): GatewayError | null {
  const wall = clock.wall();
  if (isRetired(version, wall)) return retired(version, plan, clock);
  const brownout = version.brownouts.find(({ from, to }) => from <= wall && wall < to);
  return brownout === undefined ? null : brownedOut(version, (brownout.to - wall) / 1000);
}

/** VER-10. */
function brownedOut({ name, successor }: ApiVersion, seconds: number): GatewayError {
  const advice = successor === null ? "" : `; move to version ${successor}`;
  return new GatewayError("VERSION_BROWNOUT", {
    message: `Version ${name} of the API is switched off for a while, because it will be retired${advice}.`,
    headers: { "Retry-After": String(Math.ceil(seconds)) },
  });
}

/** VER-11; `Link` is among what is said of a version in any case. */
function retired(version: ApiVersion, plan: VersionsPlan, clock: Clock): GatewayError {
  const since = version.sunset === null || version.retired ? "" : ` since ${day(version.sunset)}`;
  return new GatewayError("VERSION_RETIRED", {
    message: `Version ${version.name} of the API is retired${since}. ${offer(plan, clock)}`,
  });
}

function offer(plan: VersionsPlan, clock: Clock): string {
  const names = supported(plan, clock.wall());
  if (names.length === 0) return "No version is supported any more.";
  return `Supported: ${names.join(", ")}.`;
}

const NOUN: Readonly<Record<Selector, (plan: VersionsPlan) => string>> = {
  path: () => "the path",
  header: ({ header }) => `the header ${header}`,
  query: ({ query }) => `the parameter ${query}`,
};

const FIELD: Readonly<Record<Selector, (plan: VersionsPlan) => string>> = {
  path: () => "path",
  header: ({ header }) => `header.${header}`,
  query: ({ query }) => `query.${query}`,
};

function detail(selector: Selector, plan: VersionsPlan, issue: string): ErrorDetail {
  return { field: FIELD[selector](plan), issue };
}

const day = (epoch: number): string => new Date(epoch).toISOString().slice(0, 10);

const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
