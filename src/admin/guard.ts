/** Who may talk to the admin API: somebody with its token, and no web page (reliability §2: token, Origin + Host). */
import { timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { Call } from "../core/call.ts";
import { bearerChallenge, bearerToken } from "../core/challenge.ts";
import { GatewayError } from "../core/errors.ts";
import { digestOf } from "../identity/keys/issue.ts";

const REALM = "turnpike-admin";

/**
 * A page that points its own name at this machine (DNS rebinding) still sends that name as Host; addresses and
 * `localhost` cannot be taken over.
 */
export function checkHost(call: Call, known: ReadonlySet<string>): void {
  const host = hostName(call.request.host);
  if (isIP(host.replace(/^\[(.*)\]$/, "$1")) !== 0 || host === "localhost" || known.has(host)) return;
  throw new GatewayError("MISDIRECTED_REQUEST", {
    message: "The admin API does not answer to this name; add it to admin.hosts if it is one of yours.",
  });
}

const hostName = (host: string): string => host.replace(/:\d+$/, "");

/** Browsers say where a request comes from; the only pages that may ask are our own. */
export function checkOrigin(call: Call): void {
  const { headers, host } = call.request;
  const origin = headers.get("origin");
  const isOurs = origin === undefined || origin === `${call.scheme}://${host}`;
  if (isOurs && headers.get("sec-fetch-site") !== "cross-site") return;
  throw new GatewayError("FORBIDDEN", { message: "The admin API does not answer pages of other origins." });
}

/**
 * The token of the call, if it is the right one. `expected` is its digest in hex, null where there is none.
 *
 * @throws GatewayError 401 or 400 with a challenge.
 */
export function adminToken(call: Call, expected: string | null): string {
  const token = bearerToken(call.request.headers, REALM);
  if (token === null) {
    throw new GatewayError("AUTHENTICATION_REQUIRED", {
      message: "The admin API needs its token: Authorization: Bearer tpa_….",
      headers: { "WWW-Authenticate": bearerChallenge({ realm: REALM }) },
    });
  }
  // Digests are compared, so even the time of an early end would tell nothing of the token.
  const given = Buffer.from(digestOf(token));
  const right = Buffer.from(expected ?? "");
  if (given.length === right.length && timingSafeEqual(given, right)) return token;
  const error_description = "The admin token is not valid.";
  throw new GatewayError("INVALID_TOKEN", {
    message: error_description,
    headers: {
      "WWW-Authenticate": bearerChallenge({ realm: REALM, error: "invalid_token", error_description }),
    },
  });
}
