/** How long an answer is fresh, and how old it is (RFC 9111 §4.2). Milliseconds throughout. */
import type { Headers } from "../../core/headers.ts";
import { type Directives, seconds, span } from "./cache-control.ts";
import { httpDate } from "./http-date.ts";

/** What a config says about lifetimes. */
export interface FreshnessRules {
  /** Instead of what answers say; undefined where they are heard. */
  readonly ttl?: number | undefined;
  /** For answers that say nothing. */
  readonly defaultTtl?: number | undefined;
  /** Of answers that `ttl` and `defaultTtl` are for. */
  readonly statuses: readonly number[];
  /** For answers that do not say so themselves. */
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
}

/** When a request was sent and its answer came, of the monotonic clock; `wall` is the time of day of the latter. */
export interface Times {
  readonly sent: number;
  readonly came: number;
  readonly wall: number;
}

/** The life of a stored answer. */
export interface Life {
  /** When its age was zero, on the monotonic clock. */
  readonly born: number;
  readonly lifetime: number;
  /** Not to be used without asking, however fresh (§5.2.2.4). */
  readonly noCache: boolean;
  /** Not to be used stale, whoever would like to (§5.2.2.2). */
  readonly mustRevalidate: boolean;
  /** RFC 8246: asking again while it is fresh is of no use. */
  readonly immutable: boolean;
  /** RFC 5861: how long it may be used when it is stale. */
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
}

export function lifeOf(
  status: number,
  headers: Headers,
  directives: Directives,
  times: Times,
  rules: FreshnessRules,
): Life {
  const mustRevalidate = directives.has("must-revalidate") || directives.has("proxy-revalidate");
  // §5.2.2.10: s-maxage forbids stale use like proxy-revalidate, unless the same author allows it in the same breath.
  const stubborn = mustRevalidate || directives.has("s-maxage");
  const window = (name: string, standard: number): number =>
    mustRevalidate ? 0 : (span(directives, name) ?? (stubborn ? 0 : standard));
  return {
    born: times.came - initialAge(headers, times),
    lifetime: lifetimeOf(status, headers, directives, times, rules) ?? 0,
    // Qualified forms (`no-cache="set-cookie"`) count as the plain one, as §5.2.2.4 allows.
    noCache: directives.has("no-cache"),
    mustRevalidate: stubborn,
    immutable: directives.has("immutable"),
    staleWhileRevalidate: window("stale-while-revalidate", rules.staleWhileRevalidate),
    staleIfError: window("stale-if-error", rules.staleIfError),
  };
}

/** §4.2.1, for a shared cache. Null where neither the answer nor the config says anything. */
export function lifetimeOf(
  status: number,
  headers: Headers,
  directives: Directives,
  times: Times,
  { ttl, defaultTtl, statuses }: FreshnessRules,
): number | null {
  const ours = statuses.includes(status);
  if (ours && ttl !== undefined) return ttl;
  const said = span(directives, "s-maxage") ?? span(directives, "max-age") ?? untilExpires(headers, times);
  return said ?? (ours ? (defaultTtl ?? null) : null);
}

/** §5.3: what is no date is in the past; several count as the earliest. */
function untilExpires(headers: Headers, times: Times): number | null {
  const expires = headers.all("expires");
  if (expires.length === 0) return null;
  const from = dateOf(headers, times);
  return Math.max(0, Math.min(...expires.map((value) => (httpDate(value) ?? 0) - from)));
}

function dateOf(headers: Headers, { wall }: Times): number {
  return httpDate(headers.get("date") ?? "") ?? wall;
}

/** §4.2.3: what the caches before us say and what the clock of the origin says, whichever is more. */
function initialAge(headers: Headers, times: Times): number {
  const apparent = Math.max(0, times.wall - dateOf(headers, times));
  // §5.1: of a list the first member counts, and what is no number is ignored.
  const [first = ""] = (headers.get("age") ?? "").split(",");
  const corrected = (seconds(first.trim()) ?? 0) * 1000 + (times.came - times.sent);
  return Math.max(apparent, corrected);
}

export const ageOf = ({ born }: Life, now: number): number => now - born;

/** Fresh for so much longer; for how long it has been stale where negative. */
export const leftOf = (life: Life, now: number): number => life.lifetime - ageOf(life, now);
