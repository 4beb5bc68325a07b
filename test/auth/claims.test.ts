import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { errorCode } from "../harness/ask.ts";
import { SECRET, type Stand, startStand } from "./stand.ts";
import { AUDIENCE, claimsAt, hmac, ISSUER, type Json, signed, token } from "./tokens.ts";

const sign = hmac(SECRET);
const HEADER = { alg: "HS256", typ: "at+jwt" };
const issuer = (changes: Json = {}): Json => ({
  issuer: ISSUER,
  audience: AUDIENCE,
  keys: [{ secret: SECRET }],
  ...changes,
});

const PASSES = "200";
const INVALID = "401 INVALID_TOKEN";
const EXPIRED = "401 TOKEN_EXPIRED";

type Row = readonly [name: string, changes: (now: number) => Json, outcome: string];

/** `now` in whole seconds. */
const times: readonly Row[] = [
  ["exp a second ahead", (now) => ({ exp: now + 1 }), PASSES],
  ["exp now", (now) => ({ exp: now }), PASSES],
  ["exp within the skew", (now) => ({ exp: now - 59 }), PASSES],
  ["exp at the end of the skew", (now) => ({ exp: now - 60 }), EXPIRED],
  ["exp beyond the skew", (now) => ({ exp: now - 61 }), EXPIRED],
  ["exp between two seconds, within", (now) => ({ exp: now - 59.5 }), PASSES],
  ["exp between two seconds, beyond", (now) => ({ exp: now - 60.5 }), EXPIRED],
  ["exp zero", () => ({ exp: 0 }), EXPIRED],
  ["exp negative", () => ({ exp: -1 }), EXPIRED],
  ["exp missing", () => ({ exp: undefined }), INVALID],
  ["exp null", () => ({ exp: null }), INVALID],
  ["exp a text", (now) => ({ exp: String(now + 300) }), INVALID],
  ["exp a date", () => ({ exp: "2030-01-01T00:00:00Z" }), INVALID],
  ["exp a list", (now) => ({ exp: [now + 300] }), INVALID],
  ["exp true", () => ({ exp: true }), INVALID],
  ["exp in milliseconds", (now) => ({ exp: (now + 300) * 1000 }), INVALID],
  ["nbf now", (now) => ({ nbf: now }), PASSES],
  ["nbf at the end of the skew", (now) => ({ nbf: now + 60 }), PASSES],
  ["nbf beyond the skew", (now) => ({ nbf: now + 61 }), INVALID],
  ["nbf a text", (now) => ({ nbf: String(now) }), INVALID],
  ["nbf null", () => ({ nbf: null }), INVALID],
  ["nbf negative", () => ({ nbf: -1 }), INVALID],
  ["iat at the end of the skew", (now) => ({ iat: now + 60 }), PASSES],
  ["iat beyond the skew", (now) => ({ iat: now + 61 }), INVALID],
  ["iat long ago", () => ({ iat: 0 }), PASSES],
  ["iat a text", (now) => ({ iat: String(now) }), INVALID],
  ["iat missing", () => ({ iat: undefined }), INVALID],
  ["iat negative", () => ({ iat: -1 }), INVALID],
  ["iat in milliseconds", (now) => ({ iat: now * 1000 }), INVALID],
];

const names: readonly Row[] = [
  ["aud alone", () => ({ aud: AUDIENCE }), PASSES],
  ["aud in a list", () => ({ aud: ["https://other.example", AUDIENCE] }), PASSES],
  ["aud in a list of one", () => ({ aud: [AUDIENCE] }), PASSES],
  ["aud of somebody else", () => ({ aud: "https://other.example" }), INVALID],
  ["aud in another case", () => ({ aud: AUDIENCE.toUpperCase() }), INVALID],
  ["aud with a slash behind", () => ({ aud: `${AUDIENCE}/` }), INVALID],
  ["aud that begins like ours", () => ({ aud: `${AUDIENCE}.evil` }), INVALID],
  ["aud that ours begins with", () => ({ aud: AUDIENCE.slice(0, -1) }), INVALID],
  ["aud with ours among others in one text", () => ({ aud: `${AUDIENCE} https://other.example` }), INVALID],
  ["aud empty", () => ({ aud: "" }), INVALID],
  ["aud an empty list", () => ({ aud: [] }), INVALID],
  ["aud a list within a list", () => ({ aud: [[AUDIENCE]] }), INVALID],
  ["aud an object", () => ({ aud: { [AUDIENCE]: true } }), INVALID],
  ["aud missing", () => ({ aud: undefined }), INVALID],
  ["aud null", () => ({ aud: null }), INVALID],
  ["sub missing", () => ({ sub: undefined }), INVALID],
  ["sub empty", () => ({ sub: "" }), INVALID],
  ["sub a list", () => ({ sub: ["user-1"] }), INVALID],
  ["sub an object", () => ({ sub: { $ne: "" } }), INVALID],
  ["sub null", () => ({ sub: null }), INVALID],
  ["client_id missing", () => ({ client_id: undefined }), INVALID],
  ["jti missing", () => ({ jti: undefined }), INVALID],
  ["scope a text", () => ({ scope: "orders:read  orders:write" }), PASSES],
  ["scope a list", () => ({ scope: ["orders:read", "orders:write"] }), PASSES],
  ["scope empty", () => ({ scope: "" }), PASSES],
  ["scope a number", () => ({ scope: 1 }), INVALID],
  ["scope an object", () => ({ scope: { admin: true } }), INVALID],
  ["scope a list of lists", () => ({ scope: [["admin"]] }), INVALID],
];

