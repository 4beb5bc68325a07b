/**
 * Tokens that nobody should take, by the class of the attack: those of the Wycheproof vectors for JWS and of RFC 8725,
 * for every algorithm that is known here.
 */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { type Attack, good, partsOf, TYP } from "./attack.ts";
import {
  brokenEcdsa,
  brokenRsa,
  brokenSignatures,
  confusedKeys,
  foreignAlgorithms,
  unsigned,
} from "./signature-attacks.ts";
import { SIGNERS, type TrustedSigner } from "./stand.ts";
import {
  base64url,
  claimsAt,
  ecdsa,
  ed25519,
  hmac,
  type Json,
  jwkOf,
  pss,
  rsa,
  type Signer,
  signed,
  token,
} from "./tokens.ts";

/** Everything, for a gateway whose clock says `now`; `sink` is a port that must stay silent. */
export function attacksAt(now: number, sink: number): readonly Attack[] {
  return SIGNERS.flatMap((signer) =>
    [unsigned, foreignAlgorithms, brokenSignatures, brokenTexts, headers, documents, types, issuers]
      .flatMap((make) => make(signer, now, sink))
      .map(({ name, ...attack }) => ({ name: `${signer.alg}: ${name}`, ...attack })),
  ).concat(confusedKeys(now), brokenEcdsa(now), brokenRsa(now));
}

function withHeader(signer: TrustedSigner, now: number, header: Json): string {
  return token({ alg: signer.alg, typ: TYP, ...header }, claimsAt(now, { iss: signer.issuer }), signer.sign);
}

/** Texts that a lenient reader takes for the same token. */
function brokenTexts(signer: TrustedSigner, now: number): Attack[] {
  const whole = good(signer, now);
  const [header, payload, signature] = partsOf(whole);
  return [
    ...[0, 1, 2].flatMap((part) => {
      const with_ = (text: string) =>
        [header, payload, signature].map((one, i) => (i === part ? text : one)).join(".");
      const one = [header, payload, signature][part] ?? "";
      return [
        { name: `part ${part} padded`, token: with_(`${one}=`) },
        { name: `part ${part} empty`, token: with_("") },
        { name: `part ${part} in the alphabet of base64`, token: with_(`${one.slice(0, -1)}+`) },
        { name: `part ${part} with a slash`, token: with_(`${one.slice(0, -1)}/`) },
        { name: `part ${part} with a tilde`, token: with_(`~${one}`) },
        { name: `part ${part} with unused bits`, token: with_(nonCanonical(one)) },
        {
          name: `part ${part} a character too long`,
          token: with_(`${one}${one.length % 4 === 0 ? "A" : "AA"}`),
        },
      ];
    }),
    { name: "one part", token: header },
    { name: "two parts", token: `${header}.${payload}` },
    { name: "four parts", token: `${whole}.${signature}` },
    { name: "five parts, as a JWE has", token: `${header}.${payload}.${signature}.${payload}.${signature}` },
    { name: "six parts", token: `${whole}.${whole}` },
    { name: "a dot before", token: `.${whole}` },
    { name: "a dot behind", token: `${whole}.` },
    { name: "dots alone", token: ".." },
    { name: "twice", token: `${whole}${whole}` },
  ];
}

/** The same bytes for a reader who ignores the unused bits of the last character; a letter more where there are none. */
function nonCanonical(part: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  if (part.length % 4 === 0) return `${part}A`;
  const last = alphabet.indexOf(part.at(-1) ?? "A");
  return part.slice(0, -1) + alphabet.charAt(last + 1);
}

