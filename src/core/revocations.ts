/** Tokens that are no longer good, before they expire (JWT-12). */
export interface Revocations {
  /** Whether one of them is this token. Asked at every call, in memory and at once (AUTH-13). */
  has(token: TokenIdentity): boolean;
}

/** What a token can be revoked by. */
export interface TokenIdentity {
  readonly issuer: string;
  /** `sub`; empty for none. */
  readonly subject: string;
  /** `jti`; empty for none. */
  readonly id: string;
  /** `iat` in epoch seconds; undefined for none. */
  readonly issuedAt: number | undefined;
}

/** For plans that are only looked at, and gateways without records. */
export const noRevocations: Revocations = { has: () => false };
