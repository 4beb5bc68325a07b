/** Why a token is no good. Clients learn the code alone (JWT-8); the message is for the log and quotes no token. */
export class TokenRefusal extends Error {
  readonly code: "INVALID_TOKEN" | "TOKEN_EXPIRED" | "TOKEN_REVOKED";

  constructor(reason: string, code: TokenRefusal["code"] = "INVALID_TOKEN") {
    super(reason);
    this.name = "TokenRefusal";
    this.code = code;
  }
}
