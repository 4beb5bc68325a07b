/**
 * Versions of the API behind the gateway: how they are written, which is older, and what a plan knows of each.
 * A version is a major (`1`, `1.2`, `1beta1`) or a date (`2026-11-01`, `2026-11-01-preview`, `2026-11-01.acacia`).
 */
import type { Headers } from "./headers.ts";
import type { Principal } from "./principal.ts";

/** Where a request may name its version. */
export const SELECTORS = ["path", "header", "query"] as const;
export type Selector = (typeof SELECTORS)[number];

export interface VersionsPlan {
  /** Oldest first. */
  readonly list: readonly ApiVersion[];
  readonly from: readonly Selector[];
  /** Name of the header in requests, in answers and towards upstreams. */
  readonly header: string;
  /** Name of the query parameter. */
  readonly query: string;
  /** What a request gets that names none; null where it has to name one. */
  readonly default: DefaultVersion | null;
  readonly pinned: {
    /** By consumer. */
    readonly consumers: ReadonlyMap<string, ApiVersion>;
    /** Name of a token's claim that holds a version; empty for none. */
    readonly claim: string;
  };
  /** Which of the client's ways to name a version an upstream sees. */
  readonly forward: Readonly<Record<Selector, boolean>>;
  /** Bytes of a body that `changes` may convert. */
  readonly maxBody: number;
}

/** `oldest` and `newest` move on when a version retires, and never name a preview. */
export type DefaultVersion = "oldest" | "newest" | ApiVersion;

export interface ApiVersion {
  /** As the config spells it; answers echo it so. */
  readonly name: string;
  /** Index in the list: the older, the smaller. */
  readonly place: number;
  /** Epoch milliseconds, as `sunset`; null for never. May be in the future. */
  readonly deprecated: number | null;
  /** From then on the version is retired. */
  readonly sunset: number | null;
  /** Retired whatever the date. */
  readonly retired: boolean;
  /** When it is refused for a while, for clients to notice that it will retire. Epoch milliseconds, `to` exclusive. */
  readonly brownouts: readonly { readonly from: number; readonly to: number }[];
  /** Page that says what to do about it; empty for none. */
  readonly link: string;
  /** What to move to from here; null for the newest. */
  readonly successor: string | null;
  /** What this version changed against the one before it. */
  readonly changes: readonly VersionChange[];
}

/** A change of the API: how to make an older request a newer one, and a newer answer an older one. */
export interface VersionChange {
  /** One sentence, for `turnpike explain` and logs. */
  readonly summary: string;
  /** Names of the routes that it concerns; all where left out. */
  readonly routes?: string[] | undefined;
  /** Changes the parameters of an older request into those of a newer one, in place. */
  query?(parameters: URLSearchParams, context: ChangeContext): void | Promise<void>;
  /** Changes fields of an older request, in place. */
  headers?(headers: Headers, context: ChangeContext): void | Promise<void>;
  /**
   * Makes the JSON body of an older request that of a newer one. Returns it, or nothing if it changed it in place.
   * A GatewayError that it throws is the answer; anything else is a 500.
   */
  request?(body: never, context: ChangeContext): unknown;
  /** Makes the JSON body of a newer answer that of an older one. Returns it, or nothing if it changed it in place. */
  response?(body: never, context: AnswerContext): unknown;
  /** `response` for answers with a status of 400 and above, which are left as they are without it. */
  error?(body: never, context: AnswerContext): unknown;
}

export interface ChangeContext {
  /** Name of the route. */
  readonly route: string;
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  /** The version that the client gets. */
  readonly version: string;
}

export interface AnswerContext extends ChangeContext {
  readonly status: number;
  /** Fields of the answer; may be changed. */
  readonly headers: Headers;
}

const MAJOR =
  /^\d{1,4}(?:\.\d{1,4}){0,2}(?:p\d{1,3})?(?:(?:alpha|beta|rc)\d{0,3})?(?:[.-][a-z][a-z0-9]{0,31})?$/;
const DATE = /^\d{4}-\d{2}-\d{2}(?:[.-][a-z][a-z0-9]{0,31})?$/;

/** One spelling for each version: `V1` and ` 1 ` are `1`. Null for what is no version. */
export function canonicalVersion(text: string): string | null {
  const lower = text.trim().toLowerCase();
  const bare = lower.startsWith("v") ? lower.slice(1) : lower;
  return MAJOR.test(bare) || DATE.test(bare) ? bare : null;
}

/** Negative where `a` is older than `b`; both canonical. Previews come before what they preview. */
export function compareVersions(a: string, b: string): number {
  const one = partsOf(a);
  const other = partsOf(b);
  for (let i = 0; i < 3; i++) {
    const difference = (one.numbers[i] ?? 0) - (other.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return one.stage - other.stage || one.build - other.build || (a < b ? -1 : a > b ? 1 : 0);
}

/** Not yet the version itself: `1beta1`, `2026-11-01-preview`. */
export const isPreview = (canonical: string): boolean => partsOf(canonical).stage < RELEASED;

const STAGES = ["alpha", "beta", "preview", "rc"];
const RELEASED = STAGES.length;

function partsOf(canonical: string): { numbers: number[]; stage: number; build: number } {
  const [, numbers = "", stage = "", build = "0"] =
    /^([\d.p-]*\d)[.-]?(?:(alpha|beta|preview|rc)(\d*))?/.exec(canonical) ?? [];
  const known = STAGES.indexOf(stage);
  return {
    numbers: numbers.split(/[.p-]/).map(Number),
    stage: known === -1 ? RELEASED : known,
    build: Number(build),
  };
}

/** The changes that concern a route, each with the version that made it, oldest first. */
export function changesFor(
  list: readonly ApiVersion[],
  route: string,
): { change: VersionChange; of: string }[] {
  return list.flatMap(({ name, changes }) =>
    changes
      .filter(({ routes }) => routes === undefined || routes.includes(route))
      .map((change) => ({ change, of: name })),
  );
}

/** Whether nobody is served it any more. `wall` in epoch milliseconds. */
export const isRetired = ({ retired, sunset }: ApiVersion, wall: number): boolean =>
  retired || (sunset !== null && wall >= sunset);

/** The versions that can still be had. */
export const supported = ({ list }: VersionsPlan, wall: number): string[] =>
  list.filter((version) => !isRetired(version, wall)).map(({ name }) => name);

/** The version that a config or token has given to whoever is calling (VER-2); undefined for none. */
export type PinnedVersion = (caller: Principal | null) => ApiVersion | undefined;

export function pinnedVersion({ list, pinned: { consumers, claim } }: VersionsPlan): PinnedVersion {
  const byText = new Map(list.map((version) => [canonicalVersion(version.name), version]));
  return (caller) => {
    if (caller === null) return undefined;
    const said = claim === "" ? undefined : caller.claims[claim];
    const claimed = typeof said === "string" ? byText.get(canonicalVersion(said)) : undefined;
    return claimed ?? consumers.get(caller.consumer);
  };
}

/** What `changes` of a config look like when their bodies have types: checks nothing by itself. */
export function defineChange<Older, Newer>(change: TypedChange<Older, Newer>): VersionChange {
  return change as VersionChange;
}

export interface TypedChange<Older, Newer> extends Omit<VersionChange, "request" | "response"> {
  request?(body: Older, context: ChangeContext): Newer | undefined | Promise<Newer | undefined>;
  response?(body: Newer, context: AnswerContext): Older | undefined | Promise<Older | undefined>;
}
