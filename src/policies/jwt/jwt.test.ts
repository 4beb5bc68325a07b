import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { claimsAt, hmac, token } from "../../../test/auth/tokens.ts";
import { askOnce, errorCode, get } from "../../../test/harness/ask.ts";
import { startGateway } from "../../../test/harness/gateway.ts";
import { noIdempotency } from "../../core/idempotency.ts";
import { noKeys } from "../../core/keys.ts";
import { noMetrics } from "../../core/metrics.ts";
import { noRevocations } from "../../core/revocations.ts";
import { ownMemory } from "../../core/shared-memory.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { jwt } from "./jwt.ts";

const tools = (files: Readonly<Record<string, string>> = {}): PolicyTools => ({
  clock: { now: () => 0, wall: () => 0 },
  ticker: { subscribe: () => () => {} },
  log: { info: () => {}, warn: () => {}, error: () => {} },
  metrics: noMetrics,
  counters: null as never,
  keys: noKeys,
  revocations: noRevocations,
  idempotency: noIdempotency,
  shared: ownMemory(),
  random: Math.random,
  offer: () => {},
  pseudonym: "turnpike-test",
  place: "test/jwt",
  readFile: (file) => {
    const text = files[file];
    if (text === undefined) throw Object.assign(new Error("no"), { code: "ENOENT" });
    return Buffer.from(text);
  },
  onRefusal: () => {},
  onClose: () => {},
});

const issuer = (changes: object): object => ({ issuer: "https://i.example", audience: "api", ...changes });

