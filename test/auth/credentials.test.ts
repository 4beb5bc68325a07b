import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { fieldsOf } from "../harness/origin.ts";
import { RawClient } from "../harness/raw.ts";
import { SECRET, type Stand, startStand } from "./stand.ts";
import { AUDIENCE, claimsAt, hmac, ISSUER, type Json, token } from "./tokens.ts";

const KEY = "a-key-that-was-issued-elsewhere";
const keys = [
  {
    id: "k-1",
    hash: `sha256:${createHash("sha256").update(KEY).digest("hex")}`,
    consumer: "acme",
    scopes: ["a"],
  },
];
const HEADER = { alg: "HS256", typ: "at+jwt" };
const jwt = (options: Json = {}): Json => ({
  jwt: { issuers: [{ issuer: ISSUER, audience: AUDIENCE, keys: [{ secret: SECRET }] }], ...options },
});

const ASKS = 'Bearer realm="api"';
const MALFORMED = 'Bearer realm="api", error="invalid_request"';
const BAD_TOKEN = 'Bearer realm="api", error="invalid_token", error_description="The token is not valid"';
const EXPIRED = 'Bearer realm="api", error="invalid_token", error_description="The token has expired"';
const BAD_KEY = 'Bearer realm="api", error="invalid_token", error_description="The API key is not valid."';
/** Of a credential that nobody behind took either. */
const UNCLAIMED = 'Bearer realm="api", error="invalid_token"';

/** `GOOD`, `OLD` and `FORGED` are tokens. */
type Row = readonly [fields: string, outcome: string, challenge?: string];

function table(name: string, policies: readonly Json[], rows: readonly Row[]): void {
  describe(name, () => {
    let stand: Stand;
    before(async () => {
      stand = await startStand(policies, { keys });
    });
    after(() => stand.stop());

    for (const [fields, outcome, challenge] of rows) {
      test(`${JSON.stringify(fields)}: ${outcome}`, async () => {
        stand.origin.reset();
        const sign = hmac(SECRET);
        const written = fields
          .replaceAll("GOOD", token(HEADER, claimsAt(stand.wall(), { scope: "a" }), sign))
          .replaceAll("OLD", token(HEADER, claimsAt(stand.wall(), { exp: 1 }), sign))
          .replaceAll("FORGED", token(HEADER, claimsAt(stand.wall()), hmac("x".repeat(32))));
        const response = await stand.ask(written);
        assert.equal([response.status, errorCode(response)].filter(Boolean).join(" "), outcome);
        assert.equal(response.headers.get("www-authenticate")?.join(), challenge);
        assert.equal(stand.origin.requests.length, response.status === 200 ? 1 : 0);
        for (const request of stand.origin.requests) {
          assert.deepEqual([...fieldsOf(request, "x-api-key"), ...fieldsOf(request, "authorization")], []);
        }
      });
    }
  });
}

const malformed: readonly Row[] = [
  ["Authorization: Bearer\r\n", "400 MALFORMED_CREDENTIALS", MALFORMED],
  ["Authorization: Bearer \r\n", "400 MALFORMED_CREDENTIALS", MALFORMED],
  ["Authorization: Bearer a b\r\n", "400 MALFORMED_CREDENTIALS", MALFORMED],
  ["Authorization: Bearer GOOD, Bearer GOOD\r\n", "400 MALFORMED_CREDENTIALS", MALFORMED],
  ['Authorization: Bearer "GOOD"\r\n', "400 MALFORMED_CREDENTIALS", MALFORMED],
  ["Authorization: Bearer =a\r\n", "400 MALFORMED_CREDENTIALS", MALFORMED],
  ["Authorization: Bearer \xe9\r\n", "400 MALFORMED_CREDENTIALS", MALFORMED],
  ["Authorization: Bearer GOOD\r\nAuthorization: Bearer GOOD\r\n", "400 MULTIPLE_CREDENTIALS", MALFORMED],
  ["Authorization: Bearer GOOD\r\nauthorization: Basic eDp5\r\n", "400 MULTIPLE_CREDENTIALS", MALFORMED],
  ["Authorization: Bearer GOOD\r\nX-API-Key: x\r\n", "400 MULTIPLE_CREDENTIALS", MALFORMED],
  ["X-API-Key: x\r\nAuthorization: Bearer FORGED\r\n", "400 MULTIPLE_CREDENTIALS", MALFORMED],
];

const tokens: readonly Row[] = [
  ["Authorization: Bearer GOOD\r\n", "200"],
  ["Authorization: bearer GOOD\r\n", "200"],
  ["Authorization: BEARER   GOOD\r\n", "200"],
  ["aUTHORIZATION:Bearer GOOD\r\n", "200"],
  ["Authorization: Bearer OLD\r\n", "401 TOKEN_EXPIRED", EXPIRED],
  ["Authorization: Bearer FORGED\r\n", "401 INVALID_TOKEN", BAD_TOKEN],
  ["Authorization: Bearer a.b.c\r\n", "401 INVALID_TOKEN", BAD_TOKEN],
];

table(
  "jwt alone (AUTH-1 … AUTH-4)",
  [jwt()],
  [
    ["", "401 AUTHENTICATION_REQUIRED", ASKS],
    ["Authorization: Basic eDp5\r\n", "401 AUTHENTICATION_REQUIRED", ASKS],
    ["Authorization: GOOD\r\n", "401 AUTHENTICATION_REQUIRED", ASKS],
    ["Authorization: Token GOOD\r\n", "401 AUTHENTICATION_REQUIRED", ASKS],
    ["Authorization:\r\n", "401 AUTHENTICATION_REQUIRED", ASKS],
    ["Cookie: token=GOOD\r\n", "401 AUTHENTICATION_REQUIRED", ASKS],
    [`X-API-Key: ${KEY}\r\n`, "401 AUTHENTICATION_REQUIRED", ASKS],
    ["Authorization: Bearer abc\r\n", "401 INVALID_TOKEN", BAD_TOKEN],
    ["Authorization: Bearer GOOD.x\r\n", "401 INVALID_TOKEN", BAD_TOKEN],
    ["Authorization: Bearer .b.c\r\n", "401 INVALID_TOKEN", BAD_TOKEN],
    ...tokens,
    ...malformed,
  ],
);

