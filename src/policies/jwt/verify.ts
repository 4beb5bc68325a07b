/** From the text of a token to what has been proved by it. */
import type { webcrypto } from "node:crypto";
import { JWTExpired } from "jose/errors";
import { type JWTVerifyOptions, jwtVerify } from "jose/jwt/verify";
import { found, quoted } from "../../core/found.ts";
import { consumerFields, type Principal } from "../../core/principal.ts";
import type { TokenIdentity } from "../../core/revocations.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { claimFields, nameAt, wordsAt } from "./claims.ts";
import { readCompact, type UnverifiedToken } from "./compact.ts";
import { type IssuerKeys, issuerKeys } from "./issuer-keys.ts";
import type { IssuerOptions, JwtOptions } from "./jwt.options.ts";
import { TokenRefusal } from "./refusal.ts";

type Claims = UnverifiedToken["claims"];

/** Good until it expires, the issuer's keys change, or somebody revokes it. */
export interface VerifiedToken {
  readonly principal: Principal;
  readonly identity: TokenIdentity;
  /** Epoch seconds from which on it is expired, the skew of clocks included. */
  readonly expires: number;
  readonly keys: IssuerKeys;
  /** Of `keys`, when it was verified. */
  readonly generation: number;
}

/** RFC 9068 §2.2. */
const ACCESS_TOKEN_CLAIMS = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"];
const ACCESS_TOKEN = "application/at+jwt";
/** What plain JWTs call themselves; any other type is of another kind of token (RFC 8725 §3.11). */
const PLAIN_TYPES = ["", "application/jwt", ACCESS_TOKEN];
/** The year 10000, in seconds: beyond it are milliseconds. */
const LATEST = 253_402_300_800;
/** Longer, and a stolen one is good for too long. */
const LONG_LIFE = 24 * 3600;

interface Issuer {
  readonly options: IssuerOptions;
  readonly keys: IssuerKeys;
  warned: boolean;
}

export class Verifier {
  readonly #issuers: ReadonlyMap<string, Issuer>;
  readonly #upstreamHeaders: readonly (readonly [name: string, claim: string])[];
  readonly #tools: PolicyTools;

  /** @throws Error with one sentence for the config's author. */
  constructor({ issuers, upstreamHeaders }: JwtOptions, tools: PolicyTools) {
    this.#issuers = new Map(
      issuers.map((options) => [
        options.issuer,
        { options, keys: issuerKeys(options, tools), warned: false },
      ]),
    );
    this.#upstreamHeaders = Object.entries(upstreamHeaders);
    this.#tools = tools;
  }

  /** @throws TokenRefusal, or GatewayError AUTH_UNAVAILABLE. */
  async verify(token: string): Promise<VerifiedToken> {
    const { alg, kid, type, claims } = readCompact(token);
    const { iss } = claims;
    const issuer = typeof iss === "string" ? this.#issuers.get(iss) : undefined;
    // Before anything is asked of keys: those of one issuer never see another's tokens (JWT-4).
    if (issuer === undefined) throw new TokenRefusal(`iss is none of the config's issuers: ${found(iss)}`);
    const { options, keys } = issuer;
    refuseType(type, options.type);
    const { generation } = keys;
    const key = await keys.find(alg, kid);
    const now = Math.floor(this.#tools.clock.wall() / 1000);
    await verifySignature(token, key, alg, options, now);
    checkTimes(claims, options, now);
    this.#warnOfLongLife(issuer, claims);
    return {
      principal: this.#principal(claims, options),
      identity: {
        issuer: options.issuer,
        subject: nameAt(claims, "sub"),
        id: nameAt(claims, "jti"),
        issuedAt: claims["iat"] as number | undefined,
      },
      expires: expiryOf(claims, options),
      keys,
      generation,
    };
  }

  #principal(claims: Claims, options: IssuerOptions): Principal {
    const {
      consumer: consumerClaim,
      scopes: scopesClaim,
      roles: rolesClaim,
      plan: planClaim,
    } = options.claims;
    const name = nameAt(claims, consumerClaim);
    if (name === "") throw new TokenRefusal(`there is no ${consumerClaim} to say who is calling`);
    const consumer = `${options.consumerPrefix}${name}`;
    const scopes = wordsAt(claims, scopesClaim ?? (Object.hasOwn(claims, "scope") ? "scope" : "scp"));
    const roles = wordsAt(claims, rolesClaim);
    const plan = planClaim === undefined ? "" : nameAt(claims, planClaim);
    const id = nameAt(claims, "jti");
    const fields = consumerFields({
      "X-Consumer-Id": consumer,
      "X-Consumer-Token-Id": id,
      "X-Consumer-Scopes": scopes.join(" "),
      "X-Consumer-Roles": roles.join(" "),
      "X-Consumer-Plan": plan,
    });
    return {
      kind: "token",
      id,
      consumer,
      environment: "",
      scopes: new Set(scopes),
      roles: new Set(roles),
      plan,
      claims: Object.freeze(claims),
      fields: fields + claimFields(claims, this.#upstreamHeaders),
    };
  }

  #warnOfLongLife(issuer: Issuer, claims: Claims): void {
    const life =
      (claims["exp"] as number) - ((claims["iat"] as number | undefined) ?? Number.POSITIVE_INFINITY);
    if (issuer.warned || life <= LONG_LIFE) return;
    issuer.warned = true;
    this.#tools.log.warn(
      { issuer: issuer.options.issuer },
      "an issuer's tokens are good for more than a day",
    );
  }
}

