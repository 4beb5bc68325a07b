import { bearerChallenge, type Challenge } from "../../core/challenge.ts";
import { GatewayError } from "../../core/errors.ts";
import type { JwtOptions } from "./jwt.options.ts";
import type { TokenRefusal } from "./refusal.ts";

type Problem = Pick<Challenge, "error" | "error_description">;

/** The value of `WWW-Authenticate`; without a problem where no token came at all (AUTH-2). */
export function challengeOf({ realm, resourceMetadata }: JwtOptions, problem: Problem = {}): string {
  return bearerChallenge({ realm, ...problem, resource_metadata: resourceMetadata });
}

const DESCRIPTIONS: Readonly<Record<TokenRefusal["code"], string>> = {
  INVALID_TOKEN: "The token is not valid",
  TOKEN_EXPIRED: "The token has expired",
  TOKEN_REVOKED: "The token has been revoked",
};

/** What a client is told of a token that is no good, and what only the log is (JWT-8). */
export function tokenError({ code, message }: TokenRefusal, options: JwtOptions): GatewayError {
  const problem: Problem = { error: "invalid_token", error_description: DESCRIPTIONS[code] };
  return new GatewayError(code, {
    headers: { "WWW-Authenticate": challengeOf(options, problem) },
    cause: message,
  });
}
