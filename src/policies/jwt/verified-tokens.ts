import { hash } from "node:crypto";
import type { VerifiedToken } from "./verify.ts";

/**
 * Tokens that have been verified, so that a signature is checked once and not at every call. Bounded: the one that
 * was verified first goes first. Known by their digests: this memory holds no token that could be used.
 */
export class VerifiedTokens {
  readonly #most: number;
  readonly #known = new Map<string, VerifiedToken>();
  /** Calls with a token that is being verified wait for one result. */
  readonly #verifying = new Map<string, Promise<VerifiedToken>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** At once where it is known and its issuer's keys are the same still. */
  get(
    token: string,
    verify: (token: string) => Promise<VerifiedToken>,
  ): VerifiedToken | Promise<VerifiedToken> {
    const digest = hash("sha256", token, "base64url");
    const known = this.#known.get(digest);
    if (known !== undefined && known.generation === known.keys.generation) return known;
    return this.#verifying.get(digest) ?? this.#verify(digest, token, verify);
  }

  async #verify(
    digest: string,
    token: string,
    verify: (token: string) => Promise<VerifiedToken>,
  ): Promise<VerifiedToken> {
    const verifying = verify(token);
    this.#verifying.set(digest, verifying);
    try {
      const verified = await verifying;
      this.#remember(digest, verified);
      return verified;
    } finally {
      this.#verifying.delete(digest);
    }
  }

  #remember(digest: string, verified: VerifiedToken): void {
    if (this.#most === 0) return;
    this.#known.delete(digest);
    this.#known.set(digest, verified);
    if (this.#known.size <= this.#most) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}
