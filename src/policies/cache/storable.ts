/** What a shared cache may keep (RFC 9111 §3), and for whom (§3.5, HTTP-33). */
import { fieldName, type Headers, Kind } from "../../core/headers.ts";
import { type Directives, readDirectives } from "./cache-control.ts";
import { hasValidator } from "./conditions.ts";
import { type FreshnessRules, type Life, lifeOf, lifetimeOf, type Times } from "./freshness.ts";
import { isPersonal } from "./key.ts";

/** How an answer is kept. */
export interface Keeping {
  readonly life: Life;
  /** Lower-case names of the request's fields that it was chosen by. */
  readonly vary: readonly string[];
  /** It says itself that it is for everybody: what a caller got may be shown to others. */
  readonly shareable: boolean;
}

/** An answer and how it came about, as far as that decides whether it is kept. */
export interface Candidate {
  readonly status: number;
  readonly headers: Headers;
  readonly times: Times;
  /** The request had credentials, or a policy knows who is calling. */
  readonly personal: boolean;
}

/**
 * RFC 9110 §15: final statuses whose meaning we know. Parts (206) and answers about other answers (304) are none to
 * keep, and 401, 407, 429 and the like are about the caller of the moment.
 */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  ...[200, 203, 204, 300, 301, 302, 303, 307, 308],
  ...[404, 405, 410, 414, 451, 501],
]);

/** Null for what is not kept. */
export function keepingOf(candidate: Candidate, rules: FreshnessRules): Keeping | null {
  const { status, headers, times } = candidate;
  const directives = readDirectives(headers);
  const vary = varyOf(headers);
  if (vary === null || !mayBeStored(candidate, directives)) return null;
  const life = lifeOf(status, headers, directives, times, rules);
  const says = lifetimeOf(status, headers, directives, times, rules) !== null || speaks(directives);
  if (!says || !isUseful(life, headers)) return null;
  const names = vary.map((name) => fieldName(name));
  const shareable = isPublic(directives) && !names.some(isPersonal);
  return { life, vary: names.filter((name) => !isPersonal(name)).map(({ lower }) => lower), shareable };
}

function mayBeStored({ status, headers, personal }: Candidate, directives: Directives): boolean {
  // §5.2.2.7: `private` with names counts as the plain one, as it allows.
  if (!UNDERSTOOD.has(status) || directives.has("no-store") || directives.has("private")) return false;
  // A cookie is for the one that it was set for; a stream of events is for those who listen.
  if (headers.has("set-cookie") || isEventStream(headers)) return false;
  // §3.5
  return !personal || isPublic(directives) || directives.has("must-revalidate");
}

const isPublic = (directives: Directives): boolean => directives.has("public") || directives.has("s-maxage");

const speaks = (directives: Directives): boolean => directives.has("no-cache") || directives.has("public");

const isEventStream = (headers: Headers): boolean =>
  /^\s*text\/event-stream\b/i.test(headers.get("content-type") ?? "");

/** It can be used at least once without getting it again. */
function isUseful(life: Life, headers: Headers): boolean {
  const usedAsIs = life.lifetime > 0 && !life.noCache;
  return usedAsIs || hasValidator(headers) || life.staleIfError > 0 || life.staleWhileRevalidate > 0;
}

/** Fields that are the gateway's to say, or about the connection: what a client writes into them chooses nothing. */
const NOT_THE_CLIENTS = Kind.hop | Kind.framing | Kind.provenance;

/** Null for `*`, and for what no comparison of requests can tell. */
function varyOf(headers: Headers): string[] | null {
  const names = new Set(
    headers
      .all("vary")
      .flatMap((value) => value.split(","))
      .map((name) => name.trim().toLowerCase()),
  );
  names.delete("");
  // In the key already.
  names.delete("host");
  // Who encodes has looked at what the client takes, whether or not he says so.
  if ((headers.get("content-encoding") ?? "identity") !== "identity") names.add("accept-encoding");
  const told = [...names].every((name) => name !== "*" && (fieldName(name).kind & NOT_THE_CLIENTS) === 0);
  return told ? [...names].sort() : null;
}
