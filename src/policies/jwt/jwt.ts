import type { Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import { definePolicy } from "../../core/policy.ts";
import { principal } from "../../core/principal.ts";
import type { Reply } from "../../core/reply.ts";
import { challengeOf, tokenError } from "./challenges.ts";
import { jwtOptions } from "./jwt.options.ts";
import { tokenReader } from "./read-token.ts";
import { TokenRefusal } from "./refusal.ts";
import { VerifiedTokens } from "./verified-tokens.ts";
import { type VerifiedToken, Verifier } from "./verify.ts";

/** Who is calling, by a signed token; see jwt.md. */
export const jwt = definePolicy({
  name: "jwt",
  summary: "Lets callers with a valid JSON Web Token in.",
  options: jwtOptions,
  learns: ({ optional }) => (optional ? [] : [principal]),
  mayLearn: ({ optional }) => (optional ? [principal] : []),
  uses: ["records"],
  rejects: [
    "AUTHENTICATION_REQUIRED",
    "INVALID_TOKEN",
    "TOKEN_EXPIRED",
    "TOKEN_REVOKED",
    "MALFORMED_CREDENTIALS",
    "MULTIPLE_CREDENTIALS",
    "AUTH_UNAVAILABLE",
  ],
  create(options, tools) {
    const { clock, metrics, revocations, place } = tools;
    const readToken = tokenReader(options);
    const verifier = new Verifier(options, tools);
    const verify = (token: string) => verifier.verify(token);
    const verified = new VerifiedTokens(options.cache);
    const header = options.header.toLowerCase();
    const written = Object.keys(options.upstreamHeaders).map((name) => name.toLowerCase());
    const missing = { headers: { "WWW-Authenticate": challengeOf(options) } };
    const refused = metrics.counter("turnpike_jwt_refused_total", "Tokens that were refused.", [
      "place",
      "code",
    ]);

    function refuse(thrown: unknown): never {
      if (!(thrown instanceof TokenRefusal)) throw thrown;
      refused.with({ place, code: thrown.code }).add();
      throw tokenError(thrown, options);
    }

    /** At every call: what was good when it was verified may have expired or been revoked since (AUTH-13). */
    function check({ identity, expires }: VerifiedToken): void {
      if (Math.floor(clock.wall() / 1000) >= expires)
        refuse(new TokenRefusal("exp has passed", "TOKEN_EXPIRED"));
      if (revocations.has(identity)) refuse(new TokenRefusal("it has been revoked", "TOKEN_REVOKED"));
    }

    return (next) => {
      function admit(call: Call, token: VerifiedToken): Reply | Promise<Reply> {
        check(token);
        if (!options.forward) call.request.headers.delete(header);
        call.identify(token.principal);
        return next(call);
      }

      return (call) => {
        for (const name of written) call.request.headers.delete(name);
        const token = readToken(call);
        if (token !== null) {
          const known = verified.get(token, verify);
          return known instanceof Promise
            ? known.then((one) => admit(call, one), refuse)
            : admit(call, known);
        }
        if (!options.optional) throw new GatewayError("AUTHENTICATION_REQUIRED", missing);
        return next(call);
      };
    };
  },
});