/** `exp`, or sooner what `maxAge` allows, which may be reached and not passed. */
function expiryOf(claims: Claims, { clockSkew, maxAge }: IssuerOptions): number {
  const skew = clockSkew / 1000;
  const expires = (claims["exp"] as number) + skew;
  if (maxAge === undefined) return expires;
  return Math.min(expires, Math.floor((claims["iat"] as number) + maxAge / 1000 + skew) + 1);
}

function refuseType(type: string, wanted: IssuerOptions["type"]): void {
  const known = wanted === "at+jwt" ? [ACCESS_TOKEN] : PLAIN_TYPES;
  if (!known.includes(type))
    throw new TokenRefusal(`typ ${quoted(type)} is not ${known.filter(Boolean).join(" or ")}`);
}

/** The signature, and all claims whose meaning the standards give, are jose's to judge. */
async function verifySignature(
  token: string,
  key: webcrypto.CryptoKey,
  alg: string,
  { issuer, audience, type, requiredClaims, clockSkew, maxAge }: IssuerOptions,
  now: number,
): Promise<void> {
  const required = type === "at+jwt" ? ACCESS_TOKEN_CLAIMS : ["iss", "exp"];
  const options: JWTVerifyOptions = {
    algorithms: [alg],
    issuer,
    ...(audience === false ? {} : { audience }),
    requiredClaims: [...required, ...requiredClaims],
    clockTolerance: clockSkew / 1000,
    ...(maxAge === undefined ? {} : { maxTokenAge: maxAge / 1000 }),
    currentDate: new Date(now * 1000),
  };
  try {
    await jwtVerify(token, key, options);
  } catch (thrown) {
    const expired = thrown instanceof JWTExpired;
    throw new TokenRefusal((thrown as Error).message, expired ? "TOKEN_EXPIRED" : "INVALID_TOKEN");
  }
}

/** What jose leaves open: numbers that are no times, and a token from the future. */
function checkTimes(claims: Claims, { clockSkew }: IssuerOptions, now: number): void {
  for (const name of ["exp", "nbf", "iat"]) {
    const time = claims[name];
    if (time !== undefined && !(typeof time === "number" && time >= 0 && time < LATEST))
      throw new TokenRefusal(`${name} is not a time in seconds`);
  }
  const iat = claims["iat"] as number | undefined;
  if (iat !== undefined && iat > now + clockSkew / 1000) throw new TokenRefusal("iat is in the future");
}
