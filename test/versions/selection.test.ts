/** Which version of the API a call gets, by path, header and query (VER-1 … VER-6). */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { askOnce, errorCode, get, post } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { fieldsOf, ok, RecordingOrigin } from "../harness/origin.ts";
import type { RawResponse } from "../harness/raw.ts";
import { message, only } from "./stand.ts";

/** A version in each selector; null for none. */
type Asked = readonly [path: string | null, header: string | null, query: string | null];

function request([path, header, query]: Asked): string {
  const target = `${path === null ? "" : `/${path}`}/orders${query === null ? "" : `?version=${query}`}`;
  return get(target, header === null ? "" : `API-Version: ${header}\r\n`);
}

/** The rules of VER-1 and VER-3, for the versions 0 (retired), 1 and 2; undefined for an answer. */
function expectedCode(path: string | null, ...others: (string | null)[]): string | undefined {
  const named = [path, ...others].filter((text) => text !== null);
  if (path === "9") return "VERSION_NOT_FOUND";
  if (named.includes("no version")) return "VERSION_MALFORMED";
  if (new Set(named).size > 1) return "VERSION_CONFLICT";
  if (named.includes("9")) return "UNSUPPORTED_VERSION";
  return named.includes("0") ? "VERSION_RETIRED" : undefined;
}

