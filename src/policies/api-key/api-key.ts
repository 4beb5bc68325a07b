import type { output } from "zod";
import type { Call } from "../../core/call.ts";
import { badCredentials, bearerChallenge, bearerToken, isJwtShaped } from "../../core/challenge.ts";
import { catalogue, type ErrorCode, GatewayError, type GatewayErrorOptions } from "../../core/errors.ts";
import type { Headers } from "../../core/headers.ts";
import { isBroken } from "../../core/key-format.ts";
import { type Key, secretDigest } from "../../core/keys.ts";
import type { CounterSeries } from "../../core/metrics.ts";
import { definePolicy } from "../../core/policy.ts";
import { principal } from "../../core/principal.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { apiKeyOptions } from "./api-key.options.ts";
import { RecentKeys } from "./recent-keys.ts";

const REJECTS = [
  "AUTHENTICATION_REQUIRED",
  "INVALID_API_KEY",
  "KEY_EXPIRED",
  "KEY_REVOKED",
  "MALFORMED_CREDENTIALS",
  "MULTIPLE_CREDENTIALS",
  "ADDRESS_NOT_ALLOWED",
  "FORBIDDEN",
] as const satisfies readonly ErrorCode[];

/** Who is calling, by an API key of the config or one that was issued at run time; see api-key.md. */
export const apiKey = definePolicy({
  name: "api-key",
  summary: "Lets callers with a valid API key in.",
  options: apiKeyOptions,
  learns: ({ optional }) => (optional ? [] : [principal]),
  mayLearn: ({ optional }) => (optional ? [principal] : []),
  uses: ["records"],
  rejects: REJECTS,
  create(options, tools) {
    const gate = new Gate(options, tools);
    return (next) => (call) => {
      gate.check(call);
      return next(call);
    };
  },
});

class Gate {
  readonly #options: output<typeof apiKeyOptions>;
  readonly #tools: PolicyTools;
  readonly #recent: RecentKeys;
  /** Lower-case. */
  readonly #header: string;
  /** The challenge without an error (AUTH-2). */
  readonly #asks: string;
  readonly #refused: ReadonlyMap<ErrorCode, CounterSeries>;

  constructor(options: output<typeof apiKeyOptions>, tools: PolicyTools) {
    this.#options = options;
    this.#tools = tools;
    this.#recent = new RecentKeys(tools.keys);
    this.#header = options.header.toLowerCase();
    this.#asks = bearerChallenge({ realm: options.realm });
    const refused = tools.metrics.counter(
      "turnpike_api_key_refused_total",
      "Calls that were refused for their API key, or for having none.",
      ["code"],
    );
    this.#refused = new Map(REJECTS.map((code) => [code, refused.with({ code })]));
  }

