import { isIP } from "node:net";
import { z } from "zod";
import { distinct, refuseFieldName, text, whole, word } from "../../core/fields.ts";
import { found, quoted } from "../../core/found.ts";
import { fieldName, Kind } from "../../core/headers.ts";
import { isPublicAddress } from "../../core/public-address.ts";
import { duration } from "../../core/values.ts";
import { ALGORITHMS } from "./algorithms.ts";

const filled = (what: string) =>
  text(what, (value) => (value === "" ? `expected ${what}, found nothing` : undefined));

/** RFC 9110 §5.6.4: what a quoted string can say in ASCII. */
const realm = text("a realm", (value) =>
  /^[\x20-\x7e]{1,64}$/.test(value) ? undefined : `expected 1 to 64 ASCII characters, ${found(value)}`,
);

const tokenHeader = text("the name of a header", (name) =>
  name.toLowerCase() === "authorization" ? undefined : refuseHeader(name),
);

/** Written by the gateway and by nobody else, so nothing that has a meaning of its own. */
const upstreamHeader = text("the name of a header", refuseHeader);

function refuseHeader(name: string): string | undefined {
  const refusal = refuseFieldName(name);
  if (refusal !== undefined) return refusal;
  if (name.includes("_")) return `${quoted(name)} has an underscore, which some servers read as "-"`;
  if ((fieldName(name).kind & Kind.identity) !== 0)
    return `${name} is set by the gateway for every credential`;
  if ((fieldName(name).kind & Kind.secured) !== 0) return `${name} has a meaning of its own`;
  return undefined;
}

const claim = filled("the name of a claim");

const key = z
  .strictObject({
    kid: filled("a key id")
      .optional()
      .describe("The `kid` of tokens that this key verifies; without it, of tokens with any."),
    secret: filled("a secret")
      .optional()
      .describe("Shared secret for HS256, HS384 or HS512: at least 32, 48 or 64 bytes."),
    encoding: word(["utf8", "base64", "base64url", "hex"])
      .default("utf8")
      .describe("How `secret` writes its bytes."),
    pem: filled("a public key").optional().describe("Public key or certificate, in PEM."),
    jwk: z.record(z.string(), z.unknown()).optional().describe("Public key as a JWK (RFC 7517)."),
    file: filled("a file")
      .optional()
      .describe(
        "File with a PEM, a JWK or a JWK Set, relative to the config; its change is a change of the config.",
      ),
  })
  .check(({ value, issues }) => {
    const given = [value.secret, value.pem, value.jwk, value.file].filter((one) => one !== undefined);
    if (given.length === 1) return;
    const message = `a key is one of secret, pem, jwk and file, found ${given.length === 0 ? "none" : given.length} of them`;
    issues.push({ code: "custom", input: value, message });
  });

const jwks = z
  .strictObject({
    url: text("a URL", (value) => refuseUrl(value)).describe("Where the issuer publishes its keys."),
    allowPrivate: z
      .boolean()
      .default(false)
      .describe("Whether it may be at a private or local address, as an issuer inside a cluster is."),
    allowHttp: z.boolean().default(false).describe("Whether it may be fetched without TLS."),
    ca: filled("a file")
      .optional()
      .describe("PEM file with the certificates to trust, instead of the system's."),
  })
  .check(({ value: { url, allowPrivate, allowHttp }, issues }) => {
    const refuse = (message: string) => issues.push({ code: "custom", input: url, path: ["url"], message });
    const { protocol, hostname } = new URL(url);
    if (protocol === "http:" && !allowHttp)
      refuse("keys that come over http could be anybody's; use https, or set allowHttp: true");
    if (!allowPrivate && isLocal(hostname))
      refuse(
        `${hostname} is a private or local address; set allowPrivate: true if the issuer is meant to be there`,
      );
  });

/** Forms that people and URL parsers read in different ways are refused (SSRF-3). */
function refuseUrl(value: string): string | undefined {
  const url = /[\\\s]/.test(value) ? null : URL.parse(value);
  if (url === null || !/^https?:\/\//i.test(value)) return `expected an https URL, ${found(value)}`;
  if (url.username !== "" || url.password !== "") return "expected a URL without a user name or password";
  if (url.hash !== "") return "expected a URL without #";
  return undefined;
}

/** `hostname` as `URL` writes it: every way to write an address has become the usual one. */
function isLocal(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "");
  if (isIP(bare) !== 0) return !isPublicAddress(bare);
  return /(?:^|\.)(?:localhost|internal|local)\.?$/.test(bare);
}