/** What a header may say of keys, extensions and compression; the attacker's key has signed where it says of a key. */
function headers(signer: TrustedSigner, now: number, sink: number): Attack[] {
  const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const url = `http://127.0.0.1:${sink}/jwks.json`;
  const jwk = jwkOf(own.publicKey, { kid: "evil", alg: signer.alg });
  const mine = signerLike(signer);
  const brought: [string, Json][] = [
    ["jwk", { jwk: mine.jwk }],
    ["jwk and its kid", { jwk: mine.jwk, kid: "evil" }],
    ["jwk of another type", { jwk }],
    ["jku", { jku: url }],
    ["jku and kid", { jku: url, kid: "evil" }],
    ["x5u", { x5u: url }],
    ["x5c", { x5c: [base64url("a certificate")] }],
    ["x5t", { x5t: base64url("a thumbprint") }],
  ];
  const withKid = [
    "../../../../dev/null",
    "/dev/null",
    "' OR 1=1 --",
    "x'; DROP TABLE keys;--",
    url,
    `file:///etc/passwd`,
  ].map((kid): [string, Json] => [`kid ${kid}`, { kid }]);
  const forged = [...brought, ...withKid].map(([name, header]) => ({
    name: `${name}, signed by the attacker`,
    token: token({ alg: signer.alg, typ: TYP, ...header }, claimsAt(now, { iss: signer.issuer }), mine.sign),
  }));
  const emptySecret = token(
    { alg: "HS256", typ: TYP, kid: "/dev/null" },
    claimsAt(now, { iss: signer.issuer }),
    hmac(""),
  );
  const refused: [string, Json][] = [
    ...[
      [],
      ["exp"],
      ["b64"],
      ["alg"],
      ["crit"],
      "exp",
      null,
      {},
      [1],
      [""],
      ["http://example.com/UNDEFINED"],
    ].map((crit): [string, Json] => [`crit ${JSON.stringify(crit)}`, { crit }]),
    ["an extension that crit names", { crit: ["http://example.com/x"], "http://example.com/x": true }],
    ["b64 true", { b64: true }],
    ["b64 false", { b64: false }],
    ["b64 false and crit", { b64: false, crit: ["b64"] }],
    ["b64 true and crit", { b64: true, crit: ["b64"] }],
    ["zip", { zip: "DEF" }],
    ["enc", { enc: "A256GCM" }],
    ["kid a number", { kid: 1 }],
    ["kid null", { kid: null }],
    ["kid a list", { kid: ["a"] }],
    ["kid an object", { kid: { $ne: null } }],
    ["kid empty", { kid: "" }],
    ["kid of 257 characters", { kid: "k".repeat(257) }],
    ["kid of 5 kB", { kid: "k".repeat(5000) }],
    ["a nested token", { cty: "JWT" }],
    ["cty a list", { cty: ["JWT"] }],
  ];
  return [
    ...forged,
    { name: "kid of an empty file, signed with nothing", token: emptySecret },
    ...refused.map(([name, header]) => ({ name, token: withHeader(signer, now, header) })),
  ];
}

/** A key of the attacker's own, of the same type. */
function signerLike({ alg }: TrustedSigner): { sign: Signer; jwk: Json } {
  const hash = `sha${alg.slice(2)}`;
  const curve = { ES256: "P-256", ES384: "P-384", ES512: "P-521" }[alg];
  if (alg.startsWith("HS")) return { sign: hmac(ATTACKER_SECRET, hash), jwk: ATTACKER_JWK };
  if (alg.startsWith("Ed")) return signerOf(generateKeyPairSync("ed25519"), ed25519);
  if (curve !== undefined)
    return signerOf(generateKeyPairSync("ec", { namedCurve: curve }), (key) => ecdsa(key, hash));
  return signerOf(ATTACKER_RSA, (key) => (alg.startsWith("PS") ? pss(key, hash) : rsa(key, hash)));
}

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

const signerOf = ({ publicKey, privateKey }: Pair, signerFor: (key: KeyObject) => Signer) => ({
  sign: signerFor(privateKey),
  jwk: jwkOf(publicKey, { kid: "evil" }),
});

