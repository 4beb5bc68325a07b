/** Tokens made by hand, without the library that the gateway verifies them with. */
import {
  constants,
  createHmac,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
  sign,
} from "node:crypto";

export type Json = Readonly<Record<string, unknown>>;

export const base64url = (data: string | Buffer): string => Buffer.from(data).toString("base64url");

/** Signs a signing input (`header.payload`). */
export type Signer = (input: string) => Buffer;

export function hmac(secret: string | Buffer, hash = "sha256"): Signer {
  return (input) => createHmac(hash, secret).update(input).digest();
}

export function rsa(key: KeyObject, hash = "sha256"): Signer {
  return (input) => sign(hash, Buffer.from(input), key);
}

export function pss(
  key: KeyObject,
  hash = "sha256",
  saltLength: number = constants.RSA_PSS_SALTLEN_DIGEST,
): Signer {
  return (input) =>
    sign(hash, Buffer.from(input), { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
}

export function ecdsa(
  key: KeyObject,
  hash = "sha256",
  dsaEncoding: "ieee-p1363" | "der" = "ieee-p1363",
): Signer {
  return (input) => sign(hash, Buffer.from(input), { key, dsaEncoding });
}

export function ed25519(key: KeyObject): Signer {
  return (input) => sign(null, Buffer.from(input), key);
}

/** A token of these two texts: whatever they are, their signature is right. */
export function signed(header: string, payload: string, signer: Signer): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${base64url(signer(input))}`;
}

export function token(header: Json, claims: Json, signer: Signer): string {
  return signed(JSON.stringify(header), JSON.stringify(claims), signer);
}

export const ISSUER = "https://issuer.example";
export const AUDIENCE = "https://api.example";

/** The claims of a good access token (RFC 9068), `now` in milliseconds; what is undefined in `changes` is left out. */
export function claimsAt(now: number, changes: Json = {}): Json {
  const seconds = Math.floor(now / 1000);
  return {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: "user-1",
    client_id: "app-1",
    jti: randomUUID(),
    iat: seconds,
    exp: seconds + 300,
    ...changes,
  };
}

export const rsaKeys = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
export const ecKeys = (namedCurve = "P-256") => generateKeyPairSync("ec", { namedCurve });
export const edKeys = () => generateKeyPairSync("ed25519");

export const pemOf = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();
export const jwkOf = (key: KeyObject, members: Json = {}): JsonWebKey & Json => ({
  ...key.export({ format: "jwk" }),
  ...members,
});
