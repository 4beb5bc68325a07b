/** What versions say of their end, and what they do when it has come (VER-9, VER-10, VER-11). */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import { message } from "./stand.ts";

const JUNE = "@1780272000";
const DOCS = "https://docs.example.com/v1";

describe("a version on its way out", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  before(async () => {
    origin = await RecordingOrigin.start();
    gateway = await startGateway(
      {
        versions: {
          default: "2",
          list: {
            "1": { deprecated: "2026-06-01", sunset: "2027-03-01", link: DOCS },
            "2": {},
            "3": { deprecated: "2026-06-01T12:00:00+02:00" },
          },
        },
        upstreams: { origin: { targets: [origin.url] } },
        routes: [
          { path: "/orders/{id}", methods: ["GET"], to: { upstream: "origin" } },
          { path: "/down", to: { upstream: "origin" } },
        ],
      },
      { time: "by hand" },
    );
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });
  beforeEach(() => {
    origin.answer = () => ok("ok");
  });

  const OWN_LINK = `<${DOCS}>; rel="deprecation"; type="text/html", <${DOCS}>; rel="sunset"; type="text/html"`;
  const answers: readonly (readonly [what: string, request: string, status: number])[] = [
    ["an answer", get("/v1/orders/7"), 200],
    ["an error of the gateway", get("/v1/nothing"), 404],
    ["a refused method", "PUT /v1/orders/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405],
    ["a 304", get("/v1/orders/7", 'If-None-Match: "a"\r\n'), 304],
    ["HEAD", "HEAD /v1/orders/7 HTTP/1.1\r\nHost: a\r\n\r\n", 200],
    ["an error of the service", get("/v1/orders/down"), 503],
    ["a lost service", get("/v1/orders/lost"), 502],
  ];
  for (const [what, request, status] of answers) {
    test(`says so on ${what}`, async () => {
      origin.answer = ({ method, target, fields }, socket) => {
        if (target.endsWith("lost")) {
          socket.destroy();
          return null;
        }
        if (target.endsWith("down")) return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        if (method === "HEAD") return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        return fields.some(([name]) => name.toLowerCase() === "if-none-match")
          ? 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'
          : ok("ok");
      };
      const { status: found, headers } = await askOnce(gateway.port, request);
      assert.equal(found, status);
      assert.deepEqual(headers.get("api-version"), ["1"]);
      assert.deepEqual(headers.get("deprecation"), [JUNE]);
      assert.deepEqual(headers.get("sunset"), ["Mon, 01 Mar 2027 00:00:00 GMT"]);
      const path = / \/v1(\S+)/.exec(request)?.[1];
      assert.deepEqual(headers.get("link"), [OWN_LINK, `</v2${path}>; rel="successor-version"`]);
    });
  }

  test("is told apart from one that stays", async () => {
    const { headers } = await askOnce(gateway.port, get("/v2/orders/7"));
    for (const field of ["deprecation", "sunset", "link"]) assert.equal(headers.has(field), false, field);
  });

  test("may name a moment in a zone instead of a day, and no page", async () => {
    const { headers } = await askOnce(gateway.port, get("/v3/orders/7"));
    assert.deepEqual(headers.get("deprecation"), [`@${Date.UTC(2026, 5, 1, 10) / 1000}`]);
    assert.equal(headers.has("link"), false, "there is nothing newer, and nothing to read");
  });

  test("leaves the links of the service in place", async () => {
    origin.answer = () => ok("ok", 'Link: </orders?page=2>; rel="next"\r\nLink: </a>; rel="b"\r\n');
    const { headers } = await askOnce(gateway.port, get("/v1/orders/7"));
    const links = headers.get("link")?.join(", ") ?? "";
    for (const rel of ["next", "b", "deprecation", "sunset", "successor-version"])
      assert.equal(links.split(`rel="${rel}"`).length, 2, rel);
  });

  const dates: readonly (readonly [theirs: string, field: string, seen: string])[] = [
    ["Deprecation: @1000", "deprecation", "@1000"],
    ["Deprecation: @1900000000", "deprecation", JUNE],
    ["Deprecation: true", "deprecation", JUNE],
    ["Sunset: Fri, 01 Jan 2027 00:00:00 GMT", "sunset", "Fri, 01 Jan 2027 00:00:00 GMT"],
    ["Sunset: Sat, 01 Jan 2028 00:00:00 GMT", "sunset", "Mon, 01 Mar 2027 00:00:00 GMT"],
    ["Sunset: soon", "sunset", "Mon, 01 Mar 2027 00:00:00 GMT"],
  ];
  for (const [theirs, field, seen] of dates) {
    test(`says ${seen} where the service says ${theirs}: the earlier date`, async () => {
      origin.answer = () => ok("ok", `${theirs}\r\n`);
      const { headers } = await askOnce(gateway.port, get("/v1/orders/7"));
      assert.deepEqual(headers.get(field), [seen]);
    });
  }
});

