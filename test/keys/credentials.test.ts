/** What a route with `api-key` answers to every kind of credential, from outside: status, challenge and code (AUTH-1 … AUTH-5). */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { digestOf } from "../../src/identity/keys/issue.ts";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { fieldsOf, RecordingOrigin } from "../harness/origin.ts";
import { someKey, type TempStore, tempStore } from "../harness/store.ts";

const NOW = Date.UTC(2026, 10, 22, 12);
const HOUR = 3_600_000;
const ANY_STRING = 'any string: with spaces, commas and "quotes" \\ é';

const good = someKey({ plan: "gold", scopes: ["orders:read", "orders:write"] });
const testKey = someKey({ environment: "test" });
const expired = someKey({ expiresAt: NOW - 1 });
const revoked = someKey();
const both = someKey({ expiresAt: NOW - 1 });
const rotated = someKey();
const successor = someKey();
const elsewhere = someKey({ restrictions: { ipRanges: ["10.0.0.0/8"], methods: [], routes: [] } });
const reader = someKey({
  restrictions: { ipRanges: ["127.0.0.0/8"], methods: ["GET"], routes: ["open", "all"] },
});
const unknown = someKey();

const wrong = (secret: string): string => `${secret.slice(0, -1)}${secret.endsWith("a") ? "b" : "a"}`;
const key = (secret: string): string => `X-API-Key: ${secret}\r\n`;
const bearer = (secret: string): string => `Authorization: Bearer ${secret}\r\n`;

const REALM = 'Bearer realm="api"';
const INVALID = `${REALM}, error="invalid_token", error_description="The API key is not valid."`;
const REQUEST = `${REALM}, error="invalid_request"`;