const ATTACKER_SECRET = Buffer.alloc(64, 7);
const ATTACKER_JWK = { kty: "oct", k: base64url(ATTACKER_SECRET), kid: "evil" };
const ATTACKER_RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** JSON that readers understand in different ways, rightly signed. */
function documents(signer: TrustedSigner, now: number): Attack[] {
  const header = JSON.stringify({ alg: signer.alg, typ: TYP });
  const claims = JSON.stringify(claimsAt(now, { iss: signer.issuer }));
  const inside = (text: string, more: string) => `${text.slice(0, -1)},${more}}`;
  const payloads: [string, string | Buffer][] = [
    ["iss twice", inside(claims, `"iss":${JSON.stringify(signer.issuer)}`)],
    ["sub twice", inside(claims, '"sub":"admin"')],
    ["sub twice, once escaped", inside(claims, '"s\\u0075b":"admin"')],
    ["exp twice", inside(claims, '"exp":9999999999')],
    ["aud twice", inside(claims, '"aud":"x"')],
    ["a member twice further in", inside(claims, '"act":{"sub":"a","sub":"b"}')],
    ["__proto__", inside(claims, '"__proto__":{"scope":"admin"}')],
    ["a byte order mark", `\ufeff${claims}`],
    ["text behind", `${claims} x`],
    ["a second object", `${claims}{}`],
    ["a comma behind the last member", `${claims.slice(0, -1)},}`],
    ["a comment", `${claims.slice(0, -1)}/**/}`],
    ["NUL behind", `${claims}\0`],
    ["a list", `[${claims}]`],
    ["a text", JSON.stringify(claims)],
    ["null", "null"],
    ["a number", "1"],
    ["nothing", ""],
    [
      "broken UTF-8",
      Buffer.concat([Buffer.from(claims.slice(0, -1)), Buffer.from(',"x":"\xff"}', "latin1")]),
    ],
    ["64 levels", inside(claims, `"x":${"[".repeat(64)}${"]".repeat(64)}`)],
    ["a thousand members", inside(claims, Array.from({ length: 1000 }, (_, i) => `"${i}":0`).join(","))],
  ];
  const heads: [string, string][] = [
    ["alg twice", inside(header, `"alg":"${signer.alg}"`)],
    ["alg twice, first none", `{"alg":"none",${header.slice(1)}`],
    ["typ twice", inside(header, `"typ":"${TYP}"`)],
    ["kid twice", inside(header, '"kid":"a","kid":"b"')],
    ["a list", `[${header}]`],
    ["null", "null"],
    ["a text", `"${signer.alg}"`],
    ["a byte order mark", `\ufeff${header}`],
    ["text behind", `${header}x`],
    ["__proto__ with alg", `{"__proto__":{"alg":"${signer.alg}"},"typ":"${TYP}"}`],
  ];
  return [
    ...payloads.map(([name, payload]) => ({
      name: `payload: ${name}`,
      token: signedBytes(header, payload, signer),
    })),
    ...heads.map(([name, head]) => ({ name: `header: ${name}`, token: signed(head, claims, signer.sign) })),
  ];
}

function signedBytes(header: string, payload: string | Buffer, { sign }: TrustedSigner): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${base64url(sign(input))}`;
}

/** Other kinds of tokens of the same issuer, rightly signed (RFC 8725 §2.8). */
function types(signer: TrustedSigner, now: number): Attack[] {
  const others = [
    undefined,
    "",
    "JWT",
    "jwt",
    "application/jwt",
    "id+jwt",
    "dpop+jwt",
    "logout+jwt",
    "secevent+jwt",
    "rt+jwt",
  ];
  const near = [
    "at+jwt ",
    "xat+jwt",
    "at+jwt+x",
    "text/at+jwt",
    "application/at+jwt;v=1",
    "at jwt",
    1,
    null,
    ["at+jwt"],
    {},
  ];
  return [...others, ...near].map((typ) => ({
    name: `typ ${JSON.stringify(typ)}`,
    token: withHeader(signer, now, { typ }),
  }));
}

/** Somebody else's name, under a signature of one's own (JWT-4). */
function issuers(signer: TrustedSigner, now: number): Attack[] {
  const { issuer } = signer;
  const names = [
    `${issuer}/`,
    issuer.toUpperCase(),
    ` ${issuer}`,
    `${issuer}\n`,
    issuer.slice(0, -1),
    "",
    "*",
    null,
    1,
    true,
    [issuer],
    {},
    undefined,
    "__proto__",
    "constructor",
  ];
  return [
    ...names.map((iss) => ({ name: `iss ${JSON.stringify(iss)}`, token: good(signer, now, { iss }) })),
    ...SIGNERS.filter((other) => other.issuer !== issuer).map((other) => ({
      name: `for the issuer of ${other.alg}`,
      token: good(signer, now, { iss: other.issuer }),
    })),
  ];
}
