/** A backend for each version, who gets which version without naming one, and what upstreams see of it (VER-2, VER-5). */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { fieldsOf, RecordingOrigin } from "../harness/origin.ts";
import { message, only } from "./stand.ts";

describe("a route with a backend for each version", () => {
  let old: RecordingOrigin;
  let current: RecordingOrigin;
  let gateway: TestGateway;
  before(async () => {
    old = await RecordingOrigin.start();
    current = await RecordingOrigin.start();
    gateway = await startGateway({
      versions: { default: "v2", list: { v1: {}, v2: {}, "3": {} } },
      upstreams: { old: { targets: [old.url] }, current: { targets: [current.url] } },
      routes: [
        {
          path: "/orders/{id}",
          to: {
            "1": { upstream: "old", rewrite: "/v1/legacy/{id}" },
            "2": { upstream: "current" },
            v3: { fixed: { status: 200, body: { version: 3 } } },
          },
        },
        { path: "/new", to: { "3": { upstream: "current" } } },
        { path: "/both", to: { v2: { upstream: "current" }, v3: { upstream: "current" } } },
        { path: "/same", to: { upstream: "current" } },
      ],
    });
  });
  after(async () => {
    await gateway.stop();
    await old.stop();
    await current.stop();
  });
  beforeEach(() => {
    old.reset();
    current.reset();
  });

  test("asks the backend of the version, with the rewrite of that version", async () => {
    await askOnce(gateway.port, get("/v1/orders/7?a=1"));
    assert.equal(only(old.requests).target, "/v1/legacy/7?a=1");
    assert.deepEqual(fieldsOf(only(old.requests), "api-version"), ["v1"]);
    assert.equal(current.requests.length, 0);
    await askOnce(gateway.port, get("/orders/7", "API-Version: 2\r\n"));
    assert.equal(only(current.requests).target, "/orders/7");
    assert.deepEqual(fieldsOf(only(current.requests), "api-version"), ["v2"]);
    const third = await askOnce(gateway.port, get("/orders/7?version=v3"));
    assert.equal(third.body.toString(), '{"version":3}');
  });

  test("echoes the version as the config spells it", async () => {
    for (const [asked, name] of [
      ["1", "v1"],
      ["v2", "v2"],
      ["v3", "3"],
    ] as const) {
      const response = await askOnce(gateway.port, get("/same", `API-Version: ${asked}\r\n`));
      assert.deepEqual(response.headers.get("api-version"), [name]);
    }
  });

  test("is not there in the versions that it does not name", async () => {
    const response = await askOnce(gateway.port, get("/v1/new"));
    assert.equal(response.status, 404);
    assert.equal(errorCode(response), "ROUTE_NOT_FOUND");
    assert.equal(
      message(response).message,
      "Version v1 of the API does not have this route; version 3 has it.",
    );
    assert.deepEqual(response.headers.get("api-version"), ["v1"]);
    const other = message(await askOnce(gateway.port, get("/v1/both")));
    assert.equal(other.message, "Version v1 of the API does not have this route; versions v2 and 3 have it.");
  });
});

describe("a call that names no version", () => {
  let gateway: TestGateway;
  let origin: RecordingOrigin;
  const keyed = (secret: string) => `X-API-Key: ${secret}\r\n`;
  before(async () => {
    origin = await RecordingOrigin.start();
    const key = (consumer: string) => ({
      id: consumer,
      consumer,
      hash: `sha256:${createHash("sha256").update(`secret-of-${consumer}`).digest("hex")}`,
    });
    gateway = await startGateway(
      {
        keys: [key("acme"), key("beta"), key("gone")],
        versions: {
          default: "2",
          pinned: { consumers: { acme: "1", gone: "0" } },
          list: { "0": { retired: true }, "1": { deprecated: "2026-01-01" }, "2": {} },
        },
        upstreams: { origin: { targets: [origin.url] } },
        routes: [{ path: "/orders", to: { upstream: "origin" }, policies: [{ "api-key": {} }] }],
      },
      { time: "by hand" },
    );
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });
  beforeEach(() => origin.reset());

  test("gets the version that its consumer is pinned to", async () => {
    const { headers } = await askOnce(gateway.port, get("/orders", keyed("secret-of-acme")));
    assert.deepEqual(headers.get("api-version"), ["1"]);
    assert.equal(headers.has("deprecation"), true);
    assert.deepEqual(fieldsOf(only(origin.requests), "api-version"), ["1"]);
  });

  test("gets the default where its consumer is not pinned, or nobody is known yet", async () => {
    const other = await askOnce(gateway.port, get("/orders", keyed("secret-of-beta")));
    assert.deepEqual(other.headers.get("api-version"), ["2"]);
    const unknown = await askOnce(gateway.port, get("/orders"));
    assert.equal(unknown.status, 401);
    assert.deepEqual(unknown.headers.get("api-version"), ["2"]);
  });

  test("is outweighed by one that does", async () => {
    const { headers } = await askOnce(gateway.port, get("/v2/orders", keyed("secret-of-acme")));
    assert.deepEqual(headers.get("api-version"), ["2"]);
    assert.equal(headers.has("deprecation"), false);
  });

  test("gets 410 when the version that it is pinned to has retired", async () => {
    const response = await askOnce(gateway.port, get("/orders", keyed("secret-of-gone")));
    assert.equal(errorCode(response), "VERSION_RETIRED");
    assert.deepEqual(response.headers.get("api-version"), ["0"]);
  });

  test("is counted by version and consumer, like every other", async () => {
    await askOnce(gateway.port, get("/v1/orders", keyed("secret-of-beta")));
    const metrics = await askOnce(gateway.adminPort, get("/metrics"));
    const lines = metrics.body
      .toString()
      .split("\n")
      .filter((line) => line.startsWith("turnpike_version_requests_total"));
    assert.ok(
      lines.includes('turnpike_version_requests_total{version="1",consumer="beta"} 1'),
      lines.join("\n"),
    );
    assert.ok(
      lines.includes('turnpike_version_requests_total{version="0",consumer="gone"} 1'),
      lines.join("\n"),
    );
    assert.equal(
      lines.some((line) => line.includes('consumer=""')),
      false,
      "whoever is turned away is nobody's call",
    );
  });
});