table(
  "jwt, optional: nobody may call too, somebody with a bad token may not",
  [jwt({ optional: true })],
  [
    ["", "200"],
    ["Authorization: Bearer abc\r\n", "401 INVALID_TOKEN", UNCLAIMED],
    ["Authorization: Bearer GOOD.x\r\n", "401 INVALID_TOKEN", UNCLAIMED],
    ["Authorization: Bearer .b.c\r\n", "401 INVALID_TOKEN", UNCLAIMED],
    ...tokens,
    ...malformed,
  ],
);

const either: readonly Row[] = [
  ["", "401 AUTHENTICATION_REQUIRED", ASKS],
  [`X-API-Key: ${KEY}\r\n`, "200"],
  [`Authorization: Bearer ${KEY}\r\n`, "200"],
  ["X-API-Key: wrong\r\n", "401 INVALID_API_KEY", BAD_KEY],
  ["Authorization: Bearer wrong\r\n", "401 INVALID_API_KEY", BAD_KEY],
  [`X-API-Key: ${KEY}\r\nAuthorization: Bearer ${KEY}\r\n`, "400 MULTIPLE_CREDENTIALS", MALFORMED],
  [`X-API-Key: ${KEY}\r\nAuthorization: Bearer GOOD\r\n`, "400 MULTIPLE_CREDENTIALS", MALFORMED],
  [`X-API-Key: ${KEY}\r\nX-API-Key: ${KEY}\r\n`, "400 MULTIPLE_CREDENTIALS", MALFORMED],
  ...tokens,
  ...malformed,
];
const authorize = { authorize: { scopes: ["a"] } };
const apiKey = { "api-key": { optional: true } };
table("a key or a token (AUTH-4)", [apiKey, jwt({ optional: true }), authorize], either);
table("a token or a key (AUTH-4)", [jwt({ optional: true }), apiKey, authorize], either);
table(
  "a key or a token, or nobody",
  [apiKey, jwt({ optional: true })],
  either.map((row) => (row[0] === "" ? ["", "200"] : row)),
);

describe("resourceMetadata (AUTH-6)", () => {
  test("is in every challenge for a token, and points to what a fixed route serves", async () => {
    const resourceMetadata = "https://api.example/.well-known/oauth-protected-resource";
    const document = { resource: "https://api.example", authorization_servers: [ISSUER] };
    const stand = await startStand([], {
      routes: [
        { path: "/orders", to: { fixed: { status: 200 } }, policies: [jwt({ resourceMetadata })] },
        { path: "/.well-known/oauth-protected-resource", to: { fixed: { body: document } } },
      ],
    });
    try {
      const challenge = async (fields: string) =>
        (await stand.ask(fields, "/orders")).headers.get("www-authenticate")?.join();
      assert.equal(await challenge(""), `Bearer realm="api", resource_metadata="${resourceMetadata}"`);
      assert.match(
        (await challenge("Authorization: Bearer a.b.c\r\n")) ?? "",
        /error="invalid_token".*resource_metadata=/,
      );
      const served = await stand.ask("", new URL(resourceMetadata).pathname);
      assert.deepEqual(JSON.parse(served.body.toString()), document);
    } finally {
      await stand.stop();
    }
  });
});

describe("a token in the URL (AUTH-5)", () => {
  test("is not looked at, and not written to the log", async () => {
    const stand = await startStand([jwt()]);
    try {
      const text = token(HEADER, claimsAt(stand.wall()), hmac(SECRET));
      const response = await stand.ask("", `/?access_token=${text}&token=${text}`);
      assert.equal(errorCode(response), "AUTHENTICATION_REQUIRED");
      const line = await stand.gateway.logged(({ status }) => status === 401);
      assert.doesNotMatch(JSON.stringify(line), new RegExp(text));
    } finally {
      await stand.stop();
    }
  });
});

describe("an answer to a refused credential", () => {
  test("carries CORS headers (AUTH-14), has no body for HEAD, and leaves the connection in order", async () => {
    const stand = await startStand([{ cors: { origins: ["https://shop.example"] } }, jwt()]);
    try {
      const response = await stand.ask("Origin: https://shop.example\r\nAuthorization: Bearer a.b.c\r\n");
      assert.equal(response.status, 401);
      assert.deepEqual(response.headers.get("access-control-allow-origin"), ["https://shop.example"]);
      const client = await RawClient.to(stand.gateway.port);
      client.send("HEAD / HTTP/1.1\r\nHost: example\r\nAuthorization: Bearer a.b.c\r\n\r\n");
      await client.until(() => client.text.includes("\r\n\r\n"));
      client.send(get("/", "Authorization: Bearer a.b.c\r\n"));
      await client.until(() => client.text.endsWith("}}"));
      assert.match(client.text, /^HTTP\/1\.1 401 [^{]*\r\n\r\nHTTP\/1\.1 401 [^{]*\r\n\r\n\{"error"/);
      client.destroy();
      const preflight = await askOnce(
        stand.gateway.port,
        "OPTIONS / HTTP/1.1\r\nHost: example\r\nOrigin: https://shop.example\r\nAccess-Control-Request-Method: GET\r\n\r\n",
      );
      assert.equal(preflight.status, 204);
    } finally {
      await stand.stop();
    }
  });
});