/** What the config's author reads; empty where there is nothing to say. */
function refusal(options: object, files?: Readonly<Record<string, string>>): string {
  const result = jwt.options.safeParse(options);
  if (!result.success) {
    const [issue] = result.error.issues;
    const inside = issue?.code === "invalid_key" ? issue.issues[0] : issue;
    return `${issue?.path.join(".")}: ${inside?.message}`;
  }
  try {
    jwt.create(result.data, tools(files));
    return "";
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

const pem = (key: KeyObject, type: "spki" | "pkcs8" = "spki"): string =>
  key.export({ type, format: "pem" }).toString();
const rsa = (modulusLength: number, publicExponent = 65537) =>
  generateKeyPairSync("rsa", { modulusLength, publicExponent });
const ec = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
const p256 = ec("P-256");
const rsa2048 = rsa(2048);
const jwkOf = (key: KeyObject, members: object = {}) => ({ ...key.export({ format: "jwk" }), ...members });
const SECRET = "0123456789abcdef0123456789abcdef";

describe("jwt: keys of a config (JWT-7)", () => {
  const keys = (key: object, algorithms?: string[]) => ({ issuers: [issuer({ keys: [key], algorithms })] });

  const good: readonly (readonly [string, object, string[]?])[] = [
    ["a secret of 32 bytes", { secret: SECRET }],
    ["a secret of 64 bytes for HS512", { secret: SECRET.repeat(2) }, ["HS512"]],
    ["a secret in hex", { secret: Buffer.from(SECRET).toString("hex").toUpperCase(), encoding: "hex" }],
    [
      "a secret in base64",
      { secret: `${Buffer.from(`${SECRET}12`).toString("base64")}`, encoding: "base64" },
    ],
    ["a secret in base64url", { secret: Buffer.from(SECRET).toString("base64url"), encoding: "base64url" }],
    ["RSA of 2048 bits", { pem: pem(rsa2048.publicKey) }],
    ["RSA of PKCS #1", { pem: rsa2048.publicKey.export({ type: "pkcs1", format: "pem" }).toString() }],
    ["P-256", { jwk: jwkOf(p256.publicKey) }],
    ["P-384", { pem: pem(ec("P-384").publicKey) }],
    ["P-521", { pem: pem(ec("P-521").publicKey) }],
    ["Ed25519", { jwk: jwkOf(generateKeyPairSync("ed25519").publicKey, { alg: "EdDSA" }) }],
  ];
  for (const [name, key, algorithms] of good) {
    test(`take ${name}`, () => assert.equal(refusal(keys(key, algorithms)), ""));
  }

  const bad: readonly (readonly [string, object, RegExp, string[]?])[] = [
    ["a secret of 31 bytes", { secret: SECRET.slice(1) }, /31 bytes; HS256 needs 32/],
    ["a secret of 32 bytes for HS512", { secret: SECRET }, /32 bytes; HS512 needs 64/, ["HS512"]],
    ["a secret of 32 bytes for one of two", { secret: SECRET }, /HS384 needs 48/, ["HS256", "HS384"]],
    ["32 digits of hex", { secret: "00".repeat(16), encoding: "hex" }, /16 bytes/],
    ["what is no hex", { secret: `${"00".repeat(32)}zz`, encoding: "hex" }, /is not hex/],
    ["what is no base64", { secret: `${"A".repeat(44)}!`, encoding: "base64" }, /is not base64/],
    ["a public key as a secret", { secret: pem(rsa2048.publicKey) }, /a public key is no secret/],
    ["an empty secret", { secret: "" }, /expected a secret/],
    ["a private key", { pem: pem(p256.privateKey, "pkcs8") }, /private key/],
    ["a private JWK", { jwk: jwkOf(p256.privateKey) }, /JWK is private/],
    ["a secret as a JWK", { jwk: { kty: "oct", k: "AAAA" } }, /write it under secret/],
    ["RSA of 1024 bits", { pem: pem(rsa(1024).publicKey) }, /1024 bits; it must have 2048 to 8192/],
    ["RSA with an exponent of 1", { jwk: jwkOf(rsa2048.publicKey, { e: "AQ" }) }, /exponent/],
    ["RSA with an even exponent", { jwk: jwkOf(rsa2048.publicKey, { e: "BA" }) }, /exponent/],
    ["secp256k1", { pem: pem(ec("secp256k1").publicKey) }, /secp256k1; known are/],
    ["X25519", { pem: pem(generateKeyPairSync("x25519").publicKey) }, /x25519; known are/],
    [
      "a point off the curve",
      { jwk: { ...jwkOf(p256.publicKey), y: jwkOf(p256.publicKey)["x" as never] } },
      /not a public key/,
    ],
    ["a JWK for encryption", { jwk: jwkOf(p256.publicKey, { use: "enc" }) }, /not for verifying/],
    ["a JWK for ECDH", { jwk: jwkOf(p256.publicKey, { alg: "ECDH-ES" }) }, /does not sign tokens/],
    ["a JWK whose alg is of another type", { jwk: jwkOf(p256.publicKey, { alg: "RS256" }) }, /suits none/],
    [
      "a key that no algorithm suits",
      { jwk: jwkOf(p256.publicKey) },
      /\(P-256\) suits none of the algorithms RS256/,
      ["RS256"],
    ],
    ["text", { pem: "hello" }, /no public key or certificate in PEM/],
    ["a file that is not there", { file: "gone.pem" }, /"gone.pem" does not exist/],
    ["two things at once", { secret: SECRET, pem: "x" }, /one of secret, pem, jwk and file, found 2/],
    ["nothing", {}, /found none of them/],
    ["an algorithm that is none", { secret: SECRET }, /expected HS256.*found "none"/, ["none"]],
  ];
  for (const [name, key, expected, algorithms] of bad) {
    test(`refuse ${name}`, () => {
      const message = refusal(keys(key, algorithms));
      assert.match(message, expected);
      assert.doesNotMatch(message, /0123456789abcdef/);
    });
  }

  test("may be in files: PEM, JWK and JWK Set", () => {
    const set = { keys: [jwkOf(p256.publicKey, { kid: "a" }), jwkOf(rsa2048.publicKey, { kid: "b" })] };
    const files = {
      pem: pem(p256.publicKey),
      jwk: JSON.stringify(jwkOf(p256.publicKey)),
      set: JSON.stringify(set),
    };
    for (const file of Object.keys(files)) assert.equal(refusal(keys({ file }), files), "");
    assert.match(refusal(keys({ file: "x" }), { x: "null" }), /"x": the JWK is not an object/);
    assert.match(refusal(keys({ file: "x" }), { x: "{" }), /"x": line 1/);
  });

  test("must be told apart: by their kid, or because there is one for each algorithm", () => {
    const several = (...list: object[]) => refusal({ issuers: [issuer({ keys: list })] });
    assert.equal(several({ secret: SECRET }, { pem: pem(p256.publicKey) }), "");
    assert.equal(several({ kid: "a", secret: SECRET }, { kid: "b", secret: `${SECRET}x` }), "");
    assert.match(several({ secret: SECRET }, { secret: `${SECRET}x` }), /have no kid/);
    assert.match(
      several({ kid: "a", secret: SECRET }, { kid: "a", secret: `${SECRET}x` }),
      /have the kid "a"/,
    );
  });
});

describe("jwt: addresses of published keys (SSRF-3, W-01)", () => {
  const at = (url: string, more: object = {}) => refusal({ issuers: [issuer({ jwks: { url, ...more } })] });

  const refused: readonly string[] = [
    ...[
      "127.0.0.1",
      "localhost",
      "LOCALHOST",
      "localhost.",
      "a.localhost",
      "127.1",
      "2130706433",
      "0x7f.1",
      "0x7f000001",
    ],
    ...[
      "017700000001",
      "0177.0.0.1",
      "10.0.0.1",
      "172.16.0.1",
      "192.168.1.1",
      "100.64.0.1",
      "169.254.169.254",
      "0.0.0.0",
      "0",
    ],
    ...[
      "224.0.0.1",
      "255.255.255.255",
      "198.18.0.1",
      "192.0.2.1",
      "203.0.113.9",
      "metadata.google.internal",
      "printer.local",
    ],
    ...[
      "[::1]",
      "[::]",
      "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
      "[64:ff9b::7f00:1]",
      "[fe80::1]",
      "[fd00:ec2::254]",
      "[ff02::1]",
    ],
    ...["[2002:7f00:1::]", "[2001:db8::1]", "127。0。0。1", "ⓛocalhost", "127.0.0.1.", "①②⑦.0.0.1"],
  ];
  for (const host of refused) {
    test(`refuse https://${host}/`, () =>
      assert.match(at(`https://${host}/keys`), /private or local address/));
  }

  const malformed = [
    "",
    "keys.json",
    "/keys",
    "//issuer.example/keys",
    "ftp://issuer.example/keys",
    "file:///etc/passwd",
    "gopher://issuer.example/",
    "data:application/json,{}",
    "javascript:1",
    "https:/issuer.example/",
    "https:\\\\issuer.example\\keys",
    "https://issuer.example\\@127.0.0.1/",
    "https://user@issuer.example/",
    "https://user:secret@issuer.example/",
    "https://127.0.0.1%2f@issuer.example/",
    "https://issuer.example/#keys",
    "https://issuer.example/ x",
    " https://issuer.example/",
    "https://",
  ];
  for (const url of malformed) {
    test(`refuse ${JSON.stringify(url)}`, () => {
      assert.match(at(url), /expected (?:an? (?:https )?URL)/);
      assert.doesNotMatch(at(url), /secret/);
    });
  }

  test("take https, and http or a private address where the config says so", () => {
    assert.equal(at("https://issuer.example/keys"), "");
    assert.equal(at("https://issuer.example:8443/keys?tenant=a"), "");
    assert.match(at("http://issuer.example/keys"), /use https, or set allowHttp/);
    assert.equal(at("http://issuer.example/keys", { allowHttp: true }), "");
    assert.equal(at("https://10.0.0.1/keys", { allowPrivate: true }), "");
    assert.match(at("http://10.0.0.1/keys", { allowPrivate: true }), /allowHttp/);
  });
});

describe("jwt: options", () => {
  const keys = [{ secret: SECRET }];
  const refused: readonly (readonly [string, object, RegExp])[] = [
    ["no issuer", { issuers: [] }, /issuers/],
    ["an issuer without keys", { issuers: [issuer({})] }, /either keys or jwks/],
    [
      "keys and jwks",
      { issuers: [issuer({ keys, jwks: { url: "https://i.example/" } })] },
      /either keys or jwks/,
    ],
    ["an issuer twice", { issuers: [issuer({ keys }), issuer({ keys })] }, /listed twice/],
    [
      "a shared secret's algorithm with jwks",
      { issuers: [issuer({ algorithms: ["HS256"], jwks: { url: "https://i.example/" } })] },
      /HS256 needs a shared secret/,
    ],
    ["no audience", { issuers: [issuer({ keys, audience: undefined })] }, /name of this API/],
    ["an empty list of audiences", { issuers: [issuer({ keys, audience: [] })] }, /audience/],
    ["any audience for access tokens", { issuers: [issuer({ keys, audience: false })] }, /needs type: any/],
    ["a skew of more than a minute", { issuers: [issuer({ keys, clockSkew: "61s" })] }, /between 0s and 60s/],
    ["a realm with a line break", { issuers: [issuer({ keys })], realm: "a\r\nb" }, /ASCII/],
    ["Host for a claim", { issuers: [issuer({ keys })], upstreamHeaders: { Host: "sub" } }, /Host/],
    [
      "Content-Length for a claim",
      { issuers: [issuer({ keys })], upstreamHeaders: { "Content-Length": "sub" } },
      /frames/,
    ],
    [
      "Connection for a claim",
      { issuers: [issuer({ keys })], upstreamHeaders: { connection: "sub" } },
      /connection/i,
    ],
    [
      "X-Forwarded-For for a claim",
      { issuers: [issuer({ keys })], upstreamHeaders: { "X-Forwarded-For": "sub" } },
      /set by the gateway/,
    ],
    [
      "X-Consumer-Id for a claim",
      { issuers: [issuer({ keys })], upstreamHeaders: { "X-Consumer-Id": "sub" } },
      /set by the gateway/,
    ],
    [
      "Authorization for a claim",
      { issuers: [issuer({ keys })], upstreamHeaders: { Authorization: "sub" } },
      /meaning of its own/,
    ],
    ["an underscore", { issuers: [issuer({ keys })], upstreamHeaders: { X_User: "sub" } }, /underscore/],
    [
      "a name with a line break",
      { issuers: [issuer({ keys })], upstreamHeaders: { "X-A\r\nX-B": "sub" } },
      /not a header name/,
    ],
    [
      "a header twice",
      { issuers: [issuer({ keys })], upstreamHeaders: { "X-A": "sub", "x-a": "sub" } },
      /twice/,
    ],
    ["a token in Cookie", { issuers: [issuer({ keys })], header: "Cookie" }, /meaning of its own/],
  ];
  for (const [name, options, expected] of refused) {
    test(`refuse ${name}`, () => assert.match(refusal(options), expected));
  }
});

describe("the example of jwt", () => {
  test("lets tokens in, and everybody into the catalogue who shows no bad one", async () => {
    const secret = "a secret of thirty-two bytes, or more";
    const text = readFileSync(join(import.meta.dirname, "jwt.example.yaml"), "utf8");
    const config = parse(text.replaceAll(/\$\{JWT_SECRET\}/g, secret)) as Record<string, unknown>;
    const gateway = await startGateway(config, { time: "by hand" });
    const claims = { iss: "https://login.example.com", aud: "https://api.example.com" };
    const good = token({ alg: "HS256", typ: "at+jwt" }, claimsAt(gateway.clock.wall(), claims), hmac(secret));
    const ask = async (path: string, credential: string): Promise<string | number> => {
      const fields = credential === "" ? "" : `Authorization: Bearer ${credential}\r\n`;
      const response = await askOnce(gateway.port, get(path, fields));
      return errorCode(response) ?? response.status;
    };
    try {
      assert.equal(await ask("/orders/1", good), 200);
      assert.equal(await ask("/orders/1", ""), "AUTHENTICATION_REQUIRED");
      assert.equal(await ask("/catalogue/1", good), 200);
      assert.equal(await ask("/catalogue/1", ""), 200);
      assert.equal(await ask("/catalogue/1", `${good}x`), "INVALID_TOKEN");
    } finally {
      await gateway.stop();
    }
  });
});