describe("a call to an API with versions", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  before(async () => {
    origin = await RecordingOrigin.start();
    gateway = await startGateway(
      {
        versions: {
          default: "2",
          list: { "1": {}, "2": {}, "2026-11-01": {}, "2026-12-01-preview": {}, "0": { retired: true } },
        },
        upstreams: { origin: { targets: [origin.url] } },
        routes: [{ name: "orders", path: "/orders/*", to: { upstream: "origin" } }],
      },
      { time: "by hand" },
    );
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });
  beforeEach(() => origin.reset());
  const ask = (asked: Asked): Promise<RawResponse> => askOnce(gateway.port, request(asked));

  const selectors: readonly (readonly [asked: Asked, version: string])[] = [
    [[null, null, null], "2"],
    [["v1", null, null], "1"],
    [[null, "1", null], "1"],
    [[null, null, "1"], "1"],
    [["v1", "1", null], "1"],
    [["v1", null, "1"], "1"],
    [[null, "1", "1"], "1"],
    [["v1", "1", "1"], "1"],
    [["v2026-11-01", "2026-11-01", "2026-11-01"], "2026-11-01"],
    [[null, "2026-12-01-preview", null], "2026-12-01-preview"],
    [["v2026-12-01-Preview", null, null], "2026-12-01-preview"],
    [[null, "v1", null], "1"],
    [[null, "V1", null], "1"],
    [[null, " \t1 ", null], "1"],
    [[null, null, "v1"], "1"],
    [[null, null, "%76%31"], "1"],
    [[null, null, "+1"], "1"],
    [["V1", "v1", "V1"], "1"],
    [["%76%31", null, null], "1"],
  ];
  for (const [asked, version] of selectors) {
    test(`gets version ${version} for path, header and query ${JSON.stringify(asked)}`, async () => {
      const response = await ask(asked);
      assert.equal(response.status, 200);
      assert.deepEqual(response.headers.get("api-version"), [version]);
      const seen = only(origin.requests);
      assert.equal(seen.target, "/orders", "the upstream sees neither prefix nor parameter");
      assert.deepEqual(fieldsOf(seen, "api-version"), [version]);
    });
  }

  test("is judged alike for every combination of path, header and query", async () => {
    const said = [null, "0", "1", "2", "9", "no version"];
    for (const path of said.slice(0, -1)) {
      for (const header of said) {
        for (const query of said) {
          const asked: Asked = [path === null ? null : `v${path}`, header, query?.replace(" ", "+") ?? null];
          const response = await ask(asked);
          assert.equal(errorCode(response), expectedCode(path, header, query), JSON.stringify(asked));
        }
      }
    }
  });

  const conflicts: readonly Asked[] = [
    ["v1", "2", null],
    ["v1", null, "2"],
    [null, "1", "2"],
    ["v1", "1", "2"],
    ["v1", "2", "1"],
    ["v2", "1", "1"],
    ["v1", "2", "2026-11-01"],
    [null, "1", "9"],
    ["v1", "9", null],
  ];
  for (const asked of conflicts) {
    test(`is refused for the contradiction ${JSON.stringify(asked)}, and told what disagrees`, async () => {
      const response = await ask(asked);
      assert.equal(response.status, 400);
      assert.equal(errorCode(response), "VERSION_CONFLICT");
      const { details } = message(response);
      const fields = [
        ...(asked[0] === null ? [] : ["path"]),
        ...(asked[1] === null ? [] : ["header.API-Version"]),
        ...(asked[2] === null ? [] : ["query.version"]),
      ];
      assert.deepEqual(
        details.map(({ field }) => field),
        fields,
      );
      assert.equal(response.headers.has("api-version"), false, "no version was used");
      assert.equal(origin.requests.length, 0);
    });
  }

  const unsupported: readonly Asked[] = [
    [null, "9", null],
    [null, null, "9"],
    [null, "9", "v9"],
    [null, "2026-13-45", null],
    [null, "1beta1", null],
    [null, "1.0", null],
  ];
  for (const asked of unsupported) {
    test(`is refused for a version that does not exist, ${JSON.stringify(asked)}, and told those that do`, async () => {
      const response = await ask(asked);
      assert.equal(response.status, 400);
      assert.equal(errorCode(response), "UNSUPPORTED_VERSION");
      assert.match(message(response).message, /Supported: 1, 2, 2026-11-01, 2026-12-01-preview\.$/);
    });
  }

  for (const path of ["v9", "v9.9", "v3beta1", "v2020-01-01", "V9"]) {
    test(`is not found under /${path}, a version that does not exist`, async () => {
      const response = await ask([path, null, null]);
      assert.equal(response.status, 404);
      assert.equal(errorCode(response), "VERSION_NOT_FOUND");
      assert.match(message(response).message, /Supported: 1, 2, /);
    });
  }

  const malformed: readonly (readonly [what: string, request: string, field: string])[] = [
    ["a word", request([null, "latest", null]), "header.API-Version"],
    ["nothing", request([null, "", null]), "header.API-Version"],
    ["a list", request([null, "1, 2", null]), "header.API-Version"],
    ["an equal list", request([null, "1,1", null]), "header.API-Version"],
    ["two header lines", get("/orders", "API-Version: 1\r\napi-version: 1\r\n"), "header.API-Version"],
    ["an empty parameter", request([null, null, ""]), "query.version"],
    ["a parameter without value", get("/orders?version"), "query.version"],
    ["two parameters", get("/orders?version=1&version=1"), "query.version"],
    ["two parameters, one in disguise", get("/orders?version=1&versi%6Fn=1"), "query.version"],
    ["an attack", request([null, "1' or 1=1", null]), "header.API-Version"],
  ];
  for (const [what, bytes, field] of malformed) {
    test(`is refused for ${what} in place of a version`, async () => {
      const response = await askOnce(gateway.port, bytes);
      assert.equal(response.status, 400);
      assert.equal(errorCode(response), "VERSION_MALFORMED");
      assert.deepEqual(
        message(response).details.map((detail) => detail.field),
        [field],
      );
      assert.equal(origin.requests.length, 0);
    });
  }

  test("never hears its own words back where they are no version", async () => {
    const response = await ask([null, "<script>", null]);
    assert.doesNotMatch(response.body.toString(), /script/);
  });

  for (const selector of ["path", "header", "query"] as const) {
    test(`gets 410 for a version that is retired, named in the ${selector}`, async () => {
      const asked: Asked = [
        selector === "path" ? "v0" : null,
        selector === "header" ? "0" : null,
        selector === "query" ? "0" : null,
      ];
      const response = await ask(asked);
      assert.equal(response.status, 410);
      assert.equal(errorCode(response), "VERSION_RETIRED");
      assert.deepEqual(response.headers.get("api-version"), ["0"]);
      assert.deepEqual(response.headers.get("link"), ['</v1/orders>; rel="successor-version"']);
    });
  }

  test("says on every answer that the header decides", async () => {
    for (const bytes of [
      get("/orders"),
      get("/v1/orders"),
      get("/nothing"),
      request([null, "9", null]),
      request(["v9", null, null]),
    ]) {
      const response = await askOnce(gateway.port, bytes);
      assert.match(response.headers.get("vary")?.join(", ") ?? "", /\bAPI-Version\b/, bytes);
    }
  });

  test("adds to what the service says that its answer depends on", async () => {
    origin.answer = () => ok("x", "Vary: Accept-Encoding\r\n");
    const response = await askOnce(gateway.port, get("/orders"));
    origin.answer = () => ok("ok");
    const vary = response.headers.get("vary")?.join(", ") ?? "";
    assert.match(vary, /Accept-Encoding/);
    assert.match(vary, /API-Version/);
  });

  test("hears the gateway's word of its version, not the service's", async () => {
    origin.answer = () => ok("x", "API-Version: 99\r\n");
    const { headers } = await askOnce(gateway.port, get("/v1/orders"));
    origin.answer = () => ok("ok");
    assert.deepEqual(headers.get("api-version"), ["1"]);
  });

  test("that upgrades to WebSocket is held to its version before, and hears it after", async () => {
    const handshake = (path: string) =>
      get(
        path,
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
      );
    origin.answer = () =>
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";
    const retired = await askOnce(gateway.port, handshake("/v0/orders"));
    const upgraded = await askOnce(gateway.port, handshake("/v1/orders"));
    origin.answer = () => ok("ok");
    assert.equal(retired.status, 410);
    assert.equal(upgraded.status, 101);
    assert.deepEqual(upgraded.headers.get("api-version"), ["1"]);
  });

  test("hears its version on a 404, too", async () => {
    const response = await askOnce(gateway.port, get("/v1/nothing"));
    assert.equal(errorCode(response), "ROUTE_NOT_FOUND");
    assert.deepEqual(response.headers.get("api-version"), ["1"]);
  });

  test("hears its version on HEAD and OPTIONS", async () => {
    for (const method of ["HEAD", "OPTIONS"]) {
      origin.answer = () => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
      const response = await askOnce(gateway.port, `${method} /v1/orders HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.deepEqual(response.headers.get("api-version"), ["1"], method);
    }
    origin.answer = () => ok("ok");
  });

  test("leaves the rest of the query byte for byte as it was", async () => {
    for (const [asked, seen] of [
      ["/orders?a=%2f&version=1&b=+x&&c", "/orders?a=%2f&b=+x&&c"],
      ["/orders?version=1", "/orders"],
      ["/orders?a=1&version=1", "/orders?a=1"],
      ["/orders?conversion=3", "/orders?conversion=3"],
      ["/orders?version[]=3", "/orders?version[]=3"],
      ["/orders?a=%zz&version=1", "/orders?a=%zz"],
    ] as const) {
      origin.reset();
      await askOnce(gateway.port, get(asked));
      assert.equal(only(origin.requests).target, seen);
    }
  });

  test("takes /v1 and /v1/ for the root", async () => {
    for (const target of ["/v1", "/v1/"]) {
      const response = await askOnce(gateway.port, get(target));
      assert.equal(errorCode(response), "ROUTE_NOT_FOUND");
    }
  });

  test("does not take for versions what is none", async () => {
    for (const target of ["/videos/1", "/v/1", "/vx1/1", "/v1x/1", "/v-1/1", "/1/orders", "/v2ray/1"]) {
      const response = await askOnce(gateway.port, get(target));
      assert.equal(errorCode(response), "ROUTE_NOT_FOUND", target);
      assert.deepEqual(response.headers.get("api-version"), ["2"], target);
    }
  });

  test("cannot take the version from the upstream by calling the header hop-by-hop", async () => {
    await askOnce(gateway.port, get("/orders", "API-Version: 1\r\nConnection: API-Version\r\n"));
    assert.deepEqual(fieldsOf(only(origin.requests), "api-version"), ["1"]);
  });

  test("is logged with its version", async () => {
    await askOnce(gateway.port, post("/v1/orders/logged", "{}"));
    const line = await gateway.logged((entry) => entry["path"] === "/orders/logged");
    assert.equal(line["api_version"], "1");
  });
});

describe("an origin that reads paths more leniently than the gateway", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  before(async () => {
    origin = await RecordingOrigin.start();
    gateway = await startGateway({
      versions: { default: "1", forward: { path: true }, list: { "1": {} } },
      paths: { encodedSlash: "keep", semicolon: "keep" },
      upstreams: { origin: { targets: [origin.url] } },
      routes: [
        { path: "/*", to: { upstream: "origin" } },
        { path: "/admin/*", to: { fixed: { status: 403 } } },
      ],
    });
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });

  for (const path of [
    "/v1%2Fadmin/x",
    "/v1;a=b/admin/x",
    "/v1%5Cadmin",
    "/v1./admin/x",
    "/%561/admin/x",
    "/v1%3Bx/admin",
  ]) {
    test(`is never reached behind a guard by ${path}`, async () => {
      origin.reset();
      const response = await askOnce(gateway.port, get(path));
      assert.ok([400, 403, 404].includes(response.status), `${response.status}`);
      assert.equal(origin.requests.length, 0);
    });
  }
});
