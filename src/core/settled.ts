/** What one policy of a route leaves to those behind it is settled before the backend is asked. */

import type { Call } from "./call.ts";
import { bearerChallenge } from "./challenge.ts";
import { GatewayError } from "./errors.ts";
import type { Handler } from "./handler.ts";

/** Around the backend of a route with policies: a credential that nobody could read is refused, not ignored. */
export function settled(backend: Handler): Handler {
  return (call) => {
    if (call.unclaimed !== null) throw credentialWanted(call);
    if (call.closed) throw closed(call);
    return backend(call);
  };
}

/** 401 for a call that nobody could tell the caller of (AUTH-1, AUTH-2). */
export function credentialWanted(call: Call): GatewayError {
  const challenge = call.challenge === "" ? bearerChallenge({ realm: "api" }) : call.challenge;
  return new GatewayError(call.unclaimed ?? "AUTHENTICATION_REQUIRED", {
    headers: { "WWW-Authenticate": challenge },
  });
}

/** Nobody is asked for a credential where none would be looked at. */
const closed = (call: Call): GatewayError =>
  call.principal === null && call.challenge !== "" ? credentialWanted(call) : new GatewayError("FORBIDDEN");