const issuer = z
  .strictObject({
    issuer: filled("an issuer").describe("The `iss` of its tokens, letter for letter."),
    audience: z
      .union([filled("an audience"), distinct(filled("an audience")).min(1), z.literal(false)], {
        error: ({ input }) =>
          `expected the name of this API in the tokens, or a list of them, ${found(input)}`,
      })
      .describe(
        "Names of this API: one must be in `aud`. `false` takes tokens for anybody, for issuers that write no `aud`.",
      ),
    algorithms: distinct(word(ALGORITHMS))
      .min(1)
      .optional()
      .describe(
        "Algorithms to accept. When left out: what each key says in `alg`, else HS256 for secrets, RS256 for RSA, and the one of its curve.",
      ),
    keys: z.array(key).min(1).optional().describe("Keys that verify its tokens. Either these or `jwks`."),
    jwks: jwks.optional().describe("Keys that the issuer publishes (JWK Set)."),
    type: word(["at+jwt", "any"])
      .default("at+jwt")
      .describe(
        "`at+jwt`: access tokens of RFC 9068 only. `any`: also plain JWTs (`typ` JWT or none); an ID token passes for an access token then.",
      ),
    clockSkew: duration({ min: "0s", max: "60s" })
      .prefault("60s")
      .describe("How far clocks may differ for `exp`, `nbf` and `iat`."),
    maxAge: duration({ min: "1s", max: "3650d" })
      .optional()
      .describe("Refuse tokens whose `iat` is longer ago, however long they are valid."),
    requiredClaims: distinct(claim)
      .prefault([])
      .describe("Claims that must be there besides those of `type`."),
    claims: z
      .strictObject({
        consumer: claim.default("sub").describe("Who is calling."),
        scopes: claim
          .optional()
          .describe("Scopes, as a list or separated by spaces; `scope` or else `scp` when left out."),
        roles: claim.default("roles").describe("Roles, as a list or separated by spaces."),
        plan: claim.optional().describe("Plan that limits depend on."),
      })
      .prefault({})
      .describe(
        "Which claim says what. Dots lead into objects (`realm_access.roles`) where no claim has that name.",
      ),
    consumerPrefix: text("text", () => undefined)
      .default("")
      .describe("Put before the consumer, so that two issuers' users are never taken for each other."),
  })
  .check(({ value, issues }) => {
    const refuse = (path: string, message: string) =>
      issues.push({ code: "custom", input: value, path: [path], message });
    if ((value.keys === undefined) === (value.jwks === undefined))
      refuse("keys", "an issuer has either keys or jwks");
    const symmetric = value.algorithms?.find((name) => name.startsWith("HS"));
    if (value.jwks !== undefined && symmetric !== undefined)
      refuse("algorithms", `${symmetric} needs a shared secret, which is never published; use keys`);
    if (value.audience === false && value.type === "at+jwt")
      refuse(
        "audience",
        "audience: false needs type: any, since access tokens of RFC 9068 name their audience",
      );
  });

export const jwtOptions = z.strictObject({
  issuers: z
    .array(issuer)
    .min(1)
    .check(({ value, issues }) => {
      value.forEach((one, index) => {
        if (value.findIndex((other) => other.issuer === one.issuer) === index) return;
        const message = `${quoted(one.issuer)} is listed twice; put all its keys into one entry`;
        issues.push({ code: "custom", input: one, path: [index, "issuer"], message });
      });
    })
    .describe("Who may issue tokens, each with keys of its own."),
  optional: z
    .boolean()
    .default(false)
    .describe("Calls without a token pass, as nobody; a token that is there must still be good."),
  realm: realm.default("api").describe("Named in `WWW-Authenticate`."),
  resourceMetadata: text(
    "a URL",
    (value) =>
      refuseUrl(value) ??
      (/^[!#-[\]-~]+$/.test(value) ? undefined : `expected a URL in ASCII, ${found(value)}`),
  )
    .optional()
    .describe("URL of the metadata of this API (RFC 9728), for clients that look up who issues its tokens."),
  header: tokenHeader
    .default("Authorization")
    .describe("Where the token is: behind `Bearer` in `Authorization`, alone in any other."),
  forward: z.boolean().default(false).describe("Whether the upstream gets the token, too."),
  upstreamHeaders: z
    .record(upstreamHeader, claim)
    .check(({ value, issues }) => {
      const seen = new Set<string>();
      for (const name of Object.keys(value)) {
        const message = `${name} is written twice; header names ignore case`;
        if (seen.has(name.toLowerCase())) issues.push({ code: "custom", input: name, path: [name], message });
        seen.add(name.toLowerCase());
      }
    })
    .prefault({})
    .describe(
      "Headers for the upstream, each with the claim that it holds. What clients send under these names is dropped.",
    ),
  cache: whole(0, 1_000_000).default(10_000).describe("Verified tokens to remember, in each thread."),
});

export type JwtOptions = z.output<typeof jwtOptions>;
export type IssuerOptions = z.output<typeof issuer>;
export type KeyOptions = z.output<typeof key>;
export type JwksOptions = z.output<typeof jwks>;
