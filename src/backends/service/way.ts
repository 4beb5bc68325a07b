/** By which way a call came to the service: the same text for all calls of a route, a version and a scheme. */
import type { Call } from "../../core/call.ts";
import { type IdempotencyTerms, idempotencyTerms } from "../../core/idempotency-terms.ts";
import type { Route } from "../../core/route.ts";
import type { ApiVersion } from "../../core/version.ts";
import { boundedMemo } from "./bounded-memo.ts";

export interface Way {
  readonly route: Pick<Route, "name" | "path" | "methods">;
  /** Name of the API's version; null where there are none. */
  readonly version: string | null;
  /** What named it in the path, as the client wrote it; may be empty. */
  readonly versionPrefix: string;
  /** What named it in the query: `version=1`; may be empty. */
  readonly versionQuery: string;
  readonly scheme: "http" | "https";
  /** Null where no policy has set any. */
  readonly terms: IdempotencyTerms | null;
}

/** What the calls of a route have in common, nearly always: the way of the last one is kept as it was written. */
interface Written extends Omit<Way, "route" | "version"> {
  readonly version: ApiVersion | null;
  readonly text: string;
}

const withKey = new WeakMap<Route, Written>();
const withoutKey = new WeakMap<Route, Written>();

export function writeWay(call: Call): string {
  const route = call.route as Route;
  const { version, versionPrefix, versionQuery, scheme } = call;
  const keyed = call.request.headers.has("idempotency-key");
  const terms = keyed ? (call.facts.get(idempotencyTerms) ?? null) : null;
  const written = keyed ? withKey : withoutKey;
  const last = written.get(route);
  if (
    last !== undefined &&
    last.version === version &&
    last.versionPrefix === versionPrefix &&
    last.versionQuery === versionQuery &&
    last.scheme === scheme &&
    last.terms === terms
  )
    return last.text;
  const { name, path, methods } = route;
  const way: Way = {
    route: { name, path, methods },
    version: version === null ? null : version.name,
    ...{ versionPrefix, versionQuery, scheme, terms },
  };
  const text = Buffer.from(JSON.stringify(way)).toString("base64url");
  written.set(route, { version, versionPrefix, versionQuery, scheme, terms, text });
  return text;
}

export const readWay: (text: string) => Way = boundedMemo(
  (text) => JSON.parse(Buffer.from(text, "base64url").toString()) as Way,
);
