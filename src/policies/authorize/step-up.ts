import { bearerChallenge } from "../../core/challenge.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Clock } from "../../core/tools.ts";
import type { AuthorizeOptions } from "./authorize.options.ts";
import type { Check } from "./rule.ts";

/** RFC 9470: a good token, but its user did not prove enough, or too long ago. Null where nothing is asked. */
export function stepUp({ acr, maxAuthAge, realm }: AuthorizeOptions, clock: Clock): Check | null {
  if (acr === undefined && maxAuthAge === undefined) return null;
  const challenge = bearerChallenge({
    realm,
    error: "insufficient_user_authentication",
    acr_values: acr?.join(" "),
    max_age: maxAuthAge === undefined ? undefined : String(Math.floor(maxAuthAge / 1000)),
  });
  return (_, { claims }) => {
    const { acr: shown, auth_time: signedIn } = claims;
    const strong = acr === undefined || (typeof shown === "string" && acr.includes(shown));
    const recent =
      maxAuthAge === undefined ||
      (typeof signedIn === "number" && clock.wall() - signedIn * 1000 <= maxAuthAge);
    if (!strong || !recent)
      throw new GatewayError("STEP_UP_REQUIRED", { headers: { "WWW-Authenticate": challenge } });
  };
}
