import assert from "node:assert/strict";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, test } from "node:test";
import { errorCode } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import type { RawResponse } from "../harness/raw.ts";
import { type IssuerKey, issuer, jwt, local, newKey } from "./issuer-keys.ts";
import { IssuerServer } from "./issuer-server.ts";
import { type Stand, startStand } from "./stand.ts";
import { claimsAt, ecdsa, ecKeys, hmac, type Json, jwkOf, token } from "./tokens.ts";

const MINUTE = 60_000;

describe("published keys (JWT-11)", () => {
  let server: IssuerServer;
  let stand: Stand;
  const first = newKey("first");
  const second = newKey("second");

  beforeEach(async () => {
    server = await IssuerServer.start();
    server.keys = [first.jwk];
    stand = await startStand([jwt(issuer(local(server.url)))]);
  });
  afterEach(async () => {
    await stand.stop();
    await server.stop();
  });

  const ask = (key: IssuerKey, claims?: Json): Promise<RawResponse> =>
    stand.bearer(key.token(stand.wall(), claims));
  const outcome = async (key: IssuerKey): Promise<string> => {
    const response = await ask(key);
    return errorCode(response) ?? String(response.status);
  };
  const unknown = () => outcome({ ...first, token: (wall) => newKey(randomUUID()).token(wall) });

  test("are fetched once for any number of calls", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => outcome(first)));
    assert.deepEqual(new Set(answers), new Set(["200"]));
    assert.equal(server.fetches, 1);
  });

  test("that are new are found: one fetch, then no more for half a minute", async () => {
    assert.equal(await outcome(first), "200");
    stand.gateway.clock.advance(30_000);
    server.keys = [first.jwk, second.jwk];
    assert.equal(await outcome(second), "200");
    assert.equal(server.fetches, 2);
    assert.equal(await outcome(first), "200");
    assert.equal(await unknown(), "INVALID_TOKEN");
    assert.equal(server.fetches, 2);
  });

  test("that are made up cause one fetch per half a minute, however many they are", async () => {
    assert.equal(await outcome(first), "200");
    for (const expected of [2, 3, 4]) {
      stand.gateway.clock.advance(30_000);
      const answers = await Promise.all(Array.from({ length: 40 }, unknown));
      assert.deepEqual(new Set(answers), new Set(["INVALID_TOKEN"]));
      assert.equal(server.fetches, expected);
    }
  });

  test("that are gone verify nothing any more, not even a token that was seen before", async () => {
    const text = first.token(stand.wall());
    assert.equal((await stand.bearer(text)).status, 200);
    server.keys = [second.jwk];
    stand.gateway.clock.advance(30_000);
    assert.equal(await outcome(second), "200");
    assert.equal(errorCode(await stand.bearer(text)), "INVALID_TOKEN");
  });

  test("are fetched anew before their ten minutes are over, without a call waiting", async () => {
    assert.equal(await outcome(first), "200");
    stand.gateway.clock.advance(7 * MINUTE);
    assert.equal(server.fetches, 1);
    stand.gateway.clock.advance(1 * MINUTE);
    await eventually("a second fetch", () => server.fetches === 2);
  });

  test("live as long as Cache-Control says, between a minute and an hour", async () => {
    for (const [cacheControl, early, late] of [
      ["public, max-age=300", 239_000, 240_000],
      ["max-age=1", 47_000, 48_000],
      ["no-store", 47_000, 48_000],
      ["max-age=99999", 2_879_000, 2_880_000],
    ] as const) {
      const other = await IssuerServer.start();
      other.keys = [first.jwk];
      other.cacheControl = cacheControl;
      const own = await startStand([jwt(issuer(local(other.url)))]);
      try {
        assert.equal((await own.bearer(first.token(own.wall()))).status, 200);
        own.gateway.clock.advance(early);
        assert.equal((await own.bearer(first.token(own.wall()))).status, 200);
        assert.equal(other.fetches, 1, cacheControl);
        own.gateway.clock.advance(late - early);
        await eventually(`a second fetch with ${cacheControl}`, () => other.fetches === 2);
      } finally {
        await own.stop();
        await other.stop();
      }
    }
  });

  test("outlive their issuer by an hour, then nobody can tell (AUTH-12)", async () => {
    assert.equal(await outcome(first), "200");
    server.answer = (_, response) => response.writeHead(500).end();
    stand.gateway.clock.advance(10 * MINUTE);
    assert.equal(await outcome(first), "200");
    stand.gateway.clock.advance(59 * MINUTE);
    assert.equal(await outcome(first), "200");
    assert.equal(await unknown(), "AUTH_UNAVAILABLE");
    stand.gateway.clock.advance(1 * MINUTE);
    const response = await ask(first);
    assert.equal(response.status, 503);
    assert.match(response.headers.get("retry-after")?.join() ?? "", /^[1-9][0-9]?$/);
    server.answer = null;
    await eventually("the keys are back", async () => {
      stand.gateway.clock.advance(1000);
      return (await outcome(first)) === "200";
    });
  });

  test("are shared by all routes that name them", async () => {
    const policies = [jwt(issuer(local(server.url)))];
    const to = { fixed: { status: 200 } };
    const both = await startStand([], {
      routes: [
        { path: "/a", to, policies },
        { path: "/b", to, policies },
      ],
    });
    try {
      const before = server.fetches;
      assert.equal((await both.bearer(first.token(both.wall()), "/a")).status, 200);
      assert.equal((await both.bearer(first.token(both.wall()), "/b")).status, 200);
      assert.equal(server.fetches, before + 1);
    } finally {
      await both.stop();
    }
  });

  test("are good for signatures only, of the algorithm that they name, and public", async () => {
    const { publicKey, privateKey } = ecKeys();
    const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const secret = Buffer.alloc(32, 1);
    server.keys = [
      first.jwk,
      jwkOf(publicKey, { kid: "enc", use: "enc" }),
      jwkOf(publicKey, { kid: "ops", key_ops: ["deriveKey"] }),
      jwkOf(publicKey, { kid: "alg", alg: "ES384" }),
      jwkOf(privateKey, { kid: "private" }),
      jwkOf(weak.publicKey, { kid: "weak" }),
      { kty: "oct", kid: "oct", k: secret.toString("base64url") },
      { kty: "EC", crv: "secp256k1", kid: "curve", x: first.jwk["x"], y: first.jwk["y"] },
      { kty: "EC", crv: "P-256", kid: "off", x: first.jwk["x"], y: first.jwk["x"] },
      { kid: "nothing" },
      null as never,
    ];
    assert.equal(await outcome(first), "200");
    for (const kid of ["enc", "ops", "alg", "private", "weak", "curve", "off", "nothing"]) {
      const text = token({ alg: "ES256", typ: "at+jwt", kid }, claimsAt(stand.wall()), ecdsa(privateKey));
      assert.equal(errorCode(await stand.bearer(text)), "INVALID_TOKEN", kid);
    }
    const symmetric = token(
      { alg: "HS256", typ: "at+jwt", kid: "oct" },
      claimsAt(stand.wall()),
      hmac(secret),
    );
    assert.equal(errorCode(await stand.bearer(symmetric)), "INVALID_TOKEN");
  });

  test("need no kid where there is one that suits, and a kid where there are two", async () => {
    const { publicKey, privateKey } = ecKeys();
    const bare = (wall: number) => token({ alg: "ES256", typ: "at+jwt" }, claimsAt(wall), ecdsa(privateKey));
    server.keys = [jwkOf(publicKey, { kid: "one" })];
    assert.equal((await stand.bearer(bare(stand.wall()))).status, 200);
    server.keys = [jwkOf(publicKey, { kid: "one" }), second.jwk];
    stand.gateway.clock.advance(30_000);
    assert.equal(await outcome(second), "200");
    assert.equal(errorCode(await stand.bearer(bare(stand.wall()))), "INVALID_TOKEN");
  });
});
