import { createSecretKey, hash, type KeyObject } from "node:crypto";
import type { Call } from "./call.ts";
import { addressOfCustomer } from "./networks.ts";

/** Where a record is found, and what opens the answer in it. */
export interface RecordKeys {
  readonly digest: Uint8Array;
  /** Not in the record: who reads the database alone reads no answer (IDEM-18). */
  readonly secret: KeyObject;
}

/**
 * A key counts for one caller, at one route, for one method (IDEM-4): the same key of somebody else is another. Both are
 * made of the same text and say nothing of each other.
 */
export function recordKeys(call: Call, key: string): RecordKeys {
  const scope = JSON.stringify([...tenantOf(call), call.route?.name ?? "", call.request.method, key]);
  return {
    digest: hash("sha256", `turnpike idempotency record\n${scope}`, "buffer"),
    // Node takes a plain buffer for a key only after an exception of its own, which costs more than the encryption.
    secret: createSecretKey(hash("sha256", `turnpike idempotency answer\n${scope}`, "buffer")),
  };
}

/** Two issuers may call different people by the same name, and nobody says what keys and tokens have in common. */
function tenantOf({ principal, clientIp }: Call): readonly string[] {
  if (principal === null) return ["address", addressOfCustomer(clientIp)];
  const { kind, consumer, environment, claims } = principal;
  return [kind, String(claims["iss"] ?? ""), consumer, environment];
}
