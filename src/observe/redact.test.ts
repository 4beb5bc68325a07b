import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isSecretField, redactMessage, redactPath, redactQuery, redactText } from "./redact.ts";

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

const NAMES: readonly string[] = [
  "access_token",
  "api_key",
  "apikey",
  "key",
  "code",
  "client_secret",
  "client_assertion",
  "token",
  "refresh_token",
  "id_token",
  "password",
  "secret",
  "signature",
  "sig",
];

const percentEncoded = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

describe("redactQuery", () => {
  for (const name of NAMES) {
    test(`hides the value of ${name}, however the name is spelled`, () => {
      for (const spelling of [
        name,
        name.toUpperCase(),
        percentEncoded(name),
        `${percentEncoded(name.charAt(0))}${name.slice(1)}`,
      ]) {
        assert.equal(redactQuery(`?a=1&${spelling}=canary&b=2`), `?a=1&${spelling}=[redacted]&b=2`);
        assert.equal(redactQuery(`?${spelling}=canary`), `?${spelling}=[redacted]`);
      }
    });
  }

  const hidden: readonly [query: string, shown: string][] = [
    ["?%61pi_key=canary", "?%61pi_key=[redacted]"],
    ["?api%5Fkey=canary", "?api%5Fkey=[redacted]"],
    ["?api-key=canary", "?api-key=[redacted]"],
    ["?X-Api-Key=canary", "?X-Api-Key=[redacted]"],
    ["?token=canary&token=canary", "?token=[redacted]&token=[redacted]"],
    ["?token=", "?token=[redacted]"],
    ["?token=can=ary", "?token=[redacted]"],
    ["?token=a;canary", "?token=[redacted]"],
    ["?a=1;token=canary;b=2&c=3", "?a=1;token=[redacted]&c=3"],
    ["?user[password]=canary", "?user[password]=[redacted]"],
    ["?user%5Bpassword%5D=canary", "?user%5Bpassword%5D=[redacted]"],
    ["?token[]=canary", "?token[]=[redacted]"],
    ["?+token=canary", "?+token=[redacted]"],
    ["?amp;token=canary", "?amp;token=[redacted]"],
    ["?X-Amz-Signature=canary&X-Amz-Date=1", "?X-Amz-Signature=[redacted]&X-Amz-Date=1"],
    ["?q=sk_live_canary", "?q=[redacted]"],
    ["?q=%73k_live_canary", "?q=[redacted]"],
    ["?q=tp_live_canary&r=tp_test_canary", "?q=[redacted]&r=[redacted]"],
    ["?q=whsec_canary", "?q=[redacted]"],
    [`?q=${JWT}`, "?q=[redacted]"],
    [`?q=${JWT.replaceAll(".", "%2E")}`, "?q=[redacted]"],
    ["?sk_live_canary", "?[redacted]"],
    ["?sk_live_canary=1", "?[redacted]"],
    ["?a=my-sk_live_canary", "?a=[redacted]"],
  ];
  for (const [query, shown] of hidden) {
    test(`shows ${query} as ${shown}`, () => assert.equal(redactQuery(query), shown));
  }

  const kept: readonly string[] = [
    "",
    "?",
    "?&",
    "?&&=&;",
    "?token",
    "?token&a=1",
    "?monkey=1&keyword=2&zipcode=3&tokens=4&keys=5&secretary=6&signal=7",
    "?a=token&b=password",
    "?page=2&limit=10&sort=-created",
    "?q=%zz%&r=%4",
    "?q=a+b%20c",
    "?cursor=eyJpZCI6MTIzfQ",
    "?id=task_test_1&disk=disk_live_2",
    "?a[b]=c",
  ];
  for (const query of kept) {
    test(`keeps ${query || "an empty query"} byte for byte`, () => assert.equal(redactQuery(query), query));
  }

  test("keeps every query without a secret byte for byte, and shows no secret of any other", () => {
    const plain = fc.string({ unit: fc.constantFrom(..."abé%2=;[]+"), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(plain), fc.array(plain), fc.constantFrom(...NAMES), (before, after, name) => {
        const clean = `?${[...before, ...after].join("&")}`;
        assert.equal(redactQuery(clean), clean);
        const secret = `?${[...before, `${name}=CANARY`, ...after].join("&")}`;
        assert.doesNotMatch(redactQuery(secret), /CANARY/);
      }),
    );
  });

  test("takes time in proportion to the length of what an attacker sends", () => {
    for (const unit of ["eyJ", ";", "&", "%41", "a[", "token=;", "sk_live_&", "_", "?", "//", "bearer "]) {
      const text = `?${unit.repeat(Math.ceil(200_000 / unit.length))}`;
      const started = performance.now();
      redactQuery(text);
      redactPath(text);
      redactMessage(text);
      // Linear is a few milliseconds for 200 kB; quadratic would be minutes.
      assert.ok(performance.now() - started < 5000, unit);
    }
  });
});

describe("redactPath", () => {
  const vectors: readonly [path: string, shown: string][] = [
    ["/", "/"],
    ["/orders/ord_123", "/orders/ord_123"],
    ["/tasks/task_test_1", "/tasks/task_test_1"],
    ["/keys/sk_live_canary/rotate", "/keys/[redacted]/rotate"],
    ["/keys/tp_live_canary", "/keys/[redacted]"],
    ["/keys/%74p_live_canary", "/keys/[redacted]"],
    ["/hooks/whsec_canary/", "/hooks/[redacted]/"],
    [`/verify/${JWT}`, "/verify/[redacted]"],
    ["/pages/eyJpZCI6MTIzfQ", "/pages/eyJpZCI6MTIzfQ"],
    ["/eyJ.eyJ/eyJ", "/[redacted]/eyJ"],
  ];
  for (const [path, shown] of vectors) {
    test(`shows ${path} as ${shown}`, () => assert.equal(redactPath(path), shown));
  }
});

describe("redactText", () => {
  test("hides only the words that look like a credential", () => {
    assert.equal(redactText("curl/8 (key tp_live_canary; x)"), "curl/8 (key [redacted]; x)");
    assert.equal(redactText("Mozilla/5.0 (Mac OS X 10_15_7)"), "Mozilla/5.0 (Mac OS X 10_15_7)");
  });
});

describe("redactMessage", () => {
  const vectors: readonly [message: string, shown: string][] = [
    ["connect ECONNREFUSED 127.0.0.1:9001", "connect ECONNREFUSED 127.0.0.1:9001"],
    ["GET /a?token=canary&b=1 failed", "GET /a?token=[redacted]&b=1 failed"],
    ["postgres://user:canary@db/x", "postgres://[redacted]@db/x"],
    ["bad header Authorization: Bearer canary", "bad header Authorization: Bearer [redacted]"],
    ["Basic Y2FuYXJ5 refused", "Basic [redacted] refused"],
    [`invalid JWT "${JWT}"`, 'invalid JWT "[redacted]"'],
  ];
  for (const [message, shown] of vectors) {
    test(`shows ${message} as ${shown}`, () => assert.equal(redactMessage(message), shown));
  }
});

describe("isSecretField", () => {
  test("withholds what is a credential by its name", () => {
    for (const name of [
      "authorization",
      "Authorization",
      "set-cookie",
      "cookie",
      "X-API-Key",
      "headers",
      "clientSecret",
    ]) {
      assert.equal(isSecretField(name), true, name);
    }
    for (const name of ["code", "key", "path", "header", "status"])
      assert.equal(isSecretField(name), false, name);
  });
});
