import { AUDIENCE, claimsAt, ecdsa, ecKeys, ISSUER, type Json, jwkOf, token } from "./tokens.ts";

/** A key that an issuer publishes. */
export interface IssuerKey {
  readonly kid: string;
  readonly jwk: Json;
  token(wall: number, claims?: Json): string;
}

export function newKey(kid: string): IssuerKey {
  const { publicKey, privateKey } = ecKeys();
  return {
    kid,
    jwk: jwkOf(publicKey, { kid, use: "sig", alg: "ES256" }),
    token: (wall, claims) =>
      token({ alg: "ES256", typ: "at+jwt", kid }, claimsAt(wall, claims), ecdsa(privateKey)),
  };
}

export const local = (url: string): Json => ({ url, allowPrivate: true, allowHttp: true });
export const jwt = (...issuers: Json[]): Json => ({ jwt: { issuers } });
export const issuer = (jwks: Json, changes: Json = {}): Json => ({
  issuer: ISSUER,
  audience: AUDIENCE,
  jwks,
  ...changes,
});
