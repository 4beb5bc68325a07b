import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { errorCode } from "../harness/ask.ts";
import { fieldsOf } from "../harness/origin.ts";
import { SECRET, type Stand, startStand } from "./stand.ts";
import { AUDIENCE, claimsAt, hmac, ISSUER, type Json, token } from "./tokens.ts";

const sign = hmac(SECRET);
const HEADER = { alg: "HS256", typ: "at+jwt" };
const issuer = (changes: Json = {}): Json => ({
  issuer: ISSUER,
  audience: AUDIENCE,
  keys: [{ secret: SECRET }],
  ...changes,
});

describe("what the upstream is told (JWT-14, AUTH-8)", () => {
  let stand: Stand;
  const upstreamHeaders = {
    "X-User": "sub",
    "X-Tenant": "org.tenant",
    "X-Groups": "groups",
    "X-Data": "data",
  };
  before(async () => {
    stand = await startStand([{ jwt: { optional: true, issuers: [issuer()], upstreamHeaders } }]);
  });
  after(() => stand.stop());

  async function received(changes: Json, fields = ""): Promise<(name: string) => string[]> {
    stand.origin.reset();
    const text = token(HEADER, claimsAt(stand.wall(), changes), sign);
    const response = await stand.ask(`Authorization: Bearer ${text}\r\n${fields}`);
    assert.equal(response.status, 200, response.body.toString());
    const [request] = stand.origin.requests;
    assert.ok(request);
    return (name) => fieldsOf(request, name);
  }

  test("is who calls, with which scopes and roles, and the claims that the config names", async () => {
    const fields = await received({
      jti: "t-1",
      scope: "a b",
      roles: ["editor"],
      org: { tenant: "acme" },
      groups: ["one", "two"],
      data: { n: 1 },
    });
    assert.deepEqual(fields("x-consumer-id"), ["user-1"]);
    assert.deepEqual(fields("x-consumer-token-id"), ["t-1"]);
    assert.deepEqual(fields("x-consumer-scopes"), ["a b"]);
    assert.deepEqual(fields("x-consumer-roles"), ["editor"]);
    assert.deepEqual(fields("x-user"), ["user-1"]);
    assert.deepEqual(fields("x-tenant"), ["acme"]);
    assert.deepEqual(fields("x-groups"), ["one,two"]);
    assert.deepEqual(fields("x-data"), ['{"n":1}']);
    assert.deepEqual(fields("authorization"), []);
  });

  test("never what the client says in their place, with or without a token", async () => {
    const forged =
      "X-User: admin\r\nx-user: root\r\nX-Tenant: evil\r\nX-Consumer-Id: admin\r\nX-Consumer-Roles: admin\r\n";
    const fields = await received({}, forged);
    assert.deepEqual(fields("x-user"), ["user-1"]);
    assert.deepEqual(fields("x-tenant"), []);
    assert.deepEqual(fields("x-consumer-id"), ["user-1"]);
    assert.deepEqual(fields("x-consumer-roles"), []);
    stand.origin.reset();
    assert.equal((await stand.ask(forged)).status, 200);
    assert.doesNotMatch(stand.origin.text.split("GET / ").at(-1) ?? "", /x-user|x-tenant|x-consumer/i);
    assert.equal((await stand.ask("X_User: admin\r\n")).status, 400);
  });

  test("holds no line break, no list of another's making and nothing but ASCII", async () => {
    const fields = await received({
      sub: "a\r\nX-Admin: 1",
      groups: ["a,b", "ü", "100%"],
      org: { tenant: " é\u0000\ud83d\ude00 " },
    });
    assert.deepEqual(fields("x-user"), ["a%0D%0AX-Admin: 1"]);
    assert.deepEqual(fields("x-consumer-id"), ["a%0D%0AX-Admin: 1"]);
    assert.deepEqual(fields("x-admin"), []);
    assert.deepEqual(fields("x-groups"), ["a%2Cb,%C3%BC,100%25"]);
    assert.deepEqual(fields("x-tenant"), ["%20%C3%A9%00%F0%9F%98%80%20"]);
  });

  test("leaves out what is null, empty or not there", async () => {
    const fields = await received({ groups: [], org: { tenant: null }, data: "" });
    for (const name of ["x-groups", "x-tenant", "x-data"]) assert.deepEqual(fields(name), []);
  });

  test("is refused where a claim is too long for a header", async () => {
    const text = token(HEADER, claimsAt(stand.wall(), { data: "x".repeat(4097) }), sign);
    assert.equal(errorCode(await stand.bearer(text)), "INVALID_TOKEN");
  });
});

test("forward: true lets the upstream have the token, and header moves it", async () => {
  const text = (wall: number) => token(HEADER, claimsAt(wall), sign);
  const forwarding = await startStand([{ jwt: { issuers: [issuer()], forward: true } }]);
  const other = await startStand([{ jwt: { issuers: [issuer()], header: "X-Token" } }]);
  try {
    const forwarded = text(forwarding.wall());
    assert.equal((await forwarding.bearer(forwarded)).status, 200);
    assert.deepEqual(fieldsOf(forwarding.origin.requests[0] as never, "authorization"), [
      `Bearer ${forwarded}`,
    ]);
    assert.equal(
      (await other.ask(`X-Token: ${text(other.wall())}\r\nAuthorization: Basic eDp5\r\n`)).status,
      200,
    );
    assert.deepEqual(fieldsOf(other.origin.requests[0] as never, "x-token"), []);
    assert.deepEqual(fieldsOf(other.origin.requests[0] as never, "authorization"), ["Basic eDp5"]);
    assert.equal(errorCode(await other.bearer(text(other.wall()))), "AUTHENTICATION_REQUIRED");
    const twice = `X-Token: ${text(other.wall())}\r\n`.repeat(2);
    assert.equal(errorCode(await other.ask(twice)), "MULTIPLE_CREDENTIALS");
  } finally {
    await forwarding.stop();
    await other.stop();
  }
});

test("two issuers' users are kept apart by consumerPrefix, and nested claims are found by their path", async () => {
  const config = issuer({
    consumerPrefix: "partner:",
    claims: { consumer: "client_id", roles: "realm_access.roles", scopes: "https://claims.example/scopes" },
  });
  const stand = await startStand([{ jwt: { issuers: [config] } }]);
  try {
    const claims = claimsAt(stand.wall(), {
      realm_access: { roles: ["r1"] },
      "https://claims.example/scopes": "s1",
    });
    assert.equal((await stand.bearer(token(HEADER, claims, sign))).status, 200);
    const [request] = stand.origin.requests;
    assert.deepEqual(fieldsOf(request as never, "x-consumer-id"), ["partner:app-1"]);
    assert.deepEqual(fieldsOf(request as never, "x-consumer-roles"), ["r1"]);
    assert.deepEqual(fieldsOf(request as never, "x-consumer-scopes"), ["s1"]);
  } finally {
    await stand.stop();
  }
});
