import type { Call } from "../../core/call.ts";
import { badCredentials, bearerToken, isJwtShaped } from "../../core/challenge.ts";
import type { Headers } from "../../core/headers.ts";
import { challengeOf } from "./challenges.ts";
import type { JwtOptions } from "./jwt.options.ts";

/**
 * Finds the token of a call; null for none. Where either a key or a token will do, what is behind `Bearer` tells by
 * its shape which of them it is, and a call with both is refused (AUTH-4): nobody chooses whichever is good.
 */
export function tokenReader(options: JwtOptions): (call: Call) => string | null {
  const { optional, realm } = options;
  const header = options.header.toLowerCase();
  const asks = challengeOf(options);
  const invalid = challengeOf(options, { error: "invalid_token" });
  return (call) => {
    const { headers } = call.request;
    const token = header === "authorization" ? bearerToken(headers, realm) : aloneIn(headers, header, realm);
    if (token !== null && (!optional || isJwtShaped(token))) {
      if (call.principal !== null || headers.has("x-api-key"))
        throw badCredentials("MULTIPLE_CREDENTIALS", realm);
      return token;
    }
    if (call.principal === null && call.unclaimed === null) {
      // Perhaps for `api-key`, behind us; if nobody takes it, it is refused before the backend.
      if (token !== null) call.unclaimed = "INVALID_TOKEN";
      call.challenge = token === null ? asks : invalid;
    }
    return null;
  };
}

function aloneIn(headers: Headers, header: string, realm: string): string | null {
  const value = headers.get(header);
  if (value !== undefined && headers.all(header).length > 1)
    throw badCredentials("MULTIPLE_CREDENTIALS", realm);
  return value ?? null;
}