describe("an API that wants every request to name its version", () => {
  test("refuses one that does not, and says how", async () => {
    const gateway = await startGateway({
      versions: {
        required: true,
        from: ["header", "query"],
        query: "api-version",
        list: { "2026-11-01": {} },
      },
      routes: [{ path: "/orders", to: { fixed: { body: "ok" } } }],
    });
    const response = await askOnce(gateway.port, get("/orders?version=1"));
    const path = await askOnce(gateway.port, get("/v2026-11-01/orders"));
    const query = await askOnce(gateway.port, get("/orders?api-version=2026-11-01"));
    await gateway.stop();
    assert.equal(response.status, 400);
    assert.equal(errorCode(response), "VERSION_REQUIRED");
    assert.equal(
      message(response).message,
      "Name a version of the API, in the header API-Version or the parameter api-version. Supported: 2026-11-01.",
    );
    assert.equal(errorCode(path), "ROUTE_NOT_FOUND", "the path is not looked at");
    assert.equal(query.status, 200);
  });
});

describe("what an upstream sees of the version", () => {
  const cases: readonly (readonly [
    what: string,
    versions: Record<string, unknown>,
    request: string,
    target: string,
    header: readonly string[],
  ])[] = [
    ["the header alone", {}, get("/v1/a?version=1", "API-Version: v1\r\n"), "/a", ["1"]],
    ["all of it", { forward: { path: true, query: true } }, get("/v1/a?version=1"), "/v1/a?version=1", ["1"]],
    ["nothing", { forward: { header: false } }, get("/v1/a?version=1", "API-Version: 1\r\n"), "/a", []],
    ["its own parameter", { query: "v" }, get("/a?version=1&v=1"), "/a?version=1", ["1"]],
    [
      "a parameter that names none here",
      { from: ["path", "header"] },
      get("/v1/a?version=9"),
      "/a?version=9",
      ["1"],
    ],
  ];
  for (const [what, versions, request, target, header] of cases) {
    test(`is, as configured, ${what}`, async () => {
      const origin = await RecordingOrigin.start();
      const gateway = await startGateway({
        versions: { default: "2", list: { "1": {}, "2": {} }, ...versions },
        upstreams: { origin: { targets: [origin.url] } },
        routes: [{ path: "/*", to: { upstream: "origin" } }],
      });
      await askOnce(gateway.port, request);
      await gateway.stop();
      await origin.stop();
      const seen = only(origin.requests);
      assert.equal(seen.target, target);
      assert.deepEqual(fieldsOf(seen, "api-version"), header);
    });
  }

  test("is a header by another name, with which clients name and answers echo it", async () => {
    const origin = await RecordingOrigin.start();
    const gateway = await startGateway({
      versions: {
        header: "Shop-Version",
        from: ["header"],
        default: "2",
        list: { "1": { deprecated: "2026-01-01" }, "2": {} },
      },
      upstreams: { origin: { targets: [origin.url] } },
      routes: [{ path: "/*", to: { upstream: "origin" } }],
    });
    const response = await askOnce(gateway.port, get("/a", "shop-version: 1\r\n"));
    await gateway.stop();
    await origin.stop();
    assert.deepEqual(fieldsOf(only(origin.requests), "shop-version"), ["1"]);
    assert.deepEqual(response.headers.get("shop-version"), ["1"]);
    assert.deepEqual(response.headers.get("link"), ['</a>; rel="successor-version"']);
    assert.match(response.headers.get("vary")?.join() ?? "", /Shop-Version/);
  });
});
