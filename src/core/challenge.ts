/** Credentials in `Authorization`, and the challenge that asks for them (RFC 9110 §11, RFC 6750). */
import { GatewayError } from "./errors.ts";
import type { Headers } from "./headers.ts";

/** RFC 6750 §2.1. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
const BEARER = /^bearer(?:$| +)/i;

/**
 * The token of `Authorization: Bearer …`; null where there is none, or another scheme.
 *
 * @throws GatewayError MULTIPLE_CREDENTIALS for more than one line, MALFORMED_CREDENTIALS for what is no token.
 */
export function bearerToken(headers: Headers, realm: string): string | null {
  const value = headers.get("authorization");
  if (value === undefined) return null;
  if (headers.all("authorization").length > 1) throw badCredentials("MULTIPLE_CREDENTIALS", realm);
  const scheme = BEARER.exec(value)?.[0];
  if (scheme === undefined) return null;
  const token = value.slice(scheme.length);
  if (!B64TOKEN.test(token)) throw badCredentials("MALFORMED_CREDENTIALS", realm);
  return token;
}

/** Whether a bearer token is meant to be a JWT: three parts, none empty. Anything else is for API keys. */
export function isJwtShaped(token: string): boolean {
  const first = token.indexOf(".");
  const second = token.indexOf(".", first + 1);
  return (
    first > 0 && second > first + 1 && second < token.length - 1 && token.indexOf(".", second + 1) === -1
  );
}

/** A request whose credentials cannot be read: 400 with the challenge that RFC 6750 §3.1 wants. */
export function badCredentials(
  code: "MALFORMED_CREDENTIALS" | "MULTIPLE_CREDENTIALS",
  realm: string,
): GatewayError {
  return new GatewayError(code, {
    headers: { "WWW-Authenticate": bearerChallenge({ realm, error: "invalid_request" }) },
  });
}

export interface Challenge {
  readonly realm: string;
  /** RFC 6750 §3.1; left out where no credential came at all. */
  readonly error?:
    | "invalid_request"
    | "invalid_token"
    | "insufficient_scope"
    | "insufficient_user_authentication";
  readonly error_description?: string;
  /** Space-separated scopes that would do. */
  readonly scope?: string | undefined;
  /** RFC 9470: space-separated classes of authentication of which one would do. */
  readonly acr_values?: string | undefined;
  /** RFC 9728: where a client learns who issues tokens for this API. */
  readonly resource_metadata?: string | undefined;
  /** RFC 9470: seconds since the user signed in, at most. */
  readonly max_age?: string | undefined;
}

/** `Bearer realm="…", error="…"`: the value of `WWW-Authenticate`. */
export function bearerChallenge(challenge: Challenge): string {
  const { realm, error, error_description, scope, acr_values, max_age, resource_metadata } = challenge;
  const parameters = Object.entries({
    realm,
    error,
    error_description,
    scope,
    acr_values,
    max_age,
    resource_metadata,
  });
  return `Bearer ${parameters
    .flatMap(([name, value]) => (value === undefined ? [] : `${name}=${quotedString(value)}`))
    .join(", ")}`;
}

/** RFC 9110 §5.6.4, ASCII only (AUTH-7). */
function quotedString(text: string): string {
  return `"${text.replaceAll(/[^\x20-\x7e]/g, "?").replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
