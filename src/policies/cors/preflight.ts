import type { Call } from "../../core/call.ts";
import { type ErrorDetail, GatewayError } from "../../core/errors.ts";
import { isToken } from "../../core/fields.ts";
import { quoted } from "../../core/found.ts";
import { Headers } from "../../core/headers.ts";
import { METHODS, withHead } from "../../core/methods.ts";
import type { Reply } from "../../core/reply.ts";
import type { Route } from "../../core/route.ts";
import type { CorsOptions } from "./cors.options.ts";
import type { Origins } from "./origins.ts";

/** Answers whether a page may make the request that it has announced (Fetch, "CORS-preflight fetch"). */
export function makePreflight(options: CorsOptions, origins: Origins): (call: Call, method: string) => Reply {
  const { credentials, privateNetwork } = options;
  const maxAge = String(Math.floor(options.maxAge / 1000));
  const mayUse = methodsOf(options);
  const maySend = headerCheck(options.headers);
  const listed = (options.headers ?? []).filter((name) => name !== "*").map((name) => name.toLowerCase());
  const vary = [
    ...(origins.any ? [] : ["Origin"]),
    "Access-Control-Request-Method",
    "Access-Control-Request-Headers",
    ...(privateNetwork ? ["Access-Control-Request-Private-Network"] : []),
  ].join(", ");

  return (call, method) => {
    call.answer.vary(vary);
    const { headers } = call.request;
    const origin = headers.get("origin") ?? "";
    const asked = requestedHeaders(headers);
    const methods = mayUse(call.route);
    const refused = [
      ...(origins.allow(origin) ? [] : [refusal("Origin", origin)]),
      ...(methods.includes(method) ? [] : [refusal("Access-Control-Request-Method", method)]),
      ...asked
        .filter((name) => !maySend(name))
        .map((name) => refusal("Access-Control-Request-Headers", name)),
    ];
    if (refused.length > 0) throw new GatewayError("PREFLIGHT_REFUSED", { details: refused });

    const answer = new Headers();
    answer.append("Access-Control-Allow-Origin", origins.any ? "*" : origin);
    if (credentials) answer.append("Access-Control-Allow-Credentials", "true");
    answer.append("Access-Control-Allow-Methods", methods.join(", "));
    const allowed = [...new Set([...listed, ...asked])];
    if (allowed.length > 0) answer.append("Access-Control-Allow-Headers", allowed.join(", "));
    answer.append("Access-Control-Max-Age", maxAge);
    if (privateNetwork && headers.get("access-control-request-private-network") === "true") {
      answer.append("Access-Control-Allow-Private-Network", "true");
    }
    return { status: 204, headers: answer, body: null };
  };
}

const refusal = (field: string, value: string): ErrorDetail => ({
  field: `header.${field}`,
  issue: `${quoted(value)} is not allowed`,
});

/** Only what the route takes: a browser remembers every method that it is told, for this path. */
function methodsOf({ methods }: CorsOptions): (route: Route | null) => readonly string[] {
  const chosen = withHead(methods ?? METHODS);
  return (route) => {
    if (route === null || route.methods.length === 0) return chosen;
    const offered = withHead(route.methods);
    return chosen.filter((method) => offered.includes(method));
  };
}

function headerCheck(headers: readonly string[] | undefined): (lower: string) => boolean {
  if (headers === undefined) return isToken;
  const listed = new Set(headers.map((name) => name.toLowerCase()));
  if (!listed.has("*")) return (lower) => listed.has(lower);
  // CORS-5: the star never covers it.
  return (lower) => isToken(lower) && (lower !== "authorization" || listed.has(lower));
}

/** Lower-case names, each once; browsers join them without spaces, others do not, and lines may be several (CORS-3). */
function requestedHeaders(headers: Headers): readonly string[] {
  const names = headers.all("access-control-request-headers").join(",").split(",");
  return [...new Set(names.map((name) => name.trim().toLowerCase()).filter((name) => name !== ""))];
}
