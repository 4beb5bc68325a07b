import type { Headers } from "../../core/headers.ts";
import { readDirectives, span } from "./cache-control.ts";

/** What a client asks of caches on the way (RFC 9111 §5.2.1). Milliseconds; null for nothing said. */
export interface Wishes {
  readonly noCache: boolean;
  readonly noStore: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAge: number | null;
  readonly minFresh: number | null;
  /** Infinity for however stale. */
  readonly maxStale: number | null;
}

const NONE: Wishes = {
  noCache: false,
  noStore: false,
  onlyIfCached: false,
  maxAge: null,
  minFresh: null,
  maxStale: null,
};

/**
 * `heard` is false where clients have no say in what they get; what only keeps the upstream from being asked, or an
 * answer from being stored, is heard all the same.
 */
export function wishesOf(headers: Headers, heard: boolean): Wishes {
  if (!headers.has("cache-control")) return heard && asksPragma(headers) ? { ...NONE, noCache: true } : NONE;
  const said = readDirectives(headers);
  const wishes = { ...NONE, noStore: said.has("no-store"), onlyIfCached: said.has("only-if-cached") };
  if (!heard) return wishes;
  return {
    ...wishes,
    noCache: said.has("no-cache"),
    maxAge: span(said, "max-age"),
    minFresh: span(said, "min-fresh"),
    maxStale: said.get("max-stale")?.includes("") ? Number.POSITIVE_INFINITY : span(said, "max-stale"),
  };
}

/** §5.4: of caches that know Cache-Control, only where there is none. */
const asksPragma = (headers: Headers): boolean =>
  headers.all("pragma").some((value) => /(?:^|,)\s*no-cache\s*(?:,|$)/i.test(value));