describe("a route that wants an API key", () => {
  let store: TempStore;
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  before(async () => {
    store = await tempStore();
    origin = await RecordingOrigin.start();
    const { keys } = await store.open();
    await keys.createMany(
      [good, testKey, expired, revoked, both, rotated, elsewhere, reader].map((issued) => issued.key),
      "test",
    );
    for (const one of [revoked, both]) await keys.revoke(one.key.id, NOW - 2, "test");
    await keys.rotate(
      { id: rotated.key.id, secret: successor.key.secret, at: NOW, overlapUntil: NOW + HOUR },
      "test",
    );
    const hash = (secret: string) => `sha256:${digestOf(secret)}`;
    gateway = await startGateway(
      {
        store: { records: `sqlite:${store.file}` },
        keys: [
          { id: "foreign", hash: hash(ANY_STRING), consumer: "Foreign Co", scopes: ["a"] },
          { id: "jwt-like", hash: hash("aaa.bbb.ccc"), consumer: "dots" },
          { id: "past", hash: hash("past"), consumer: "late", expires: "2026-11-22T11:59:59Z" },
          { id: "future", hash: hash("future"), consumer: "soon", expires: "2026-11-22T12:30:00Z" },
        ],
        upstreams: { origin: { targets: [origin.url] } },
        routes: [
          route("all", {}),
          route("optional", { optional: true }),
          route("live", { environment: "live" }),
          route("header", { bearer: false, header: "X-Shop-Key", realm: 'the "shop"' }),
          route("forward", { forward: true }),
          { name: "open", path: "/open/*", to: { upstream: "origin" } },
        ],
      },
      { time: "by hand" },
    );
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
    await store.remove();
  });
  const route = (name: string, options: object) => ({
    name,
    path: `/${name}/*`,
    to: { upstream: "origin" },
    policies: [{ "api-key": options }],
  });
  async function judge(fields: string, path = "/all/x"): Promise<string> {
    const response = await askOnce(gateway.port, get(path, fields));
    if (response.status === 200) return "200";
    assert.match(response.headers.get("x-request-id")?.[0] ?? "", /^req_/);
    return [response.status, errorCode(response), ...(response.headers.get("www-authenticate") ?? [])].join(
      " ",
    );
  }

  const cases: [what: string, fields: string, expected: string, path?: string][] = [
    ["a good key", key(good.secret), "200"],
    ["a good key as a bearer", bearer(good.secret), "200"],
    ["a scheme in capitals and two spaces", `AUTHORIZATION: BEARER  ${good.secret}\r\n`, "200"],
    ["a key of the config, whatever string it is", key(Buffer.from(ANY_STRING).toString("latin1")), "200"],
    ["a key that looks like a JWT", bearer("aaa.bbb.ccc"), "200"],
    ["the old secret in a rotation's overlap", key(rotated.secret), "200"],
    ["the new secret in a rotation's overlap", key(successor.secret), "200"],
    ["a test key where both will do", key(testKey.secret), "200"],
    ["no credential", "", `401 AUTHENTICATION_REQUIRED ${REALM}`],
    ["a key in the query", "", `401 AUTHENTICATION_REQUIRED ${REALM}`, `/all/x?api_key=${good.secret}`],
    ["Basic", "Authorization: Basic Zm9vOmJhcg==\r\n", `401 AUTHENTICATION_REQUIRED ${REALM}`],
    ["an empty Authorization", "Authorization:\r\n", `401 AUTHENTICATION_REQUIRED ${REALM}`],
    ["a key that nobody issued", key(unknown.secret), `401 INVALID_API_KEY ${INVALID}`],
    ["a near miss", key(wrong(good.secret)), `401 INVALID_API_KEY ${INVALID}`],
    ["a near miss as a bearer", bearer(wrong(good.secret)), `401 INVALID_API_KEY ${INVALID}`],
    ["the id of a key", key(good.key.id), `401 INVALID_API_KEY ${INVALID}`],
    ["the digest of a key", key(good.key.secret.digest), `401 INVALID_API_KEY ${INVALID}`],
    ["junk", key("junk"), `401 INVALID_API_KEY ${INVALID}`],
    ["a key with a scheme before it", key(`Bearer ${good.secret}`), `401 INVALID_API_KEY ${INVALID}`],
    ["a key in another case", key(good.secret.toUpperCase()), `401 INVALID_API_KEY ${INVALID}`],
    ["an expired key", key(expired.secret), `401 KEY_EXPIRED ${described("The API key has expired.")}`],
    ["an expired key of the config", key("past"), `401 KEY_EXPIRED ${described("The API key has expired.")}`],
    ["a revoked key", key(revoked.secret), `401 KEY_REVOKED ${described("The API key has been revoked.")}`],
    [
      "a revoked key that has expired too",
      key(both.secret),
      `401 KEY_REVOKED ${described("The API key has been revoked.")}`,
    ],
    ["the same key twice", key(good.secret) + key(good.secret), `400 MULTIPLE_CREDENTIALS ${REQUEST}`],
    ["two bearers", bearer(good.secret) + bearer(good.secret), `400 MULTIPLE_CREDENTIALS ${REQUEST}`],
    ["a key and a bearer", key(good.secret) + bearer(good.secret), `400 MULTIPLE_CREDENTIALS ${REQUEST}`],
    ["a bad key and a good bearer", key("junk") + bearer(good.secret), `400 MULTIPLE_CREDENTIALS ${REQUEST}`],
    [
      "a key and Basic",
      `${key(good.secret)}Authorization: Basic Zm9v\r\n`,
      `400 MULTIPLE_CREDENTIALS ${REQUEST}`,
    ],
    [
      "two keys that somebody joined",
      key(`${good.secret}, ${good.secret}`),
      `400 MULTIPLE_CREDENTIALS ${REQUEST}`,
    ],
    ["an empty key", key(""), `400 MALFORMED_CREDENTIALS ${REQUEST}`],
    ["a bearer with nothing behind", "Authorization: Bearer\r\n", `400 MALFORMED_CREDENTIALS ${REQUEST}`],
    ["a bearer with a space inside", bearer("a b"), `400 MALFORMED_CREDENTIALS ${REQUEST}`],
    ["a bearer with a comma", bearer("a,b"), `400 MALFORMED_CREDENTIALS ${REQUEST}`],
    ["X_API_Key", `X_API_Key: ${good.secret}\r\n`, "400 MALFORMED_REQUEST"],
    ["a key from a network that it is not for", key(elsewhere.secret), "403 ADDRESS_NOT_ALLOWED"],
    ["a key for its network, method and route", key(reader.secret), "200"],
    ["a key for another route", key(reader.secret), "403 FORBIDDEN", "/live/x"],
    ["no key where keys are optional", "", "200", "/optional/x"],
    ["a good key where keys are optional", key(good.secret), "200", "/optional/x"],
    ["a wrong key where keys are optional", key("junk"), `401 INVALID_API_KEY ${INVALID}`, "/optional/x"],
    [
      "a wrong bearer where keys are optional",
      bearer("junk"),
      `401 INVALID_API_KEY ${INVALID}`,
      "/optional/x",
    ],
    [
      "a JWT where keys are optional and nobody reads JWTs",
      bearer("a.b.c"),
      `401 INVALID_API_KEY ${INVALID}`,
      "/optional/x",
    ],
    ["a live key on a live route", key(good.secret), "200", "/live/x"],
    ["a test key on a live route", key(testKey.secret), "403 FORBIDDEN", "/live/x"],
    ["a key in the header of the config", `x-shop-key: ${good.secret}\r\n`, "200", "/header/x"],
    [
      "a key and somebody else's bearer",
      `X-Shop-Key: ${good.secret}\r\n${bearer("theirs")}`,
      "200",
      "/header/x",
    ],
    [
      "a key in a header of no meaning",
      key(good.secret),
      '401 AUTHENTICATION_REQUIRED Bearer realm="the \\"shop\\""',
      "/header/x",
    ],
  ];
  function described(description: string): string {
    return `${REALM}, error="invalid_token", error_description="${description}"`;
  }
  for (const [what, fields, expected, path] of cases) {
    test(`answers ${expected.split(" ").slice(0, 2).join(" ")} to ${what}`, async () => {
      assert.equal(await judge(fields, path), expected);
    });
  }

  test("answers POST with 403 for a key that may only read", async () => {
    const response = await askOnce(
      gateway.port,
      `POST /all/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n${key(reader.secret)}\r\n`,
    );
    assert.deepEqual([response.status, errorCode(response)], [403, "FORBIDDEN"]);
  });

  test("says nothing different of a wrong secret than of an unknown one", async () => {
    const strip = (text: string) => text.replace(/req_\w+/g, "");
    const bodies = await Promise.all(
      [unknown.secret, wrong(good.secret), "junk", good.key.id].map(async (secret) => {
        const { headers, body } = await askOnce(gateway.port, get("/all/x", key(secret)));
        const rest = [...headers].filter(([name]) => name !== "x-request-id" && name !== "date");
        return strip(JSON.stringify([...rest, body.toString()]));
      }),
    );
    assert.equal(new Set(bodies).size, 1);
  });

  test("tells the upstream who calls and keeps the key to itself; what the client claims is dropped", async () => {
    origin.reset();
    const claimed =
      "X-Consumer-Id: admin\r\nX-Consumer-Scopes: all\r\nX-Consumer-Key-Id: k\r\nX-Consumer-Roles: root\r\n";
    await judge(claimed + key(good.secret));
    await judge(bearer(good.secret));
    for (const request of origin.requests) {
      assert.deepEqual(fieldsOf(request, "x-consumer-id"), ["acme"]);
      assert.deepEqual(fieldsOf(request, "x-consumer-key-id"), [good.key.id]);
      assert.deepEqual(fieldsOf(request, "x-consumer-scopes"), ["orders:read orders:write"]);
      assert.deepEqual(fieldsOf(request, "x-consumer-plan"), ["gold"]);
      assert.deepEqual(fieldsOf(request, "x-consumer-roles"), []);
      assert.deepEqual([fieldsOf(request, "x-api-key"), fieldsOf(request, "authorization")], [[], []]);
    }
    assert.equal(origin.requests.length, 2);
  });

  test("names no consumer to the upstream where nobody has proved to be one", async () => {
    origin.reset();
    await judge("X-Consumer-Id: admin\r\n", "/optional/x");
    assert.deepEqual(
      origin.requests.flatMap((request) => fieldsOf(request, "x-consumer-id")),
      [],
    );
  });

  test("passes the key on where the config says so", async () => {
    origin.reset();
    await judge(key(good.secret), "/forward/x");
    assert.deepEqual(
      origin.requests.map((request) => fieldsOf(request, "x-api-key")),
      [[good.secret]],
    );
  });

  test("logs the consumer and the key, and of a refused key which one it was", async () => {
    await judge(key(good.secret), "/all/logged");
    const line = await gateway.logged((entry) => entry["path"] === "/all/logged");
    assert.deepEqual([line["consumer"], line["key_id"]], ["acme", good.key.id]);
    await judge(key(revoked.secret), "/all/refused");
    const refused = await gateway.logged((entry) => entry["path"] === "/all/refused");
    assert.deepEqual([refused["error"], refused["cause"]], ["KEY_REVOKED", `key ${revoked.key.id} of acme`]);
  });

  test("refuses the old secret from the end of the overlap on, and a key of the config from its expiry on", async () => {
    assert.equal(await judge(key("future")), "200");
    gateway.clock.advance(HOUR / 2);
    assert.match(await judge(key("future")), /^401 KEY_EXPIRED/);
    assert.equal(await judge(key(rotated.secret)), "200");
    gateway.clock.advance(HOUR / 2);
    assert.match(await judge(key(rotated.secret)), /^401 KEY_EXPIRED/);
    assert.equal(await judge(key(successor.secret)), "200");
  });
});
