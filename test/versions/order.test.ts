/** When the version of a call is looked at, and what comes before and after (ERR-18, CORS-1, CORS-9). */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { askOnce, errorCode, get, post } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";

const SECRET = "a-secret-of-some-length";
const KEY = `X-API-Key: ${SECRET}\r\n`;
const ORIGIN = "Origin: https://shop.example\r\n";

describe("the version of a call to a guarded route", () => {
  let gateway: TestGateway;
  before(async () => {
    const hash = `sha256:${createHash("sha256").update(SECRET).digest("hex")}`;
    gateway = await startGateway(
      {
        keys: [{ id: "one", hash, consumer: "acme", scopes: ["orders"] }],
        versions: { default: "2", list: { "1": { retired: true }, "2": {} } },
        policies: [{ cors: { origins: ["https://shop.example"] } }],
        routes: [
          {
            path: "/orders",
            methods: ["GET", "POST"],
            to: { fixed: { body: "ok" } },
            policies: [
              { "api-key": {} },
              { authorize: { scopes: ["orders"] } },
              { validate: { body: { type: "object", required: ["id"] } }, when: { methods: ["POST"] } },
            ],
          },
          {
            path: "/forbidden",
            to: { fixed: { body: "ok" } },
            policies: [{ "api-key": {} }, { authorize: { scopes: ["other"] } }],
          },
        ],
      },
      { time: "by hand" },
    );
  });
  after(() => gateway.stop());

  const JSON_TYPE = "Content-Type: application/json\r\n";
  const cases: readonly (readonly [what: string, request: string, code: string])[] = [
    ["a path that does not exist before a retired version", get("/v1/nothing"), "ROUTE_NOT_FOUND"],
    [
      "a refused method before a retired version",
      "PUT /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
      "METHOD_NOT_ALLOWED",
    ],
    ["an unknown version in the path before a missing key", get("/v9/orders"), "VERSION_NOT_FOUND"],
    ["a missing key before a retired version", get("/v1/orders"), "AUTHENTICATION_REQUIRED"],
    [
      "a missing key before an unknown version",
      get("/orders", "API-Version: 9\r\n"),
      "AUTHENTICATION_REQUIRED",
    ],
    [
      "a missing key before a contradiction",
      get("/v2/orders", "API-Version: 1\r\n"),
      "AUTHENTICATION_REQUIRED",
    ],
    [
      "a wrong key before a malformed version",
      get("/orders?version=x", "X-API-Key: wrong\r\n"),
      "INVALID_API_KEY",
    ],
    ["a lacking scope before a retired version", get("/v1/forbidden", KEY), "INSUFFICIENT_SCOPE"],
    ["a retired version before a wrong body", post("/v1/orders", "{}", KEY + JSON_TYPE), "VERSION_RETIRED"],
    [
      "an unknown version before a wrong body",
      post("/orders?version=9", "{}", KEY + JSON_TYPE),
      "UNSUPPORTED_VERSION",
    ],
    ["a wrong body last", post("/v2/orders", "{}", KEY + JSON_TYPE), "VALIDATION_ERROR"],
  ];
  for (const [what, request, code] of cases) {
    test(`is judged in its turn: ${what}`, async () => {
      assert.equal(errorCode(await askOnce(gateway.port, request)), code);
    });
  }

  test("is known to errors before its turn", async () => {
    const response = await askOnce(gateway.port, get("/v1/orders"));
    assert.equal(response.status, 401);
    assert.deepEqual(response.headers.get("api-version"), ["1"]);
  });

  for (const target of [
    "/orders",
    "/v1/orders",
    "/v2/orders",
    "/v9/orders",
    "/orders?version=9",
    "/v2/orders?version=1",
  ]) {
    test(`never stands in the way of a preflight: ${target}`, async () => {
      const asked = `${ORIGIN}Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: api-version\r\n`;
      const response = await askOnce(gateway.port, `OPTIONS ${target} HTTP/1.1\r\nHost: a\r\n${asked}\r\n`);
      assert.ok(response.status >= 200 && response.status < 300, `${response.status}`);
      assert.deepEqual(response.headers.get("access-control-allow-origin"), ["https://shop.example"]);
    });
  }

  for (const target of [
    "/v1/orders",
    "/v9/orders",
    "/orders?version=9",
    "/v2/orders?version=1",
    "/v2/orders",
  ]) {
    test(`lets pages read what is wrong with ${target}`, async () => {
      const response = await askOnce(gateway.port, get(target, ORIGIN + KEY));
      assert.deepEqual(response.headers.get("access-control-allow-origin"), ["https://shop.example"]);
      const exposed = (response.headers.get("access-control-expose-headers") ?? []).join().toLowerCase();
      for (const field of ["api-version", "deprecation", "sunset", "link"])
        assert.ok(exposed.includes(field), field);
      const vary = response.headers.get("vary")?.join().toLowerCase() ?? "";
      assert.ok(vary.includes("origin") && vary.includes("api-version"), vary);
    });
  }
});
