/** What a preflight is told (CORS-1 … CORS-8, CORS-14), row by row over raw HTTP. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { Stand } from "../conformance/stand.ts";
import { ask, errorCode } from "../harness/ask.ts";
import type { RawResponse } from "../harness/raw.ts";
import { corsFields, listed } from "./fields.ts";

const SHOP = "https://shop.example";

const toOrigin = { upstream: "origin" };

const routes = [
  { path: "/all", to: toOrigin, policies: [{ cors: { origins: [SHOP] } }] },
  { path: "/some", methods: ["GET", "POST"], to: toOrigin, policies: [{ cors: { origins: [SHOP] } }] },
  {
    path: "/chosen",
    to: toOrigin,
    policies: [
      {
        cors: {
          origins: [SHOP],
          methods: ["GET", "PATCH"],
          headers: ["Content-Type", "X-Trace"],
          maxAge: "10m",
        },
      },
    ],
  },
  {
    path: "/narrow",
    methods: ["GET", "PUT"],
    to: toOrigin,
    policies: [{ cors: { origins: [SHOP], methods: ["PUT", "DELETE"] } }],
  },
  { path: "/no-headers", to: toOrigin, policies: [{ cors: { origins: [SHOP], headers: [] } }] },
  { path: "/star-headers", to: toOrigin, policies: [{ cors: { origins: [SHOP], headers: ["*"] } }] },
  {
    path: "/star-and-key",
    to: toOrigin,
    policies: [{ cors: { origins: [SHOP], headers: ["*", "Authorization"] } }],
  },
  { path: "/any", to: toOrigin, policies: [{ cors: { origins: ["*"] } }] },
  {
    path: "/cookies",
    to: toOrigin,
    policies: [{ cors: { origins: [SHOP, "https://*.a.com"], credentials: true } }],
  },
  { path: "/null", to: toOrigin, policies: [{ cors: { origins: [SHOP], nullOrigin: true } }] },
  { path: "/private", to: toOrigin, policies: [{ cors: { origins: [SHOP], privateNetwork: true } }] },
  { path: "/never", to: toOrigin, policies: [{ cors: { origins: [SHOP], maxAge: "0s" } }] },
  { path: "/items/{id}", methods: ["GET"], to: toOrigin, policies: [{ cors: { origins: [SHOP] } }] },
  {
    path: "/items/{id}",
    methods: ["PUT"],
    to: toOrigin,
    policies: [{ cors: { origins: ["https://admin.example"] } }],
  },
  { path: "/items/{id}", methods: ["DELETE"], to: toOrigin },
  { path: "/plain", methods: ["GET", "POST"], to: toOrigin },
  { path: "/options", methods: ["GET", "OPTIONS"], to: toOrigin },
  {
    path: "/own-options",
    methods: ["GET", "OPTIONS"],
    to: toOrigin,
    policies: [{ cors: { origins: [SHOP] } }],
  },
].map((route, index) => ({ name: `route-${index}`, ...route }));

describe("a preflight", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open({ routes });
  });
  after(() => stand.close());

  /** `fields`: whole lines, in place of or beside those of a usual preflight. */
  function preflight(
    path: string,
    method: string,
    origin: string,
    ...fields: string[]
  ): Promise<RawResponse> {
    const lines = [`Origin: ${origin}`, `Access-Control-Request-Method: ${method}`, ...fields];
    return stand.ask(
      `OPTIONS ${path} HTTP/1.1\r\nHost: example\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`,
    );
  }

  function granted(response: RawResponse, origin: string, method: string): void {
    assert.equal(response.status, 204);
    assert.deepEqual(response.headers.get("access-control-allow-origin"), [origin]);
    assert.equal(response.headers.get("access-control-allow-methods")?.length, 1);
    assert.ok(listed(response, "access-control-allow-methods").includes(method.toLowerCase()));
    assert.match(
      response.headers.get("access-control-allow-methods")?.[0] ?? "",
      new RegExp(`\\b${method}\\b`),
    );
    assert.equal(response.body.length, 0);
  }

  function refused(response: RawResponse): void {
    assert.equal(response.status, 403);
    assert.equal(errorCode(response), "PREFLIGHT_REFUSED");
    assert.deepEqual(corsFields(response), []);
  }

  describe("of an allowed origin is granted", () => {
    const rows: readonly (readonly [path: string, methods: readonly string[]])[] = [
      ["/all", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]],
      ["/some", ["GET", "HEAD", "POST"]],
      ["/chosen", ["GET", "HEAD", "PATCH"]],
      ["/narrow", ["PUT"]],
      ["/items/7", ["GET", "HEAD"]],
    ];
    for (const [path, methods] of rows) {
      for (const method of methods) {
        test(`${method} ${path}`, async () => {
          const response = await preflight(path, method, SHOP);
          granted(response, SHOP, method);
          assert.deepEqual(
            listed(response, "access-control-allow-methods").sort(),
            methods.map((name) => name.toLowerCase()).sort(),
          );
        });
      }
    }
  });

  describe("is refused the method", () => {
    const rows: readonly (readonly [path: string, methods: readonly string[]])[] = [
      ["/all", ["get", "patch", "Patch", "TRACE", "CONNECT", "FOO", "*", "GET, POST", "GE T", ""]],
      ["/some", ["PUT", "PATCH", "DELETE", "QUERY", "OPTIONS"]],
      ["/chosen", ["POST", "PUT", "DELETE", "OPTIONS"]],
      ["/narrow", ["GET", "HEAD", "DELETE", "POST"]],
      ["/items/7", ["PUT", "POST", "PATCH"]],
    ];
    for (const [path, methods] of rows) {
      for (const method of methods) {
        test(`${JSON.stringify(method)} for ${path}`, async () =>
          refused(await preflight(path, method, SHOP)));
      }
    }
  });

  describe("is refused to the origin", () => {
    const others = [
      "null",
      "https://evil.io",
      "http://shop.example",
      "https://shop.example:8443",
      "https://SHOP.example",
      "https://shop.example.evil.io",
      "https://evilshop.example",
      "*",
      "",
    ];
    for (const path of ["/all", "/some", "/chosen", "/cookies", "/private"]) {
      for (const origin of others) {
        test(`${JSON.stringify(origin)} for ${path}`, async () => {
          const response = await preflight(path, "GET", origin);
          refused(response);
          assert.ok(listed(response, "vary").includes("origin"));
        });
      }
    }
    for (const origin of [
      "https://eviLa.com",
      "https://x.a.com.evil.io",
      "https://a.com",
      "https://x.y.a.com",
    ]) {
      test(`${origin} by the pattern https://*.a.com`, async () =>
        refused(await preflight("/cookies", "GET", origin)));
    }
  });

  describe("of a route whose origins are others", () => {
    test("goes by the route that takes the method", async () => {
      granted(await preflight("/items/7", "PUT", "https://admin.example"), "https://admin.example", "PUT");
      refused(await preflight("/items/7", "GET", "https://admin.example"));
    });

    test("tells no method of the path's other routes", async () => {
      const response = await preflight("/items/7", "PUT", "https://admin.example");
      assert.deepEqual(listed(response, "access-control-allow-methods"), ["put"]);
    });

    test("is not granted where that route has no cors", async () => {
      const response = await preflight("/items/7", "DELETE", SHOP);
      assert.equal(response.status, 204);
      assert.deepEqual(corsFields(response), []);
      assert.ok(response.headers.has("allow"));
    });
  });

  describe("that asks for headers", () => {
    const asked: readonly (readonly [path: string, lines: readonly string[], allowed: readonly string[]])[] =
      [
        ["/all", [], []],
        ["/all", ["content-type"], ["content-type"]],
        ["/all", ["authorization,content-type,x-api-key"], ["authorization", "content-type", "x-api-key"]],
        ["/all", ["authorization, content-type,\tx-api-key"], ["authorization", "content-type", "x-api-key"]],
        ["/all", ["Content-Type, X-API-Key"], ["content-type", "x-api-key"]],
        ["/all", ["content-type", "x-api-key"], ["content-type", "x-api-key"]],
        ["/all", ["content-type,x-a", "x-b , x-a"], ["content-type", "x-a", "x-b"]],
        ["/all", [",content-type,,"], ["content-type"]],
        ["/all", [""], []],
        ["/chosen", [], ["content-type", "x-trace"]],
        ["/chosen", ["x-trace"], ["content-type", "x-trace"]],
        ["/chosen", ["CONTENT-TYPE,X-TRACE"], ["content-type", "x-trace"]],
        ["/chosen", ["x-trace", "content-type"], ["content-type", "x-trace"]],
        ["/no-headers", [], []],
        ["/star-headers", ["x-anything,content-type"], ["x-anything", "content-type"]],
        ["/star-and-key", ["authorization,x-anything"], ["authorization", "x-anything"]],
        ["/star-and-key", ["x-anything"], ["authorization", "x-anything"]],
        ["/any", ["authorization,x-anything"], ["authorization", "x-anything"]],
        ["/cookies", ["authorization,x-anything"], ["authorization", "x-anything"]],
      ];
    for (const [path, lines, allowed] of asked) {
      test(`${JSON.stringify(lines)} may send them to ${path}`, async () => {
        const fields = lines.map((line) => `Access-Control-Request-Headers: ${line}`);
        const response = await preflight(path, "GET", SHOP, ...fields);
        assert.equal(response.status, 204);
        assert.deepEqual(listed(response, "access-control-allow-headers"), allowed);
        assert.equal(
          response.headers.get("access-control-allow-headers")?.includes("*"),
          allowed.length > 0 ? false : undefined,
        );
      });
    }

    const refusals: readonly (readonly [path: string, lines: readonly string[], names: readonly string[]])[] =
      [
        ["/chosen", ["x-other"], ["x-other"]],
        ["/chosen", ["content-type,x-other"], ["x-other"]],
        ["/chosen", ["content-type", "x-other, X-More"], ["x-other", "x-more"]],
        ["/chosen", ["authorization"], ["authorization"]],
        ["/chosen", ["*"], ["*"]],
        ["/chosen", ["content-type x-trace"], ["content-type x-trace"]],
        ["/no-headers", ["content-type"], ["content-type"]],
        ["/star-headers", ["authorization"], ["authorization"]],
        ["/star-headers", ["x-a,Authorization"], ["authorization"]],
        ["/all", ["x a"], ["x a"]],
        ["/all", ["x-a;q=1"], ["x-a;q=1"]],
        ["/all", ["x:a"], ["x:a"]],
        ["/star-headers", ["x(a)"], ["x(a)"]],
      ];
    for (const [path, lines, names] of refusals) {
      test(`${JSON.stringify(lines)} is refused them for ${path}, each by its name`, async () => {
        const fields = lines.map((line) => `Access-Control-Request-Headers: ${line}`);
        const response = await preflight(path, "GET", SHOP, ...fields);
        refused(response);
        const { error } = JSON.parse(response.body.toString());
        assert.deepEqual(
          error.details,
          names.map((name) => ({
            field: "header.Access-Control-Request-Headers",
            issue: `"${name}" is not allowed`,
          })),
        );
      });
    }
  });

  test("is told everything that was refused at once", async () => {
    const response = await preflight(
      "/chosen",
      "DELETE",
      "https://evil.io",
      "Access-Control-Request-Headers: x-a,x-b",
    );
    const { error } = JSON.parse(response.body.toString());
    assert.equal(error.details.length, 4);
  });

  test("is remembered for an hour, or as the config says", async () => {
    const age = async (path: string) =>
      (await preflight(path, "GET", SHOP)).headers.get("access-control-max-age");
    assert.deepEqual(await age("/all"), ["3600"]);
    assert.deepEqual(await age("/chosen"), ["600"]);
    assert.deepEqual(await age("/never"), ["0"]);
  });

  test("with credentials has exactly `true`, and names everything", async () => {
    const response = await preflight(
      "/cookies",
      "PUT",
      "https://x.a.com",
      "Access-Control-Request-Headers: x-a",
    );
    granted(response, "https://x.a.com", "PUT");
    assert.deepEqual(response.headers.get("access-control-allow-credentials"), ["true"]);
    for (const name of corsFields(response))
      assert.doesNotMatch(response.headers.get(name)?.join() ?? "", /\*/);
  });

  test("without credentials has nothing to say of them", async () => {
    assert.equal(
      (await preflight("/all", "PUT", SHOP)).headers.has("access-control-allow-credentials"),
      false,
    );
  });

  test("of any origin is answered with the star, never with the origin", async () => {
    for (const origin of [SHOP, "https://evil.io", "null"])
      granted(await preflight("/any", "PUT", origin), "*", "PUT");
  });

  test("of no origin of its own is granted only where the config says so", async () => {
    granted(await preflight("/null", "PUT", "null"), "null", "PUT");
    refused(await preflight("/all", "PUT", "null"));
  });

  test("for a private network is granted only where the config says so", async () => {
    const asks = "Access-Control-Request-Private-Network: true";
    const granting = await preflight("/private", "GET", SHOP, asks);
    assert.deepEqual(granting.headers.get("access-control-allow-private-network"), ["true"]);
    assert.ok(listed(granting, "vary").includes("access-control-request-private-network"));
    const unasked = await preflight("/private", "GET", SHOP);
    assert.equal(unasked.headers.has("access-control-allow-private-network"), false);
    const silent = await preflight("/all", "GET", SHOP, asks);
    assert.equal(silent.headers.has("access-control-allow-private-network"), false);
  });

  test("says what its answer depends on, granted or not", async () => {
    const request = ["access-control-request-method", "access-control-request-headers"];
    for (const origin of [SHOP, "https://evil.io"]) {
      const vary = listed(await preflight("/all", "GET", origin), "vary").filter((name) => name !== "accept");
      assert.deepEqual(vary, ["origin", ...request]);
    }
    assert.deepEqual(listed(await preflight("/any", "GET", SHOP), "vary"), request);
  });

  test("never reaches the upstream, even where OPTIONS does", async () => {
    stand.origin.reset();
    for (const path of ["/all", "/own-options"]) {
      granted(await preflight(path, "GET", SHOP), SHOP, "GET");
      refused(await preflight(path, "GET", "https://evil.io"));
    }
    assert.equal(stand.origin.requests.length, 0);
  });

  test("is logged with the route that it is about", async () => {
    const response = await preflight("/items/42", "PUT", "https://admin.example");
    const id = response.headers.get("x-request-id")?.[0];
    const line = await stand.gateway.logged((entry) => entry["id"] === id);
    assert.equal(line["route"], "route-13");
    assert.equal(line["status"], 204);
  });

  test("is granted to allowed origins alone and in one line, whatever is asked in whatever way", async () => {
    const paths = [
      "/all",
      "/some",
      "/chosen",
      "/cookies",
      "/null",
      "/star-headers",
      "/items/1",
      "/nowhere",
      "/plain",
    ];
    const text = (...parts: string[]) => fc.string({ unit: fc.constantFrom(...parts), maxLength: 6 });
    const hostile = text(
      "https://",
      "http://",
      "shop",
      ".example",
      "x.a.com",
      "a.com",
      ".evil.io",
      ":443",
      ",",
      " ",
      "null",
      "*",
      "@",
      "/",
    );
    const request = fc.record({
      path: fc.constantFrom(...paths),
      origin: fc.oneof(fc.constantFrom(SHOP, "https://x.a.com", "null", "*"), hostile),
      method: fc.oneof(fc.constantFrom("GET", "PUT", "get", "*", ""), text("G", "ET", "PUT", ",", " ")),
      headers: fc.array(text("x-a", "content-type", "authorization", ",", " ", ";", "*", ":"), {
        maxLength: 3,
      }),
    });
    const client = await stand.client();
    const lawful = ["null", SHOP, "https://x.a.com"];
    await fc.assert(
      fc.asyncProperty(request, async ({ path, origin, method, headers }) => {
        const lines = [`Origin: ${origin}`, `Access-Control-Request-Method: ${method}`];
        for (const value of headers) lines.push(`Access-Control-Request-Headers: ${value}`);
        const head = `OPTIONS ${path} HTTP/1.1\r\nHost: e\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
        const response = await ask(client, head);
        assert.ok([204, 403, 404].includes(response.status), `${response.status}`);
        const allowed = response.headers.get("access-control-allow-origin");
        if (allowed === undefined) {
          assert.deepEqual(corsFields(response), []);
          return;
        }
        assert.deepEqual(allowed, [origin.trim()]);
        assert.ok(lawful.includes(origin.trim()));
        assert.equal(origin.trim() === "null", path === "/null" && origin.trim() === "null");
        assert.ok(listed(response, "vary").includes("origin"));
      }),
      { numRuns: 500 },
    );
    client.destroy();
  });

  describe("on a route without cors", () => {
    test("is answered like any OPTIONS", async () => {
      const response = await preflight("/plain", "POST", SHOP);
      assert.equal(response.status, 204);
      assert.deepEqual(corsFields(response), []);
      assert.deepEqual(response.headers.get("allow"), ["GET, HEAD, POST, OPTIONS"]);
      assert.equal(response.headers.has("vary"), false);
    });

    test("goes to an upstream that takes OPTIONS itself", async () => {
      const response = await preflight("/options", "GET", SHOP);
      assert.equal(response.body.toString(), "OPTIONS /options 0");
    });

    test("finds no route where there is none", async () => {
      assert.equal((await preflight("/nowhere", "GET", SHOP)).status, 404);
    });
  });

  describe("is not", () => {
    const rows: readonly (readonly [what: string, head: string])[] = [
      [
        "OPTIONS without an origin",
        "OPTIONS /own-options HTTP/1.1\r\nHost: e\r\nAccess-Control-Request-Method: GET\r\n\r\n",
      ],
      [
        "OPTIONS that asks for no method",
        `OPTIONS /own-options HTTP/1.1\r\nHost: e\r\nOrigin: ${SHOP}\r\n\r\n`,
      ],
      [
        "GET that asks for a method",
        `GET /own-options HTTP/1.1\r\nHost: e\r\nOrigin: ${SHOP}\r\nAccess-Control-Request-Method: GET\r\n\r\n`,
      ],
    ];
    for (const [what, head] of rows) {
      test(`${what}: it goes to the upstream`, async () => {
        const response = await stand.ask(head);
        assert.equal(response.status, 200);
        assert.match(response.body.toString(), /own-options/);
        assert.ok(listed(response, "vary").includes("origin"));
      });
    }

    test("OPTIONS * whoever asks", async () => {
      const response = await stand.ask(
        `OPTIONS * HTTP/1.1\r\nHost: e\r\nOrigin: ${SHOP}\r\nAccess-Control-Request-Method: GET\r\n\r\n`,
      );
      assert.equal(response.status, 204);
      assert.deepEqual(corsFields(response), []);
    });
  });
});
