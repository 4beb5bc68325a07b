import type { Call } from "../../core/call.ts";
import { fieldName, Kind } from "../../core/headers.ts";
import { definePolicy } from "../../core/policy.ts";
import { preflightFor } from "../../core/preflight.ts";
import type { Reply } from "../../core/reply.ts";
import { type CorsOptions, corsOptions } from "./cors.options.ts";
import { Origins } from "./origins.ts";
import { makePreflight } from "./preflight.ts";

/** What a client of the gateway may want to read and browsers would hide (CORS-10). */
export const EXPOSED: readonly string[] = [
  "X-Request-Id",
  "X-Client-Request-Id",
  "X-Error-Code",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "Link",
  "Location",
  "ETag",
  "API-Version",
  "Deprecation",
  "Sunset",
  "Idempotent-Replayed",
  "Original-Request",
  "WWW-Authenticate",
  "DPoP-Nonce",
  "grpc-status",
  "grpc-message",
  "grpc-status-details-bin",
];

const ALLOW_ORIGIN = fieldName("Access-Control-Allow-Origin");
const ALLOW_CREDENTIALS = fieldName("Access-Control-Allow-Credentials");
const EXPOSE_HEADERS = fieldName("Access-Control-Expose-Headers");

/**
 * Lets pages of other origins call the API and read every answer, refusals included. Not access control: a request
 * that needs no preflight is served whatever its origin, and only its answer is kept from the page (CORS-12).
 */
export const cors = definePolicy({
  name: "cors",
  summary: "Lets pages of other origins call the API and read its answers.",
  options: corsOptions,
  outermost: true,
  rejects: ["PREFLIGHT_REFUSED"],
  create(options) {
    const origins = new Origins(options.origins, options.nullOrigin);
    const preflight = makePreflight(options, origins);
    const grant = makeGrant(options, origins);
    const respects = options.upstream === "respect";
    return (next) => (call) => {
      const method = preflightFor(call.request);
      if (method !== null) return preflight(call, method);
      grant(call);
      if (respects) return respecting(call, next(call));
      call.withheld |= Kind.cors;
      return next(call);
    };
  },
});

/** Sets what a browser needs to see on whatever answer leaves. */
function makeGrant({ expose, credentials }: CorsOptions, origins: Origins): (call: Call) => void {
  const exposed = [...new Set([...EXPOSED, ...expose])].join(", ");
  return (call) => {
    const origin = call.request.headers.get("origin");
    const { answer } = call;
    // CORS-7: a cache must tell apart what was asked with another origin, or with none.
    if (!origins.any) answer.vary("Origin");
    const allowed = origins.any || (origin !== undefined && origins.allow(origin));
    if (!allowed) return;
    answer.received(ALLOW_ORIGIN, origins.any ? "*" : (origin as string));
    if (credentials) answer.received(ALLOW_CREDENTIALS, "true");
    answer.received(EXPOSE_HEADERS, exposed);
  };
}

function respecting(call: Call, reply: Reply | Promise<Reply>): Reply | Promise<Reply> {
  return reply instanceof Promise ? reply.then((settled) => respect(call, settled)) : respect(call, reply);
}

/** An upstream that names one origin has decided; one that names several has broken its answer for browsers (CORS-11). */
function respect(call: Call, reply: Reply): Reply {
  if (reply.headers.all(ALLOW_ORIGIN.lower).length === 1) {
    for (const { lower } of [ALLOW_ORIGIN, ALLOW_CREDENTIALS, EXPOSE_HEADERS]) call.answer.delete(lower);
  } else {
    call.withheld |= Kind.cors;
  }
  return reply;
}