describe("a version whose sunset comes while the gateway runs", () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startGateway(
      {
        versions: {
          default: "oldest",
          list: {
            "1": { deprecated: "2026-01-01", sunset: "2026-11-22T12:00:10Z", link: DOCS },
            "2": {},
            "3": {},
            "4-preview": {},
          },
        },
        routes: [{ path: "/orders", to: { fixed: { body: "ok" } } }],
      },
      { time: "by hand" },
    );
  });
  after(() => gateway.stop());

  test("is served until the last moment, then gone, without a restart", async () => {
    gateway.clock.advance(9_999);
    assert.equal((await askOnce(gateway.port, get("/v1/orders"))).status, 200);
    assert.deepEqual((await askOnce(gateway.port, get("/orders"))).headers.get("api-version"), ["1"]);
    gateway.clock.advance(1);
    const gone = await askOnce(gateway.port, get("/v1/orders"));
    assert.equal(gone.status, 410);
    assert.equal(errorCode(gone), "VERSION_RETIRED");
    assert.equal(
      message(gone).message,
      "Version 1 of the API is retired since 2026-11-22. Supported: 2, 3, 4-preview.",
    );
    const links = gone.headers.get("link")?.join(", ") ?? "";
    assert.match(links, /<https:\/\/docs\.example\.com\/v1>; rel="sunset"/);
    assert.match(links, /<\/v2\/orders>; rel="successor-version"/);
    assert.deepEqual(gone.headers.get("sunset"), ["Sun, 22 Nov 2026 12:00:10 GMT"]);
    const { headers } = await askOnce(gateway.port, get("/orders"));
    assert.deepEqual(headers.get("api-version"), ["2"], "oldest has moved on");
  });

  test("is no redirect, for unsafe methods neither", async () => {
    const gone = await askOnce(
      gateway.port,
      "POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    );
    assert.equal(gone.status, 410);
    assert.equal(gone.headers.has("location"), false);
  });
});

describe("a version in a brownout", () => {
  test("is refused until it is over, with a code of its own", async () => {
    const brownouts = [
      { from: "2026-11-22T12:00:05Z", to: "2026-11-22T12:00:08Z" },
      { from: "2026-11-22T12:00:10Z", to: "2026-11-22T12:00:20.5Z" },
    ];
    const gateway = await startGateway(
      {
        versions: { default: "oldest", list: { "1": { deprecated: "2026-01-01", brownouts }, "2": {} } },
        routes: [{ path: "/orders", to: { fixed: { body: "ok" } } }],
      },
      { time: "by hand" },
    );
    const seen: unknown[] = [];
    for (const step of [4_999, 1, 3_000, 2_000, 10_499, 1]) {
      gateway.clock.advance(step);
      const { status, headers } = await askOnce(gateway.port, get("/orders"));
      seen.push([status, headers.get("x-error-code")?.[0], headers.get("retry-after")?.[0]]);
      assert.deepEqual(headers.get("api-version"), ["1"], "oldest does not move on for a brownout");
    }
    await gateway.stop();
    assert.deepEqual(seen, [
      [200, undefined, undefined],
      [410, "VERSION_BROWNOUT", "3"],
      [200, undefined, undefined],
      [410, "VERSION_BROWNOUT", "11"],
      [410, "VERSION_BROWNOUT", "1"],
      [200, undefined, undefined],
    ]);
  });
});

describe("the newest version", () => {
  test("is never a preview, nor one that has retired", async () => {
    const gateway = await startGateway({
      versions: {
        default: "newest",
        list: { "1": {}, "2": { retired: true }, "3beta1": {}, "3-preview": {} },
      },
      routes: [{ path: "/orders", to: { fixed: { body: "ok" } } }],
    });
    const { headers } = await askOnce(gateway.port, get("/orders"));
    await gateway.stop();
    assert.deepEqual(headers.get("api-version"), ["1"]);
  });
});
