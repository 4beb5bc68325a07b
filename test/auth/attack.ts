import type { TrustedSigner } from "./stand.ts";
import { claimsAt, type Json, token } from "./tokens.ts";

/** A token that nobody should take. */
export interface Attack {
  readonly name: string;
  readonly token: string;
}

/** What access tokens call themselves. */
export const TYP = "at+jwt";

/** The one that passes. */
export function good({ alg, issuer, sign }: TrustedSigner, now: number, changes: Json = {}): string {
  return token({ alg, typ: TYP }, claimsAt(now, { iss: issuer, ...changes }), sign);
}

export function partsOf(text: string): [header: string, payload: string, signature: string] {
  return text.split(".") as [string, string, string];
}