describe("claims of an access token (JWT-4, JWT-5, J-03)", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand([{ jwt: { issuers: [issuer()] } }]);
  });
  after(() => stand.stop());

  for (const [name, changes, outcome] of [...times, ...names]) {
    test(`${name}: ${outcome}`, async () => {
      const now = Math.floor(stand.wall() / 1000);
      const response = await stand.bearer(token(HEADER, claimsAt(stand.wall(), changes(now)), sign));
      assert.equal([response.status, errorCode(response)].filter(Boolean).join(" "), outcome);
    });
  }

  test("exp beyond every number is no time", async () => {
    const payload = JSON.stringify(claimsAt(stand.wall())).replace(/"exp":\d+/, '"exp":1e400');
    assert.equal(
      errorCode(await stand.bearer(signed(JSON.stringify(HEADER), payload, sign))),
      "INVALID_TOKEN",
    );
  });

  for (const typ of ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+JWT"]) {
    test(`typ ${typ} is an access token's`, async () => {
      assert.equal((await stand.bearer(token({ ...HEADER, typ }, claimsAt(stand.wall()), sign))).status, 200);
    });
  }

  test("an expired token is named as such, a forged one that has expired too is not", async () => {
    const old = token(HEADER, claimsAt(stand.wall(), { exp: 1 }), sign);
    const response = await stand.bearer(old);
    assert.equal(errorCode(response), "TOKEN_EXPIRED");
    assert.equal(
      response.headers.get("www-authenticate")?.join(),
      'Bearer realm="api", error="invalid_token", error_description="The token has expired"',
    );
    const forged = token(HEADER, claimsAt(stand.wall(), { exp: 1 }), hmac("x".repeat(32)));
    assert.equal(errorCode(await stand.bearer(forged)), "INVALID_TOKEN");
  });

  test("a token that has been seen expires to the second, and without its skew not before", async () => {
    const seconds = Math.floor(stand.wall() / 1000);
    const text = token(HEADER, claimsAt(stand.wall(), { exp: seconds + 10 }), sign);
    assert.equal((await stand.bearer(text)).status, 200);
    stand.gateway.clock.advance((seconds + 69) * 1000 + 999 - stand.wall());
    assert.equal((await stand.bearer(text)).status, 200);
    stand.gateway.clock.advance(1);
    assert.equal(errorCode(await stand.bearer(text)), "TOKEN_EXPIRED");
  });
});

describe("claims of other tokens", () => {
  async function outcomes(config: Json, rows: readonly (readonly [Json, Json, string])[]): Promise<void> {
    const stand = await startStand([{ jwt: { issuers: [issuer(config)] } }]);
    try {
      for (const [header, changes, outcome] of rows) {
        const response = await stand.bearer(
          token({ ...HEADER, ...header }, claimsAt(stand.wall(), changes), sign),
        );
        const name = JSON.stringify([header, changes]);
        assert.equal([response.status, errorCode(response)].filter(Boolean).join(" "), outcome, name);
      }
    } finally {
      await stand.stop();
    }
  }

  const bare = { client_id: undefined, jti: undefined, iat: undefined };

  test("type: any takes plain JWTs, and no other kind of token", () =>
    outcomes({ type: "any" }, [
      [{ typ: "JWT" }, bare, PASSES],
      [{ typ: undefined }, bare, PASSES],
      [{ typ: "at+jwt" }, bare, PASSES],
      [{ typ: "logout+jwt" }, {}, INVALID],
      [{ typ: "dpop+jwt" }, {}, INVALID],
      [{}, { ...bare, aud: undefined }, INVALID],
      [{}, { ...bare, exp: undefined }, INVALID],
      [{}, { ...bare, iss: undefined }, INVALID],
    ]));

  test("audience: false takes tokens for anybody", () =>
    outcomes({ type: "any", audience: false }, [
      [{}, { aud: undefined }, PASSES],
      [{}, { aud: "https://other.example" }, PASSES],
    ]));

  test("one of several audiences will do", () =>
    outcomes({ audience: ["a", "b"] }, [
      [{}, { aud: "b" }, PASSES],
      [{}, { aud: ["c", "a"] }, PASSES],
      [{}, { aud: "a b" }, INVALID],
    ]));

  test("clockSkew: 0s allows for nothing", () => {
    const now = Math.floor(Date.UTC(2026, 10, 22, 12) / 1000);
    return outcomes({ clockSkew: "0s" }, [
      [{}, { exp: now + 1 }, PASSES],
      [{}, { exp: now }, EXPIRED],
      [{}, { nbf: now + 1 }, INVALID],
      [{}, { iat: now + 1 }, INVALID],
    ]);
  });

  test("requiredClaims must be there", () =>
    outcomes({ requiredClaims: ["tenant"] }, [
      [{}, { tenant: "acme" }, PASSES],
      [{}, {}, INVALID],
    ]));

  test("maxAge refuses what was issued too long ago", () => {
    const now = Math.floor(Date.UTC(2026, 10, 22, 12) / 1000);
    return outcomes({ maxAge: "10m" }, [
      [{}, { iat: now - 600 - 60 }, PASSES],
      [{}, { iat: now - 600 - 61 }, EXPIRED],
    ]);
  });
});

test("a token that has been seen grows too old for maxAge to the second", async () => {
  const stand = await startStand([{ jwt: { issuers: [issuer({ maxAge: "10m" })] } }]);
  try {
    const seconds = Math.floor(stand.wall() / 1000);
    const text = token(HEADER, claimsAt(stand.wall(), { exp: seconds + 86_400 }), sign);
    assert.equal((await stand.bearer(text)).status, 200);
    stand.gateway.clock.advance((seconds + 660) * 1000 + 999 - stand.wall());
    assert.equal((await stand.bearer(text)).status, 200);
    stand.gateway.clock.advance(1);
    assert.equal(errorCode(await stand.bearer(text)), "TOKEN_EXPIRED");
  } finally {
    await stand.stop();
  }
});
