import type { webcrypto } from "node:crypto";

/**
 * The signature algorithms (RFC 7518 §3, RFC 8037, RFC 9864), each with the one type of key that it takes. A key is
 * imported for one algorithm and cannot be used for another: a public key is never a secret (RFC 8725 §3.1).
 */
export const ALGORITHMS = [
  "HS256",
  "HS384",
  "HS512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

export type Algorithm = (typeof ALGORITHMS)[number];

export type KeyType = "secret" | "rsa" | "P-256" | "P-384" | "P-521" | "ed25519";

export interface AlgorithmUse {
  readonly keyType: KeyType;
  readonly parameters:
    | webcrypto.AlgorithmIdentifier
    | webcrypto.RsaHashedImportParams
    | webcrypto.EcKeyImportParams;
}

const hmac = (hash: string): AlgorithmUse => ({ keyType: "secret", parameters: { name: "HMAC", hash } });
const rsa = (name: string, hash: string): AlgorithmUse => ({ keyType: "rsa", parameters: { name, hash } });
const ecdsa = (namedCurve: "P-256" | "P-384" | "P-521"): AlgorithmUse => ({
  keyType: namedCurve,
  parameters: { name: "ECDSA", namedCurve },
});
const ed25519: AlgorithmUse = { keyType: "ed25519", parameters: { name: "Ed25519" } };

export const uses: Readonly<Record<Algorithm, AlgorithmUse>> = {
  HS256: hmac("SHA-256"),
  HS384: hmac("SHA-384"),
  HS512: hmac("SHA-512"),
  RS256: rsa("RSASSA-PKCS1-v1_5", "SHA-256"),
  RS384: rsa("RSASSA-PKCS1-v1_5", "SHA-384"),
  RS512: rsa("RSASSA-PKCS1-v1_5", "SHA-512"),
  PS256: rsa("RSA-PSS", "SHA-256"),
  PS384: rsa("RSA-PSS", "SHA-384"),
  PS512: rsa("RSA-PSS", "SHA-512"),
  ES256: ecdsa("P-256"),
  ES384: ecdsa("P-384"),
  ES512: ecdsa("P-521"),
  EdDSA: ed25519,
  Ed25519: ed25519,
};

/** What a key is for where neither the config nor the key says it. */
export const usual: Readonly<Record<KeyType, readonly Algorithm[]>> = {
  secret: ["HS256"],
  rsa: ["RS256"],
  "P-256": ["ES256"],
  "P-384": ["ES384"],
  "P-521": ["ES512"],
  // Two names of one algorithm (RFC 9864).
  ed25519: ["EdDSA", "Ed25519"],
};

export const isAlgorithm = (name: unknown): name is Algorithm => ALGORITHMS.some((known) => known === name);
