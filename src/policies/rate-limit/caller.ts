import { hash } from "node:crypto";
import type { Call } from "../../core/call.ts";
import { claimAt } from "../../core/claims.ts";
import { addressOfCustomer } from "../../core/networks.ts";
import type { RateLimitOptions, Who } from "./rate-limit.options.ts";

/** Whom a call is counted for. Holds no secret: it may be seen in a shared store. */
export type KeyOf = (call: Call) => string;

export function callerKeys(by: RateLimitOptions["by"]): KeyOf {
  if (by === undefined) return consumerKey;
  if (!Array.isArray(by)) return keyBy(by);
  const parts = by.map(keyBy);
  return (call) => parts.map((part) => part(call)).join("|");
}

function keyBy(who: Who): KeyOf {
  if (who === "consumer") return consumerKey;
  if (who === "ip") return addressKey;
  if (who === "all") return () => "all";
  if ("claim" in who) return claimKey(who.claim);
  return headerKey(who.header.toLowerCase());
}

function consumerKey(call: Call): string {
  return call.principal === null ? addressKey(call) : `consumer:${plain(call.principal.consumer)}`;
}

const addressKey = ({ clientIp }: Call): string => `ip:${addressOfCustomer(clientIp)}`;

/** Who does not have the claim is counted as if nothing had been said of it: else all of them would share. */
function claimKey(name: string): KeyOf {
  return (call) => {
    const value = call.principal === null ? undefined : claimAt(call.principal.claims, name);
    if (value === undefined || value === null) return consumerKey(call);
    return `claim:${name}:${plain(typeof value === "object" ? JSON.stringify(value) : String(value))}`;
  };
}

function headerKey(lower: string): KeyOf {
  return (call) => {
    const value = call.request.headers.get(lower);
    if (value === undefined) return addressKey(call);
    // It may be a credential, and is certainly the client's to choose.
    return `header:${lower}:${digest(call.request.headers.all(lower).join(","))}`;
  };
}

const PLAIN = /^[\w.@:+/=-]{1,64}$/;

/** A name as it is where nobody can mistake it, else its digest. */
const plain = (value: string): string => (PLAIN.test(value) ? value : digest(value));

const digest = (value: string): string => `#${hash("sha256", value, "base64url").slice(0, 22)}`;