  /** Throws, or lets the call pass: with its caller known or, where keys are optional, not. */
  check(call: Call): void {
    const { headers } = call.request;
    const own = headers.get(this.#header);
    if (call.principal !== null) {
      // What is in Authorization has told somebody before us who it is; a key besides is one credential too many.
      if (own !== undefined) throw this.#bad("MULTIPLE_CREDENTIALS");
      return;
    }
    const { bearer, realm } = this.#options;
    const secret =
      own !== undefined ? this.#alone(own, headers) : bearer ? bearerToken(headers, realm) : null;
    if (secret === null) this.#anonymous(call);
    else this.#judge(call, secret, own === undefined);
  }

  #alone(secret: string, headers: Headers): string {
    if (headers.all(this.#header).length > 1) throw this.#bad("MULTIPLE_CREDENTIALS");
    if (this.#options.bearer && headers.has("authorization")) throw this.#bad("MULTIPLE_CREDENTIALS");
    if (secret === "") throw this.#bad("MALFORMED_CREDENTIALS");
    return secret;
  }

  #anonymous(call: Call): void {
    if (!this.#options.optional) {
      throw this.#refusal("AUTHENTICATION_REQUIRED", { headers: { "WWW-Authenticate": this.#asks } });
    }
    if (call.challenge === "") call.challenge = this.#asks;
  }

  #judge(call: Call, secret: string, isBearer: boolean): void {
    const key = this.#recent.get(secret) ?? this.#lookUp(secret);
    if (key === null) this.#unknown(call, secret, isBearer);
    else this.#admit(call, key, isBearer);
  }

  #admit(call: Call, key: Key, isBearer: boolean): void {
    const wall = this.#tools.clock.wall();
    const standing = key.standing(wall);
    if (standing !== "active") {
      throw this.#invalid(standing === "revoked" ? "KEY_REVOKED" : "KEY_EXPIRED", causeOf(key));
    }
    this.#checkRestrictions(call, key);
    key.markUsed(wall);
    call.identify(key.principal);
    if (!this.#options.forward) call.request.headers.delete(isBearer ? "authorization" : this.#header);
  }

  #lookUp(secret: string): Key | null {
    // The digest first, whatever the checksum says: how long a refusal takes tells nothing of the secret.
    const digest = secretDigest(secret);
    if (isBroken(secret, this.#options.prefix)) return null;
    const key = this.#tools.keys.find(digest);
    if (key !== null) this.#recent.keep(secret, key);
    return key;
  }

  #unknown(call: Call, secret: string, isBearer: boolean): void {
    if (!isBearer && secret.includes(",")) throw this.#bad("MULTIPLE_CREDENTIALS");
    if (!isBearer || !this.#options.optional || !isJwtShaped(secret)) throw this.#invalid("INVALID_API_KEY");
    // Perhaps for `jwt`, behind us; if nobody takes it, it is refused before the backend.
    call.unclaimed = "INVALID_API_KEY";
    call.challenge = this.#challenge("INVALID_API_KEY");
  }

  /** 403: the key is good, but not for this (KEY-9). */
  #checkRestrictions(call: Call, key: Key): void {
    const { environment } = this.#options;
    if (environment !== undefined && key.environment !== environment) {
      throw this.#forbidden(
        key,
        `This route takes ${environment} keys, and this is a ${key.environment} key.`,
      );
    }
    const { restrictions } = key;
    if (restrictions === null) return;
    if (!restrictions.allowAddress(call.clientIp))
      throw this.#refusal("ADDRESS_NOT_ALLOWED", { cause: causeOf(key) });
    if (!restrictions.allowMethod(call.request.method)) {
      throw this.#forbidden(key, `This key is not for ${call.request.method} requests.`);
    }
    if (!restrictions.allowRoute(call.route?.name ?? ""))
      throw this.#forbidden(key, "This key is not for this route.");
  }

  #forbidden(key: Key, message: string): GatewayError {
    return this.#refusal("FORBIDDEN", { message, cause: causeOf(key) });
  }

  #invalid(code: "INVALID_API_KEY" | "KEY_EXPIRED" | "KEY_REVOKED", cause?: string): GatewayError {
    return this.#refusal(code, { headers: { "WWW-Authenticate": this.#challenge(code) }, cause });
  }

  #challenge(code: "INVALID_API_KEY" | "KEY_EXPIRED" | "KEY_REVOKED"): string {
    const { realm } = this.#options;
    return bearerChallenge({ realm, error: "invalid_token", error_description: catalogue[code].title });
  }

  #bad(code: "MALFORMED_CREDENTIALS" | "MULTIPLE_CREDENTIALS"): GatewayError {
    this.#refused.get(code)?.add();
    return badCredentials(code, this.#options.realm);
  }

  #refusal(code: ErrorCode, options: GatewayErrorOptions): GatewayError {
    this.#refused.get(code)?.add();
    return new GatewayError(code, options);
  }
}

/** For the log: whose owner has to be told. */
const causeOf = (key: Key): string => `key ${key.principal.id} of ${key.principal.consumer}`;
