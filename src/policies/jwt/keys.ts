import {
  createPublicKey,
  createSecretKey,
  type JsonWebKey,
  type KeyObject,
  type webcrypto,
} from "node:crypto";
import { count, quoted } from "../../core/found.ts";
import { ALGORITHMS, type Algorithm, isAlgorithm, type KeyType, uses, usual } from "./algorithms.ts";

type CryptoKey = webcrypto.CryptoKey;

/** A key, imported once for each algorithm that it may be used with and for no other. */
export interface TrustedKey {
  /** Undefined for a key of tokens with any `kid`, or none. */
  readonly kid: string | undefined;
  readonly byAlgorithm: ReadonlyMap<string, CryptoKey>;
}

/** Bits. Below, a key can be broken; above, each token costs more than it should. */
const RSA_BITS = { least: 2048, most: 8192 };
/** RFC 7518 §3.2: as many as the hash has. */
const SECRET_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };
const CURVES: Readonly<Record<string, KeyType>> = {
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};

/** The keys of one issuer. */
export class KeySet {
  readonly #keys: readonly TrustedKey[];

  constructor(keys: readonly TrustedKey[]) {
    this.#keys = keys;
  }

  /** The one key that suits, or null: where several would, nothing says which was meant (JWT-2). */
  find(alg: string, kid: string | undefined): CryptoKey | null {
    const suitable = this.#keys.filter(({ byAlgorithm }) => byAlgorithm.has(alg));
    const named = suitable.filter((key) => key.kid === kid);
    const candidates =
      kid === undefined
        ? suitable
        : named.length > 0
          ? named
          : suitable.filter((key) => key.kid === undefined);
    return candidates.length === 1 ? (candidates[0]?.byAlgorithm.get(alg) ?? null) : null;
  }
}

/** @throws Error with one sentence for keys between which nothing tells. */
export function refuseAmbiguity(keys: readonly TrustedKey[]): void {
  for (const alg of ALGORITHMS) {
    const kids = keys.filter(({ byAlgorithm }) => byAlgorithm.has(alg)).map(({ kid }) => kid);
    const twice = kids.find((kid, index) => kids.indexOf(kid) !== index);
    if (twice !== undefined) throw new Error(`two keys for ${alg} have the kid ${quoted(twice)}`);
    if (kids.filter((kid) => kid === undefined).length > 1)
      throw new Error(`two keys for ${alg} have no kid, so that nothing tells which one a token means`);
  }
}

/** `allowed` is the issuer's list, where it has one. @throws Error with one sentence that does not hold the secret. */
export function trustSecret(
  secret: Buffer,
  kid: string | undefined,
  allowed: readonly Algorithm[] | undefined,
): TrustedKey {
  if (secret.includes("-----BEGIN "))
    throw new Error("the secret is a key in PEM; a public key is no secret: write it under pem");
  const byAlgorithm = importFor("secret", createSecretKey(secret), undefined, allowed);
  for (const alg of byAlgorithm.keys()) {
    const least = SECRET_BYTES[alg] ?? 0;
    if (secret.length < least)
      throw new Error(
        `the secret has ${count(secret.length, "byte")}; ${alg} needs ${least} at least (RFC 7518 §3.2)`,
      );
  }
  return { kid, byAlgorithm };
}

/** @throws Error with one sentence. */
export function trustPem(
  pem: string,
  kid: string | undefined,
  allowed: readonly Algorithm[] | undefined,
): TrustedKey {
  if (pem.includes("PRIVATE KEY-----"))
    throw new Error(
      "this is a private key; the gateway only needs the public one, and nobody but the issuer should have it",
    );
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new Error("this is no public key or certificate in PEM");
  }
  return { kid, byAlgorithm: importFor(keyTypeOf(key), key, undefined, allowed) };
}

/** Members of private and secret keys (RFC 7518 §6). */
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** @throws Error with one sentence. */
export function trustJwk(
  jwk: unknown,
  kidOfConfig: string | undefined,
  allowed: readonly Algorithm[] | undefined,
): TrustedKey {
  if (typeof jwk !== "object" || jwk === null) throw new Error("the JWK is not an object");
  const members = jwk as Readonly<Record<string, unknown>>;
  const { kty, crv, n, e, x, y, kid = kidOfConfig, alg, use = "sig", key_ops = ["verify"] } = members;
  if (kty === "oct") throw new Error("the JWK is a shared secret; write it under secret");
  if (PRIVATE.some((member) => Object.hasOwn(jwk, member)))
    throw new Error("the JWK is private; only the public members belong here");
  if (kid !== undefined && typeof kid !== "string") throw new Error("the kid of the JWK is not a text");
  if (alg !== undefined && !isAlgorithm(alg))
    throw new Error("the JWK is for an algorithm that does not sign tokens here");
  if (use !== "sig" || !Array.isArray(key_ops) || !key_ops.includes("verify"))
    throw new Error("the JWK is not for verifying signatures (use, key_ops)");
  let key: KeyObject;
  try {
    key = createPublicKey({ key: { kty, crv, n, e, x, y } as JsonWebKey, format: "jwk" });
  } catch {
    throw new Error("the JWK is not a public key that is known here");
  }
  return { kid, byAlgorithm: importFor(keyTypeOf(key), key, alg, allowed) };
}

/** For the algorithm that the key names, else for those of the issuer's list that suit it, else for the usual one. */
function importFor(
  keyType: KeyType,
  key: KeyObject,
  own: Algorithm | undefined,
  allowed: readonly Algorithm[] | undefined,
): ReadonlyMap<string, CryptoKey> {
  const wanted = (own === undefined ? (allowed ?? usual[keyType]) : [own]).filter(
    (alg) => uses[alg].keyType === keyType && (allowed?.includes(alg) ?? true),
  );
  if (wanted.length === 0)
    throw new Error(
      `the key (${own ?? keyType}) suits none of the algorithms ${(allowed ?? usual[keyType]).join(", ")}`,
    );
  return new Map(wanted.map((alg) => [alg, key.toCryptoKey(uses[alg].parameters, false, ["verify"])]));
}

function keyTypeOf(key: KeyObject): KeyType {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "ed25519") return type;
  if (type === "rsa") {
    const { modulusLength = 0, publicExponent = 0n } = details ?? {};
    if (modulusLength < RSA_BITS.least || modulusLength > RSA_BITS.most)
      throw new Error(
        `the RSA key has ${modulusLength} bits; it must have ${RSA_BITS.least} to ${RSA_BITS.most}`,
      );
    if (publicExponent < 3n || publicExponent % 2n === 0n)
      throw new Error("the public exponent of the RSA key is not an odd number from 3");
    return type;
  }
  const curve = type === "ec" ? CURVES[details?.namedCurve ?? ""] : undefined;
  if (curve === undefined)
    throw new Error(
      `the key is ${details?.namedCurve ?? type}; known are RSA, P-256, P-384, P-521 and Ed25519`,
    );
  return curve;
}
