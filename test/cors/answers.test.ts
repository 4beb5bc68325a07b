/** What pages may read of ordinary answers, whoever made them (CORS-4, CORS-7, CORS-9 … CORS-12). */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Stand } from "../conformance/stand.ts";
import { freePort } from "../harness/child-gateway.ts";
import { type Answer, ok } from "../harness/origin.ts";
import { RawClient, type RawResponse } from "../harness/raw.ts";
import { corsFields, listed } from "./fields.ts";

const SHOP = "https://shop.example";
const EVIL = "https://evil.io";

/** Answers with the status that the path and the field lines that the query asks for: `?Vary:Accept|X:1`. */
const withFields: Answer = ({ method, target }, socket) => {
  const [, asked = ""] = target.split("?");
  const lines = decodeURIComponent(asked)
    .split("|")
    .filter((line) => line !== "")
    .map((line) => `${line}\r\n`)
    .join("");
  const status = /\/status\/(\d+)/.exec(target)?.[1];
  if (target.includes("/stream")) {
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n${lines}\r\n6\r\ndata:1\r\n`,
    );
    return "0\r\n\r\n";
  }
  if (target.includes("/silent")) return null;
  if (target.includes("/breaks")) {
    socket.destroy();
    return null;
  }
  if (status === "304" || status === "204") return `HTTP/1.1 ${status} X\r\n${lines}\r\n`;
  if (status !== undefined)
    return `HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n${lines}\r\n${method === "HEAD" ? "" : "no"}`;
  return ok(method === "HEAD" ? "" : "hi", lines);
};

const shop = { origins: [SHOP] };
const toOrigin = { upstream: "origin" };

describe("an answer to a page", () => {
  let stand: Stand;
  before(async () => {
    const dead = await freePort();
    stand = await Stand.open(
      {
        policies: [{ cors: shop }],
        routes: [
          { path: "/own/*", to: toOrigin },
          { path: "/get", methods: ["GET"], to: toOrigin },
          { path: "/small", limits: { body: "5b" }, to: toOrigin },
          { path: "/smaller", to: toOrigin, policies: [{ "body-limit": { max: "5b" } }] },
          { path: "/guarded", to: toOrigin, policies: [{ "ip-allow": { deny: ["127.0.0.1"] } }] },
          { path: "/dead", to: { upstream: "dead" } },
          { path: "/slow/*", to: { upstream: "slow" } },
          {
            path: "/fixed",
            to: {
              fixed: { headers: { Vary: "Accept-Language", "Access-Control-Allow-Origin": "*" }, body: "hi" },
            },
          },
          { path: "/any/*", to: toOrigin, policies: [{ cors: { origins: ["*"] } }] },
          {
            path: "/cookies/*",
            to: toOrigin,
            policies: [{ cors: { ...shop, credentials: true, expose: ["X-Total", "x-total-2"] } }],
          },
          { path: "/respect/*", to: toOrigin, policies: [{ cors: { ...shop, upstream: "respect" } }] },
          {
            path: "/respect-fixed",
            to: { fixed: { headers: { "Access-Control-Allow-Origin": "*" } } },
            policies: [{ cors: { ...shop, upstream: "respect" } }],
          },
          {
            path: "/late",
            to: toOrigin,
            policies: [
              { "ip-allow": { deny: ["127.0.0.1"] } },
              { cors: { origins: ["https://late.example"] } },
            ],
          },
        ].map((route, index) => ({ name: `route-${index}`, ...route })),
      },
      {
        answer: withFields,
        time: "by hand",
        others: {
          dead: { targets: [`http://127.0.0.1:${dead}`] },
          slow: { targets: ["http://127.0.0.1:1"] },
        },
      },
    );
  });
  after(() => stand.close());

  function ask(
    path: string,
    origin: string | null = SHOP,
    method = "GET",
    rest = "\r\n",
  ): Promise<RawResponse> {
    const fields = origin === null ? "" : `Origin: ${origin}\r\n`;
    return stand.ask(`${method} ${path} HTTP/1.1\r\nHost: example\r\n${fields}${rest}`);
  }

  function readable(response: RawResponse, origin = SHOP): void {
    assert.deepEqual(response.headers.get("access-control-allow-origin"), [origin]);
    assert.equal(response.headers.get("access-control-expose-headers")?.length, 1);
    const vary = listed(response, "vary");
    assert.equal(vary.filter((name) => name === "origin").length, origin === "*" ? 0 : 1);
  }

  const BODY = "Content-Length: 6\r\n\r\n123456";
  const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n0\r\n\r\n";
  const rows: readonly (readonly [
    what: string,
    status: number,
    path: string,
    method: string,
    rest: string,
  ])[] = [
    ["of an upstream", 200, "/own/", "GET", "\r\n"],
    ["to HEAD", 200, "/own/", "HEAD", "\r\n"],
    ["without a body", 204, "/own/status/204", "DELETE", "\r\n"],
    ["that nothing has changed", 304, "/own/status/304", "GET", "If-None-Match: x\r\n\r\n"],
    ["that is streamed", 200, "/own/stream", "GET", "\r\n"],
    ["from the config", 200, "/fixed", "GET", "\r\n"],
    ...[301, 400, 401, 403, 404, 409, 422, 429, 500, 503].map(
      (status): readonly [string, number, string, string, string] => [
        `of an upstream's ${status}`,
        status,
        `/own/status/${status}`,
        "GET",
        "\r\n",
      ],
    ),
    ["for a path that is ambiguous", 400, "/own/a%2fb", "GET", "\r\n"],
    ["of a guard", 403, "/guarded", "GET", "\r\n"],
    ["for a path without a route", 404, "/nowhere", "GET", "\r\n"],
    ["for a path without a route, to POST", 404, "/nowhere", "POST", BODY],
    ["for a method that the path has not", 405, "/get", "POST", BODY],
    ["for other OPTIONS", 204, "/get", "OPTIONS", "\r\n"],
    ["for a declared body too large for the route", 413, "/small", "POST", BODY],
    ["for a flowing body too large for the route", 413, "/small", "POST", CHUNKED],
    ["for a declared body too large for a policy", 413, "/smaller", "POST", BODY],
    ["for a flowing body too large for a policy", 413, "/smaller", "POST", CHUNKED],
    ["for an upstream that breaks off", 502, "/own/breaks", "POST", BODY],
    ["for an upstream that is dead", 502, "/dead", "GET", "\r\n"],
  ];
  for (const [what, status, path, method, rest] of rows) {
    test(`${what} (${status}) can be read`, async () => {
      const response = await ask(path, SHOP, method, rest);
      assert.equal(response.status, status);
      readable(response);
    });

    test(`${what} (${status}) is no other page's, and caches know that it depends on the page`, async () => {
      for (const origin of [EVIL, null]) {
        const response = await ask(path, origin, method, rest);
        assert.equal(response.status, status);
        assert.deepEqual(corsFields(response), []);
        assert.ok(listed(response, "vary").includes("origin"));
      }
    });
  }

  test("for an upstream that takes too long (504) can be read", async () => {
    const client = await RawClient.to(stand.gateway.port);
    client.send(`GET /own/silent HTTP/1.1\r\nHost: example\r\nOrigin: ${SHOP}\r\n\r\n`);
    await stand.arrived("/own/silent");
    stand.gateway.clock.advance(60_000);
    const response = await client.response();
    client.destroy();
    assert.equal(response.status, 504);
    readable(response);
  });

  test("has all that clients of the gateway read exposed", async () => {
    const exposed = listed(await ask("/own/"), "access-control-expose-headers");
    for (const name of [
      "x-request-id",
      "x-ratelimit-limit",
      "x-ratelimit-remaining",
      "x-ratelimit-reset",
      "ratelimit",
      "ratelimit-policy",
      "retry-after",
      "link",
      "location",
      "etag",
      "api-version",
      "deprecation",
      "sunset",
      "idempotent-replayed",
      "www-authenticate",
      "dpop-nonce",
      "grpc-status",
      "grpc-message",
      "grpc-status-details-bin",
    ])
      assert.ok(exposed.includes(name), name);
    assert.equal(new Set(exposed).size, exposed.length);
  });

  test("has what the config names exposed beside that", async () => {
    const exposed = listed(await ask("/cookies/x"), "access-control-expose-headers");
    assert.ok(
      exposed.includes("x-total") && exposed.includes("x-total-2") && exposed.includes("x-request-id"),
    );
  });

  test("with credentials says exactly `true`, and no star anywhere", async () => {
    const response = await ask("/cookies/x");
    assert.deepEqual(response.headers.get("access-control-allow-credentials"), ["true"]);
    for (const name of corsFields(response))
      assert.doesNotMatch(response.headers.get(name)?.join() ?? "", /\*/);
    assert.equal((await ask("/cookies/x", EVIL)).headers.has("access-control-allow-credentials"), false);
  });

  test("of a route for every origin has the star, whether or not an origin came, and depends on none", async () => {
    for (const origin of [SHOP, EVIL, "null", null]) {
      const response = await ask("/any/x", origin);
      readable(response, "*");
      assert.equal(response.headers.has("vary"), false);
    }
  });

  describe("depends on what the upstream says too", () => {
    const vary: readonly (readonly [upstream: string, all: readonly string[]])[] = [
      ["Vary:Accept-Encoding", ["origin", "accept-encoding"]],
      ["Vary:Origin", ["origin"]],
      ["vary:origin, accept", ["origin", "accept"]],
      ["Vary:Accept|Vary:Accept-Language", ["origin", "accept", "accept-language"]],
      ["Vary:*", ["*"]],
      ["Vary:", ["origin"]],
    ];
    for (const [fields, all] of vary) {
      test(fields, async () => {
        const response = await ask(`/own/x?${encodeURIComponent(fields)}`);
        assert.deepEqual(listed(response, "vary"), all);
        assert.equal(response.headers.get("vary")?.length, 1);
      });
    }

    test("and on what the gateway's own errors do", async () => {
      assert.deepEqual(listed(await ask("/nowhere"), "vary"), ["origin", "accept"]);
    });

    test("where every origin is answered alike", async () => {
      assert.deepEqual(listed(await ask("/any/x?Vary:Accept"), "vary"), ["accept"]);
    });
  });

  describe("has one origin where the upstream speaks CORS itself:", () => {
    const own =
      "Access-Control-Allow-Origin:*|Access-Control-Allow-Credentials:true|Access-Control-Expose-Headers:X-Own|Access-Control-Allow-Methods:GET|Access-Control-Max-Age:9";
    const twice = `Access-Control-Allow-Origin:${SHOP}|Access-Control-Allow-Origin:*`;
    const path = (route: string, fields: string): string => `/${route}/x?${encodeURIComponent(fields)}`;

    test("the gateway's, by default", async () => {
      const response = await ask(path("own", own));
      readable(response);
      assert.deepEqual(corsFields(response), [
        "access-control-allow-origin",
        "access-control-expose-headers",
      ]);
    });

    test("and none for other pages, whatever the upstream says", async () => {
      assert.deepEqual(corsFields(await ask(path("own", own), EVIL)), []);
      assert.deepEqual(corsFields(await ask(path("own", own), null)), []);
      assert.deepEqual(corsFields(await ask("/fixed", EVIL)), []);
    });

    test("the upstream's, where the config respects it", async () => {
      for (const origin of [SHOP, EVIL]) {
        const response = await ask(path("respect", own), origin);
        assert.deepEqual(response.headers.get("access-control-allow-origin"), ["*"]);
        assert.deepEqual(response.headers.get("access-control-expose-headers"), ["X-Own"]);
        assert.deepEqual(response.headers.get("access-control-allow-credentials"), ["true"]);
      }
      assert.deepEqual((await ask("/respect-fixed")).headers.get("access-control-allow-origin"), ["*"]);
    });

    test("the gateway's, where the upstream has none to respect, or too many", async () => {
      readable(await ask("/respect/x"));
      readable(await ask(path("respect", twice)));
      assert.deepEqual(corsFields(await ask(path("respect", twice), EVIL)), []);
    });
  });

  test("of a route with a cors of its own goes by that, not by the one for every route", async () => {
    readable(await ask("/late", "https://late.example"), "https://late.example");
    assert.deepEqual(corsFields(await ask("/late", SHOP)), []);
  });

  test("of a guard can be read wherever cors is listed", async () => {
    const response = await ask("/late", "https://late.example");
    assert.equal(response.status, 403);
    readable(response, "https://late.example");
  });

  test("that no page may read is given all the same: CORS is no access control", async () => {
    const response = await ask("/own/", EVIL);
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), "hi");
  });
});
