/**
 * Holds the calls of one route to their versions, behind authentication and limits (ERR-18): counts who calls what,
 * says what selection found wrong, tells the upstream, and converts for an upstream that only speaks the newest.
 */
import type { Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import { listOf } from "../../core/found.ts";
import type { Handler, Policy } from "../../core/handler.ts";
import type { MakeVersionStep, VersionStepOptions } from "../../core/kinds.ts";
import type { Counter, CounterSeries } from "../../core/metrics.ts";
import type { Reply } from "../../core/reply.ts";
import type { Clock, Tools } from "../../core/tools.ts";
import { type ApiVersion, changesFor, pinnedVersion, type VersionsPlan } from "../../core/version.ts";
import { MIGRATION, makeAnnouncer } from "./announce.ts";
import { makeConversion } from "./convert.ts";
import { refusalOf } from "./refusals.ts";

export function makeVersionSteps(
  versions: VersionsPlan,
  tools: Pick<Tools, "clock" | "metrics">,
): MakeVersionStep {
  const common: Common = {
    versions,
    count: usageCounter(tools, versions),
    applyPin: makePin(versions, tools.clock),
    header: versions.header.toLowerCase(),
  };
  return (options) => makeStep(options, common);
}

/** What the steps of all routes share. */
interface Common {
  readonly versions: VersionsPlan;
  readonly count: (call: Call, version: ApiVersion) => void;
  /** For a call that names no version. */
  readonly applyPin: (call: Call) => void;
  /** Lower-case. */
  readonly header: string;
}

function makeStep({ route, offered }: VersionStepOptions, common: Common): Policy {
  const { versions, count, applyPin, header } = common;
  // What changes concern, a service answers that only speaks the newest version.
  const converted = offered === null && changesFor(versions.list, route).length > 0;

  return (backend) => {
    // By the place of a version; undefined where the route does not exist in it.
    const handlers = versions.list.map((version): Handler | undefined => {
      if (offered !== null) return offered.includes(version) ? leaving(version, backend) : undefined;
      return leaving(version, makeConversion(versions, version, route)(backend));
    });
    const lines = versions.list.map((version) => {
      const spoken = converted ? (versions.list.at(-1) ?? version) : version;
      return versions.forward.header ? `${versions.header}: ${spoken.name}\r\n` : "";
    });

    return (call) => {
      if (!call.versionNamed) applyPin(call);
      const { version, versionRefusal } = call;
      if (version !== null) count(call, version);
      if (versionRefusal !== null) throw versionRefusal;
      // Selection chooses a version or says why not.
      const { place } = version as ApiVersion;
      const handler = handlers[place];
      if (handler === undefined) throw notInVersion(version as ApiVersion, offered ?? []);
      const { request } = call;
      if (request.headers.has(header)) request.headers.delete(header);
      call.provenance += lines[place];
      if (versions.forward.path && call.versionPrefix !== "")
        request.path = call.versionPrefix + request.path;
      return handler(call);
    };
  };
}

function notInVersion({ name }: ApiVersion, offered: readonly ApiVersion[]): GatewayError {
  const names = listOf(offered.map((version) => version.name));
  return new GatewayError("ROUTE_NOT_FOUND", {
    message: `Version ${name} of the API does not have this route; ${offered.length === 1 ? "version" : "versions"} ${names} ${offered.length === 1 ? "has" : "have"} it.`,
  });
}

/** Gives a call the version of whoever is calling (VER-2). */
function makePin(plan: VersionsPlan, clock: Clock): (call: Call) => void {
  const pinnedOf = pinnedVersion(plan);
  const announce = makeAnnouncer(plan);
  return (call) => {
    const pinned = pinnedOf(call.principal);
    if (pinned === undefined || pinned === call.version) return;
    call.version = pinned;
    call.versionRefusal = refusalOf(pinned, plan, clock);
    announce(call);
  };
}

// ---------------------------------------------------------------- who still calls it

/** Series that are looked up once and kept; of consumers beyond, each call looks its own up. */
const KEPT_SERIES = 1_000;

function usageCounter(
  { metrics }: Pick<Tools, "metrics">,
  { list }: VersionsPlan,
): (call: Call, version: ApiVersion) => void {
  const counter: Counter<"version" | "consumer"> = metrics.counter(
    "turnpike_version_requests_total",
    "Requests by version of the API and consumer, refusals of retired versions included.",
    ["version", "consumer"],
  );
  const kept = list.map(() => new Map<string, CounterSeries>());
  return ({ principal }, { name, place }) => {
    const consumer = principal?.consumer ?? "";
    const known = kept[place] as Map<string, CounterSeries>;
    let series = known.get(consumer);
    if (series === undefined) {
      series = counter.with({ version: name, consumer });
      if (known.size < KEPT_SERIES) known.set(consumer, series);
    }
    series.add();
  };
}

// ---------------------------------------------------------------- versions on their way out

/** Of a version that announces its end, and of a service that announces the end of a part, the earlier dates count (VER-10). */
function leaving(version: ApiVersion, backend: Handler): Handler {
  if (version.deprecated === null && version.sunset === null) return backend;
  return (call) => {
    const reply = backend(call);
    return reply instanceof Promise ? reply.then((settled) => joined(call, settled)) : joined(call, reply);
  };
}

function joined(call: Call, reply: Reply): Reply {
  const { answer } = call;
  const [deprecation, sunset, link] = MIGRATION;
  // Ours would take the place of the service's own.
  for (const value of reply.headers.all(link)) answer.append("Link", value);
  const deprecated = reply.headers.get(deprecation);
  if (deprecated !== undefined && earlier(fieldDate(deprecated), fieldDate(answer.get(deprecation)))) {
    answer.set("Deprecation", deprecated);
  }
  const ends = reply.headers.get(sunset);
  if (ends !== undefined && earlier(Date.parse(ends), Date.parse(answer.get(sunset) ?? ""))) {
    answer.set("Sunset", ends);
  }
  return reply;
}

const earlier = (a: number, b: number): boolean => a < b || (Number.isNaN(b) && !Number.isNaN(a));

/** `@1767225600` (RFC 9651 §3.3.7). */
function fieldDate(value: string | undefined): number {
  return value !== undefined && /^@-?\d{1,15}$/.test(value) ? Number(value.slice(1)) : Number.NaN;
}
