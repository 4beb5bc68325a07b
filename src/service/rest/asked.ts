/** A call, as far as every operation needs it. */
import { bufferBody } from "../../core/buffer-body.ts";
import type { Call } from "../../core/call.ts";
import { bearerChallenge } from "../../core/challenge.ts";
import type { Caller } from "../resources/caller.ts";
import { type Asked, checkMediaType } from "../resources/input/index.ts";
import type { Permit } from "../resources/permit.ts";

const CHALLENGE = bearerChallenge({ realm: "api" });
/** Bytes of a body where the route sets no limit, because its bodies are streams: here they are JSON in memory. */
const MOST_UNLIMITED = 16 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

export function callerOf({ principal, version, id, challenge }: Call): Caller {
  return { principal, version, requestId: id, challenge: challenge === "" ? CHALLENGE : challenge };
}

export function askedOf({ request }: Call, { scopes }: Permit): Asked {
  return { query: request.query, headers: request.headers, scopes };
}

/**
 * The body of a request; empty where there is none.
 *
 * @throws GatewayError UNSUPPORTED_MEDIA_TYPE before a byte of it is read, PAYLOAD_TOO_LARGE.
 */
export function bodyOf(call: Call): Buffer | Promise<Buffer> {
  const { body, method, headers } = call.request;
  if (body === null || body.size === 0) return NOTHING;
  checkMediaType(method, headers);
  const unlimited = body.limit === Number.POSITIVE_INFINITY;
  return bufferBody(call, unlimited ? MOST_UNLIMITED : Number.POSITIVE_INFINITY);
}
